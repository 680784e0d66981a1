//! Serves a built page and drives it in a headless Chromium: for screenshots, end-to-end tests and benchmarks.
//!
//! In reading order:
//! - [`StaticServer`]: serves a folder over HTTP, as any static host would, only without caching.
//! - [`Programs`]: finds Chromium and chromedriver on this machine.
//! - `http`: the few lines of HTTP client that the WebDriver protocol needs.
//! - [`Driver`]: a chromedriver process, and one browser session of it ([`Session`]).
//! - [`Page`]: the page of this project in such a session: opened at an exact size, ready, with its console errors.
//! - [`MOMENTS`]: what of the page is worth a picture, and how to get there; [`AUDIT`]: a script that measures what is shown.
//!
//! Everything blocks, and everything has a time limit. A WebDriver client of our own takes three seconds to compile where the usual
//! crate takes thirty-six, and Chromium's own protocol (`goog/cdp/execute`) is needed for exact sizes anyway.

mod browser;
mod error;
mod gallery;
mod http;
mod page;
mod programs;
mod server;

pub use browser::{Driver, Session};
pub use error::{Error, Result};
pub use gallery::{AUDIT, MOMENTS, Moment};
pub use page::{ConsoleMessage, Page, PageOptions, Theme};
pub use programs::{CHROMIUM_ARGUMENTS, Programs};
pub use server::{Port, StaticServer};
