//! The page of this project in a browser.

use std::thread;
use std::time::{Duration, Instant};

use base64::Engine as _;
use serde_json::{Value, json};

use crate::{Driver, Error, Programs, Result, Session};

/// How often it is asked whether the page is ready.
const POLL: Duration = Duration::from_millis(25);
/// `Keys` of the WebDriver protocol are characters of the private use area; these are the ones that the page knows.
const KEYS: [(&str, char); 16] = [
    ("Enter", '\u{e007}'),
    ("Tab", '\u{e004}'),
    ("Escape", '\u{e00c}'),
    ("Backspace", '\u{e003}'),
    ("Delete", '\u{e017}'),
    ("Space", ' '),
    ("PageUp", '\u{e00e}'),
    ("PageDown", '\u{e00f}'),
    ("End", '\u{e010}'),
    ("Home", '\u{e011}'),
    ("ArrowLeft", '\u{e012}'),
    ("ArrowUp", '\u{e013}'),
    ("ArrowRight", '\u{e014}'),
    ("ArrowDown", '\u{e015}'),
    ("Shift", '\u{e008}'),
    ("Control", '\u{e009}'),
];

/// What `prefers-color-scheme` and `prefers-contrast` say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Theme {
    /// Dark on light.
    Light,
    /// Light on dark.
    Dark,
    /// Dark on light, with more contrast.
    Contrast,
}

impl Theme {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Light, Self::Dark, Self::Contrast];

    /// As the page calls it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Light => "light",
            Self::Dark => "dark",
            Self::Contrast => "contrast",
        }
    }
}

/// How the page is opened.
#[derive(Clone, Debug)]
pub struct PageOptions {
    /// Width of the viewport in CSS pixels.
    pub width: u32,
    /// Height of the viewport in CSS pixels.
    pub height: u32,
    /// Device pixels a CSS pixel.
    pub scale: u32,
    /// `prefers-color-scheme` and `prefers-contrast`.
    pub theme: Theme,
    /// Whether `prefers-reduced-motion: reduce` holds.
    pub reduced_motion: bool,
    /// Whether to wait until the page says that its first picture stands.
    pub wait_ready: bool,
    /// The longest wait for it.
    pub ready_limit: Duration,
}

impl Default for PageOptions {
    fn default() -> Self {
        Self {
            width: 1280,
            height: 720,
            scale: 1,
            theme: Theme::Light,
            reduced_motion: false,
            wait_ready: true,
            ready_limit: Duration::from_secs(30),
        }
    }
}

/// A message of the browser's console.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConsoleMessage {
    /// As chromedriver says it: `SEVERE`, `WARNING`, `INFO`, `DEBUG`.
    pub level: String,
    /// Source, line and text.
    pub text: String,
}

impl ConsoleMessage {
    /// Whether it is an error: `console.error`, an uncaught exception, a panic, something that could not be loaded.
    pub fn is_error(&self) -> bool {
        self.level == "SEVERE"
    }
}

/// A page in a window of its own, in a browser of its own.
#[derive(Debug)]
pub struct Page {
    // Before the driver, so that it is closed first.
    session: Session,
    _driver: Driver,
}

impl Page {
    /// Starts a browser, sets size and media features, opens `url`, and waits until the page is ready.
    ///
    /// Errors: [`Error::NotReady`] with the console's messages.
    pub fn open(programs: &Programs, url: &str, options: &PageOptions) -> Result<Self> {
        let driver = Driver::start(programs)?;
        let session = driver.session()?;
        let page = Self { session, _driver: driver };
        page.emulate(options)?;
        page.goto(url, options)?;
        Ok(page)
    }

    /// Opens another address in the same window.
    pub fn goto(&self, url: &str, options: &PageOptions) -> Result<()> {
        self.session.call("url", Some(&json!({"url": url})))?;
        if options.wait_ready { self.wait_ready(options.ready_limit) } else { Ok(()) }
    }

    /// Sets the viewport's size, to the pixel, and the media features. A window's size would include borders that differ by version.
    pub fn emulate(&self, options: &PageOptions) -> Result<()> {
        let metrics =
            json!({"width": options.width, "height": options.height, "deviceScaleFactor": options.scale, "mobile": false});
        self.session.cdp("Emulation.setDeviceMetricsOverride", metrics)?;
        let scheme = if options.theme == Theme::Dark { "dark" } else { "light" };
        let contrast = if options.theme == Theme::Contrast { "more" } else { "no-preference" };
        let motion = if options.reduced_motion { "reduce" } else { "no-preference" };
        let media = json!({"features": [
            {"name": "prefers-color-scheme", "value": scheme},
            {"name": "prefers-contrast", "value": contrast},
            {"name": "prefers-reduced-motion", "value": motion},
        ]});
        self.session.cdp("Emulation.setEmulatedMedia", media)?;
        Ok(())
    }

