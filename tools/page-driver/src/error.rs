//! What can go wrong between us and the browser.

use std::path::PathBuf;

use crate::ConsoleMessage;

/// Result of this crate.
pub type Result<T> = std::result::Result<T, Error>;

/// Why the page could not be served or driven.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Chromium or chromedriver is not installed, or not where the environment says.
    #[error("{0} was not found; `cargo xtask test` installs it, or set {1} to its path")]
    NotInstalled(&'static str, &'static str),
    /// The folder to serve is missing or holds no `index.html`.
    #[error("{0} holds no index.html: build the page first (`cargo xtask dist`)")]
    NoPage(PathBuf),
    /// Another program listens on the port.
    #[error("port {0} is taken by another program; choose one with --port N (0 takes any free one)")]
    PortTaken(u16),
    /// The page threw, or rejected the promise.
    #[error("the page answered with an error: {0}")]
    Thrown(String),
    /// The page did not become ready.
    #[error("the page was not ready after {seconds} s (<html data-orrery=\"ready\"> is missing); its console: {console:?}")]
    NotReady {
        /// How long it was waited for.
        seconds: u64,
        /// What the console says, the reason among it.
        console: Vec<ConsoleMessage>,
    },
    /// The WebDriver protocol reported an error.
    #[error("WebDriver: {0}")]
    WebDriver(String),
    /// chromedriver did not start, or answered something that is not HTTP and JSON.
    #[error("chromedriver: {0}")]
    Protocol(String),
    /// Files or sockets.
    #[error("{what}: {source}")]
    Io {
        /// What was tried.
        what: String,
        /// The system's reason.
        source: std::io::Error,
    },
}

impl Error {
    /// For `map_err`: says what was tried.
    pub(crate) fn io(what: impl Into<String>) -> impl FnOnce(std::io::Error) -> Self {
        let what = what.into();
        move |source| Self::Io { what, source }
    }
}
