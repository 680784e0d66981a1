//! What the end-to-end tests share.
//!
//! A test opens the built page with [`open`] and drives it; when it ends without a failure, the console is looked at as well: an error
//! there (a panic, an exception, a file that is missing) fails the test.

use std::ops::Deref;
use std::path::{Path, PathBuf};
use std::thread;

use page_driver::{Page, PageOptions, Programs, StaticServer};

/// The page in a browser of its own, served by a server of its own.
#[derive(Debug)]
pub struct Opened {
    page: Page,
    // Kept alive as long as the page is used.
    server: Option<StaticServer>,
}

/// Opens the page with a query such as `?lang=de` (or nothing) and waits until it is ready.
///
/// # Panics
/// When `cargo xtask test --e2e` did not start this test, or the page does not get ready.
pub fn open(query: &str, options: &PageOptions) -> Opened {
    open_under("/", query, options)
}

/// As [`open`], with the page in a subfolder of its site: `prefix` begins and ends with `/`.
pub fn open_under(prefix: &str, query: &str, options: &PageOptions) -> Opened {
    let site = std::env::var_os("ORRERY_SITE").expect("ORRERY_SITE is set: run `cargo xtask test --e2e`");
    let server = StaticServer::start_under(&PathBuf::from(site), 0, prefix).expect("the built page can be served");
    let url = format!("{}{query}", server.url());
    Opened::new(&url, options, Some(server))
}

/// Opens `index.html` of a folder of a test's own; nothing is waited for.
///
/// # Panics
/// When the browser is not there.
pub fn open_folder(folder: &Path, query: &str) -> Opened {
    let server = StaticServer::start(folder, 0).expect("the folder can be served");
    let url = format!("{}{query}", server.url());
    Opened::new(&url, &PageOptions { wait_ready: false, ..PageOptions::default() }, Some(server))
}

/// Opens the page from a file.
///
/// # Panics
/// When it does not get ready.
pub fn open_file(file: &Path, query: &str) -> Opened {
    Opened::new(&format!("file://{}{query}", file.display()), &PageOptions::default(), None)
}

impl Opened {
    fn new(url: &str, options: &PageOptions, server: Option<StaticServer>) -> Self {
        let programs = Programs::find().expect("the browser is installed");
        let page = Page::open(&programs, url, options).expect("the page opens and gets ready");
        Self { page, server }
    }

    /// The address of the site, ending with `/`.
    ///
    /// # Panics
    /// When it was opened from a file.
    pub fn url(&self) -> String {
        self.server.as_ref().expect("it is served").url()
    }

    /// From now on nobody answers at the site's address.
    pub fn stop_server(&mut self) {
        self.server = None;
    }

    /// The JSON of an expression in the page; promises are awaited.
    ///
    /// # Panics
    /// When the expression throws.
    pub fn evaluate(&self, expression: &str) -> serde_json::Value {
        self.page.evaluate(expression).expect(expression)
    }
}

impl Opened {
    /// Waits until an expression is true, at most a minute.
    ///
    /// # Panics
    /// When it does not become true, or throws.
    pub fn until(&self, expression: &str) {
        let script = format!(
            "const end = performance.now() + 60000;
             while (!({expression}) && performance.now() < end) await new Promise(done => setTimeout(done, 15));
             return Boolean({expression});"
        );
        assert_eq!(self.returned(&script), serde_json::Value::Bool(true), "{expression}");
    }

    /// The value that a function body returns, which may await.
    pub fn returned(&self, body: &str) -> serde_json::Value {
        self.evaluate(&format!("await (async () => {{ {body} }})()"))
    }

    /// Clicks what stands for something on the stage, such as `node/kind-worker`.
    pub fn select(&self, key: &str) {
        let element = format!("document.querySelector('[data-select=\"{key}\"]')");
        self.until(&element);
        self.evaluate(&format!("{element}.dispatchEvent(new MouseEvent('click', {{bubbles: true}}))"));
    }

    /// Clicks the first element of a selector with this text.
    pub fn click(&self, selector: &str, text: &str) {
        let found = format!("[...document.querySelectorAll('{selector}')].find(one => one.textContent.trim() === '{text}')");
        self.until(&found);
        self.evaluate(&format!("{found}.click()"));
    }

    /// Presses a key as a keyboard does, with whatever has the focus.
    ///
    /// # Panics
    /// When there is no such key.
    pub fn press_key(&self, key: &str) {
        self.page.press(key).expect("the key is known");
    }

    /// Tells what has the focus of a key, which it may take for itself.
    pub fn press_in_focus(&self, key: &str) {
        self.evaluate(&format!(
            "document.activeElement.dispatchEvent(new KeyboardEvent('keydown', {{key: '{key}', bubbles: true, cancelable: true}}))"
        ));
    }

    /// Presses a key with nothing in focus.
    pub fn press(&self, key: &str) {
        self.evaluate(&format!("document.body.dispatchEvent(new KeyboardEvent('keydown', {{key: '{key}', bubbles: true}}))"));
    }
}

impl Deref for Opened {
    type Target = Page;

    fn deref(&self) -> &Page {
        &self.page
    }
}

impl Drop for Opened {
    fn drop(&mut self) {
        if thread::panicking() {
            return;
        }
        let console = self.page.console().expect("the console can be read");
        let errors: Vec<_> = console.iter().filter(|message| message.is_error()).collect();
        assert!(errors.is_empty(), "the page wrote errors to its console: {errors:#?}");
    }
}
