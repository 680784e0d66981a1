//! Finds the browser.

use std::env;
use std::path::{Path, PathBuf};

use crate::{Error, Result};

/// Arguments of every Chromium started here; `webdriver.json` has the same ones for the wasm-bindgen tests.
///
/// No sandbox, because root in a container has none; no component updates and so on, because tests must not need a network.
pub const CHROMIUM_ARGUMENTS: [&str; 8] = [
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
];

const BROWSERS: [&str; 5] = ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome"];
const MAC_BROWSERS: [&str; 2] =
    ["/Applications/Chromium.app/Contents/MacOS/Chromium", "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome"];

/// Where Chromium and chromedriver are.
#[derive(Clone, Debug)]
pub struct Programs {
    /// The browser.
    pub chromium: PathBuf,
    /// Its WebDriver server, of the same major version.
    pub chromedriver: PathBuf,
}

impl Programs {
    /// Takes `CHROME` and `CHROMEDRIVER` from the environment, else the usual names from `PATH`.
    pub fn find() -> Result<Self> {
        let chromium = match env::var_os("CHROME") {
            Some(path) => existing(PathBuf::from(path)),
            None => BROWSERS
                .iter()
                .find_map(|name| on_path(name))
                .or_else(|| MAC_BROWSERS.iter().find_map(|path| existing(PathBuf::from(path)))),
        };
        let chromedriver = match env::var_os("CHROMEDRIVER") {
            Some(path) => existing(PathBuf::from(path)),
            None => on_path("chromedriver"),
        };
        Ok(Self {
            chromium: chromium.ok_or(Error::NotInstalled("Chromium", "CHROME"))?,
            chromedriver: chromedriver.ok_or(Error::NotInstalled("chromedriver", "CHROMEDRIVER"))?,
        })
    }
}

fn existing(path: PathBuf) -> Option<PathBuf> {
    path.is_file().then_some(path)
}

fn on_path(name: &str) -> Option<PathBuf> {
    let file = format!("{name}{}", env::consts::EXE_SUFFIX);
    env::split_paths(&env::var_os("PATH")?).find_map(|folder| existing(Path::new(&folder).join(&file)))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::CHROMIUM_ARGUMENTS;

    #[test]
    fn a_plain_cargo_test_for_wasm32_starts_the_same_browser() {
        let capabilities: serde_json::Value =
            serde_json::from_str(include_str!("../../../webdriver.json")).expect("webdriver.json is JSON");
        assert_eq!(capabilities, json!({"goog:chromeOptions": {"args": CHROMIUM_ARGUMENTS}}));
    }
}
