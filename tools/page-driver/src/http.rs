//! The few lines of HTTP client that the WebDriver protocol needs: one request a connection, JSON both ways.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{Ipv4Addr, TcpStream};
use std::time::Duration;

use serde_json::Value;

use crate::{Error, Result};

/// Sends `body` to 127.0.0.1:`port` and returns the `value` of the answer.
///
/// Errors: [`Error::WebDriver`] with the protocol's own message, [`Error::Protocol`] when the answer is no WebDriver answer.
pub(crate) fn call(port: u16, method: &str, path: &str, body: Option<&Value>, limit: Duration) -> Result<Value> {
    let what = || format!("{method} {path}");
    let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).map_err(Error::io(what()))?;
    stream.set_read_timeout(Some(limit)).map_err(Error::io(what()))?;
    stream.set_nodelay(true).map_err(Error::io(what()))?;
    let body = body.map(Value::to_string).unwrap_or_default();
    let request = format!(
        "{method} {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nContent-Type: application/json; charset=utf-8\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}",
        body.len()
    );
    stream.write_all(request.as_bytes()).map_err(Error::io(what()))?;
    // chromedriver keeps the connection open whatever it is asked for: the length must be believed.
    let mut reader = BufReader::new(stream);
    let (mut length, mut line) = (0, String::new());
    while reader.read_line(&mut line).map_err(Error::io(what()))? > 0 && !line.trim().is_empty() {
        let field = line.split_once(':');
        if let Some((_, value)) = field.filter(|(name, _)| name.eq_ignore_ascii_case("content-length")) {
            length = value.trim().parse().unwrap_or(0);
        }
        line.clear();
    }
    let mut answer = vec![0; length];
    reader.read_exact(&mut answer).map_err(Error::io(what()))?;
    let Ok(mut json) = serde_json::from_slice::<Value>(&answer) else {
        let text = String::from_utf8_lossy(&answer[..length.min(200)]).into_owned();
        return Err(Error::Protocol(format!("{} was answered with {text:?}", what())));
    };
    let value = json["value"].take();
    match (&value["error"], &value["message"]) {
        (Value::String(error), Value::String(message)) => {
            // chromedriver appends a native stack trace of no use to anybody.
            let message = message.split("\nStacktrace:").next().unwrap_or_default();
            Err(Error::WebDriver(format!("{error}: {}", message.trim())))
        }
        _ => Ok(value),
    }
}