    /// Waits for `<html data-orrery="ready">`, which the page sets when its first picture stands.
    pub fn wait_ready(&self, limit: Duration) -> Result<()> {
        let start = Instant::now();
        loop {
            if self.evaluate("document.documentElement.dataset.orrery === 'ready'")? == Value::Bool(true) {
                return Ok(());
            }
            if start.elapsed() > limit {
                return Err(Error::NotReady { seconds: limit.as_secs(), console: self.console()? });
            }
            thread::sleep(POLL);
        }
    }

    /// Waits until `condition`, a JavaScript expression, is truthy.
    ///
    /// Errors: [`Error::Thrown`] with the condition when it is not within `limit`.
    pub fn wait_until(&self, condition: &str, limit: Duration) -> Result<()> {
        let start = Instant::now();
        while self.evaluate(&format!("Boolean({condition})"))? != Value::Bool(true) {
            if start.elapsed() > limit {
                return Err(Error::Thrown(format!("not true after {} s: {condition}", limit.as_secs())));
            }
            thread::sleep(POLL);
        }
        Ok(())
    }

    /// See [`Session::evaluate`].
    pub fn evaluate(&self, expression: &str) -> Result<Value> {
        self.session.evaluate(expression)
    }

    /// Types text into whatever has the focus, as a keyboard would.
    pub fn type_text(&self, text: &str) -> Result<()> {
        self.keys(text.chars())
    }

    /// Presses and releases a key by its DOM name (`Enter`, `PageDown`, `ArrowLeft`, …) or a single character.
    pub fn press(&self, key: &str) -> Result<()> {
        let named = KEYS.iter().find(|(name, _)| *name == key).map(|(_, code)| *code);
        let mut characters = key.chars();
        match (named, characters.next(), characters.next()) {
            (Some(code), ..) => self.keys([code]),
            (None, Some(character), None) => self.keys([character]),
            _ => Err(Error::WebDriver(format!("no key is called {key:?}"))),
        }
    }

    fn keys(&self, keys: impl IntoIterator<Item = char>) -> Result<()> {
        let strokes: Vec<Value> = keys
            .into_iter()
            .flat_map(|key| {
                [json!({"type": "keyDown", "value": key.to_string()}), json!({"type": "keyUp", "value": key.to_string()})]
            })
            .collect();
        self.session.call("actions", Some(&json!({"actions": [{"type": "key", "id": "keyboard", "actions": strokes}]})))?;
        Ok(())
    }

    /// Clicks the middle of the first element that `selector` finds, with a real pointer: what covers the element gets the click.
    pub fn click(&self, selector: &str) -> Result<()> {
        let element = self.session.call("element", Some(&json!({"using": "css selector", "value": selector})))?;
        let id = element.as_object().and_then(|object| object.values().next()).and_then(Value::as_str);
        let id = id.ok_or_else(|| Error::Protocol(format!("no element id in {element}")))?;
        self.session.call(&format!("element/{id}/click"), Some(&json!({})))?;
        Ok(())
    }

    /// The console's messages since the last call.
    pub fn console(&self) -> Result<Vec<ConsoleMessage>> {
        let entries = self.session.call("se/log", Some(&json!({"type": "browser"})))?;
        let text_of = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let entries = entries.as_array().map(Vec::as_slice).unwrap_or_default();
        Ok(entries
            .iter()
            .map(|entry| ConsoleMessage { level: text_of(&entry["level"]), text: text_of(&entry["message"]) })
            .collect())
    }

    /// A PNG of the viewport.
    pub fn screenshot(&self) -> Result<Vec<u8>> {
        let answer = self.session.cdp("Page.captureScreenshot", json!({"format": "png"}))?;
        let text = answer["data"].as_str().unwrap_or_default();
        base64::engine::general_purpose::STANDARD
            .decode(text)
            .map_err(|error| Error::Protocol(format!("the screenshot is no base64: {error}")))
    }

    /// The session, for what is missing here.
    pub fn session(&self) -> &Session {
        &self.session
    }
}
