//! A chromedriver process and the sessions of it.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use serde_json::{Value, json};

use crate::http;
use crate::{CHROMIUM_ARGUMENTS, Error, Programs, Result};

/// Chromium's start on a busy machine.
const START_LIMIT: Duration = Duration::from_secs(60);
/// chromedriver's end, with its browsers.
const SHUTDOWN_LIMIT: Duration = Duration::from_secs(5);
/// The longest that a script in the page may take.
const SCRIPT_LIMIT: Duration = Duration::from_secs(600);

/// A chromedriver process on a port of its own; killed when dropped.
#[derive(Debug)]
pub struct Driver {
    process: Child,
    port: u16,
    programs: Programs,
}

impl Driver {
    /// Starts chromedriver on a free port and waits until it listens.
    pub fn start(programs: &Programs) -> Result<Self> {
        let mut process = Command::new(&programs.chromedriver)
            .arg("--port=0")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .map_err(Error::io(format!("starting {}", programs.chromedriver.display())))?;
        let output = process.stdout.take().expect("its stdout was piped above");
        let (sender, receiver) = mpsc::channel();
        thread::spawn(move || {
            // Read to the end, else chromedriver would block as soon as the pipe is full.
            for line in BufReader::new(output).lines().map_while(std::result::Result::ok) {
                if let Some(port) = port_in(&line) {
                    // Nobody listens any more after a timeout.
                    let _ = sender.send(port);
                }
            }
        });
        let Ok(port) = receiver.recv_timeout(START_LIMIT) else {
            // It may have ended by itself.
            let _ = process.kill();
            let _ = process.wait();
            return Err(Error::Protocol(format!("did not say within {} s on which port it listens", START_LIMIT.as_secs())));
        };
        Ok(Self { process, port, programs: programs.clone() })
    }

    /// Opens a browser window with an empty profile of its own (chromedriver makes a new user-data folder for every session and removes it).
    pub fn session(&self) -> Result<Session> {
        let capabilities = json!({"capabilities": {"alwaysMatch": {
            "browserName": "chrome",
            "goog:chromeOptions": {"binary": self.programs.chromium, "args": CHROMIUM_ARGUMENTS},
            "goog:loggingPrefs": {"browser": "ALL"},
            "timeouts": {"script": SCRIPT_LIMIT.as_millis() as u64, "pageLoad": 60_000, "implicit": 0},
        }}});
        let value = http::call(self.port, "POST", "/session", Some(&capabilities), START_LIMIT)?;
        let Some(id) = value["sessionId"].as_str() else {
            return Err(Error::Protocol(format!("a new session was answered with {value}")));
        };
        Ok(Session { port: self.port, path: format!("/session/{id}") })
    }
}

impl Drop for Driver {
    fn drop(&mut self) {
        // Asked to shut down it also ends browsers whose session was never closed; killed it would leave them running. All three fail
        // only if it has ended already.
        let _ = http::call(self.port, "GET", "/shutdown", None, SHUTDOWN_LIMIT);
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// The port in `ChromeDriver was started successfully on port 40321.`
fn port_in(line: &str) -> Option<u16> {
    line.split_once("successfully on port ")?.1.trim().trim_end_matches('.').parse().ok()
}

/// One browser window; closed when dropped. It must not outlive its [`Driver`].
#[derive(Debug)]
pub struct Session {
    port: u16,
    path: String,
}

impl Session {
    /// A WebDriver command below `/session/{id}`: POST with a body, else GET.
    pub fn call(&self, command: &str, body: Option<&Value>) -> Result<Value> {
        let method = if body.is_some() { "POST" } else { "GET" };
        http::call(self.port, method, &format!("{}/{command}", self.path), body, SCRIPT_LIMIT)
    }

    /// A command of Chromium's own protocol, see <https://chromedevtools.github.io/devtools-protocol/>.
    pub fn cdp(&self, command: &str, parameters: Value) -> Result<Value> {
        self.call("goog/cdp/execute", Some(&json!({"cmd": command, "params": parameters})))
    }

    /// Evaluates JavaScript as the browser's console does: several statements are allowed, so is `await`; the last value counts.
    ///
    /// Returns what JSON can hold of the value; `undefined` and functions become `null`. Errors: [`Error::Thrown`].
    pub fn evaluate(&self, expression: &str) -> Result<Value> {
        let parameters =
            json!({"expression": expression, "awaitPromise": true, "returnByValue": true, "replMode": true, "userGesture": true});
        let mut answer = self.cdp("Runtime.evaluate", parameters)?;
        let thrown = &answer["exceptionDetails"];
        if thrown.is_object() {
            let text = [&thrown["exception"]["description"], &thrown["exception"]["value"], &thrown["text"]]
                .into_iter()
                .find(|value| !value.is_null())
                .map(|value| value.as_str().map_or_else(|| value.to_string(), str::to_owned));
            return Err(Error::Thrown(text.unwrap_or_default()));
        }
        Ok(answer["result"]["value"].take())
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        // Fails only if the browser has gone already.
        let _ = http::call(self.port, "DELETE", &self.path, None, Duration::from_secs(10));
    }
}

#[cfg(test)]
mod tests {
    use super::port_in;

    #[test]
    fn reads_the_port() {
        assert_eq!(port_in("ChromeDriver was started successfully on port 40321."), Some(40321));
        assert_eq!(port_in("Starting ChromeDriver 156.0.8078.79 on port 0"), None);
    }
}
