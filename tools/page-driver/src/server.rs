//! A static web server for one folder.

use std::fs;
use std::io::{BufRead, BufReader, ErrorKind, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::{Component, Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use crate::{Error, Result};

/// Longest request head that is read, in bytes.
const HEAD_BYTES_MAX: u64 = 16 * 1024;

/// Serves a folder on 127.0.0.1 until it is dropped.
///
/// It answers GET and HEAD, never lists folders, follows no `..`, and forbids caching, so that a reload always shows what was built last.
#[derive(Debug)]
pub struct StaticServer {
    address: SocketAddr,
    prefix: String,
    stopped: Arc<AtomicBool>,
}

impl StaticServer {
    /// Serves `folder` at `/` of 127.0.0.1:`port`; 0 takes any free port.
    ///
    /// Errors: [`Error::NoPage`] without an `index.html`, [`Error::PortTaken`].
    pub fn start(folder: &Path, port: u16) -> Result<Self> {
        Self::start_under(folder, port, "/")
    }

    /// As [`StaticServer::start`], but the folder appears under `prefix` (which begins and ends with `/`) and everything else is 404: so it
    /// can be tested that a page works in a subfolder of a site.
    pub fn start_under(folder: &Path, port: u16, prefix: &str) -> Result<Self> {
        Port::take(port)?.serve_under(folder, prefix)
    }

    /// The page's address, ending with `/`.
    pub fn url(&self) -> String {
        format!("http://{}{}", self.address, self.prefix)
    }
}

/// A port of 127.0.0.1 that nobody else can take any more. Who connects to it waits until something is served.
#[derive(Debug)]
pub struct Port {
    listener: TcpListener,
}

impl Port {
    /// Takes a port; 0 takes any free one. Errors: [`Error::PortTaken`].
    pub fn take(port: u16) -> Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).map_err(|source| match source.kind() {
            ErrorKind::AddrInUse => Error::PortTaken(port),
            _ => Error::Io { what: format!("listening on 127.0.0.1:{port}"), source },
        })?;
        Ok(Self { listener })
    }

    /// Serves a folder at `/`. Errors: [`Error::NoPage`] without an `index.html`.
    pub fn serve(self, folder: &Path) -> Result<StaticServer> {
        self.serve_under(folder, "/")
    }

    fn serve_under(self, folder: &Path, prefix: &str) -> Result<StaticServer> {
        if !folder.join("index.html").is_file() {
            return Err(Error::NoPage(folder.to_owned()));
        }
        let listener = self.listener;
        let address = listener.local_addr().map_err(Error::io("listening"))?;
        let stopped = Arc::new(AtomicBool::new(false));
        let (folder, prefix_of_thread, stopped_of_thread) = (folder.to_owned(), prefix.to_owned(), Arc::clone(&stopped));
        thread::spawn(move || {
            for stream in listener.incoming() {
                if stopped_of_thread.load(Ordering::Relaxed) {
                    break;
                }
                let (Ok(stream), folder, prefix) = (stream, folder.clone(), prefix_of_thread.clone()) else {
                    continue;
                };
                // A browser that goes away in the middle of an answer is everyday business and nobody's error.
                thread::spawn(move || answer(stream, &folder, &prefix));
            }
        });
        Ok(StaticServer { address, prefix: prefix.to_owned(), stopped })
    }
}

impl Drop for StaticServer {
    fn drop(&mut self) {
        self.stopped.store(true, Ordering::Relaxed);
        // Wakes the listener, which then sees that it is to stop.
        let _ = TcpStream::connect(self.address);
    }
}

/// Answers the requests of one connection, one after the other.
fn answer(stream: TcpStream, folder: &Path, prefix: &str) -> std::io::Result<()> {
    stream.set_read_timeout(Some(Duration::from_secs(30)))?;
    stream.set_nodelay(true)?;
    let mut writer = stream.try_clone()?;
    let mut reader = BufReader::new(stream);
    while let Some((method, target)) = read_head(&mut reader)? {
        let response = respond(&method, &target, folder, prefix);
        let location = response.location.map(|location| format!("Location: {location}\r\n")).unwrap_or_default();
        // A file whose name has a hash of its content never changes.
        let cache = if response.status == "200 OK" && has_hash(&target) { "max-age=31536000, immutable" } else { "no-store" };
        let head = format!(
            "HTTP/1.1 {}\r\nContent-Type: {}\r\nContent-Length: {}\r\n{location}Cache-Control: {cache}\r\nAccess-Control-Allow-Origin: *\r\nX-Content-Type-Options: nosniff\r\n\r\n",
            response.status,
            response.media_type,
            response.body.len()
        );
        writer.write_all(head.as_bytes())?;
        if method != "HEAD" {
            writer.write_all(&response.body)?;
        }
    }
    Ok(())
}

/// Method and target of the next request; `None` when the connection has ended. Header fields do not matter here; bodies are never sent
/// with the methods that are answered.
fn read_head(reader: &mut BufReader<TcpStream>) -> std::io::Result<Option<(String, String)>> {
    let mut limited = reader.by_ref().take(HEAD_BYTES_MAX);
    let mut first = String::new();
    limited.read_line(&mut first)?;
    let mut line = String::new();
    while limited.read_line(&mut line)? > 0 && !line.trim().is_empty() {
        line.clear();
    }
    let mut words = first.split_whitespace();
    Ok(match (words.next(), words.next()) {
        (Some(method), Some(target)) => Some((method.to_owned(), target.to_owned())),
        _ => None,
    })
}

struct Response {
    status: &'static str,
    media_type: &'static str,
    location: Option<String>,
    body: Vec<u8>,
}

impl Response {
    fn text(status: &'static str) -> Self {
        Self { status, media_type: "text/plain; charset=utf-8", location: None, body: format!("{status}\n").into_bytes() }
    }
}

fn respond(method: &str, target: &str, folder: &Path, prefix: &str) -> Response {
    if !matches!(method, "GET" | "HEAD") {
        return Response::text("405 Method Not Allowed");
    }
    let path = target.split(['?', '#']).next().unwrap_or_default();
    let Some(relative) = path.strip_prefix(prefix).and_then(relative_path) else {
        return Response::text("404 Not Found");
    };
    let mut file = folder.join(&relative);
    if file.is_dir() {
        if !path.ends_with('/') {
            // Else relative addresses of the page would miss the folder.
            return Response { location: Some(format!("{path}/")), ..Response::text("301 Moved Permanently") };
        }
        file.push("index.html");
    }
    match fs::read(&file) {
        Ok(body) => Response { status: "200 OK", media_type: media_type(&file), location: None, body },
        Err(_) => Response::text("404 Not Found"),
    }
}

/// Whether the file's name holds sixteen hexadecimal digits after a dash, as the bundler writes them.
fn has_hash(target: &str) -> bool {
    let path = target.split(['?', '#']).next().unwrap_or_default();
    let name = path.rsplit('/').next().unwrap_or_default();
    name.split(['-', '.', '_']).skip(1).any(|part| part.len() == 16 && part.bytes().all(|byte| byte.is_ascii_hexdigit()))
}

/// The file that a request's path means, relative to the folder served; `None` for whatever would leave that folder.
fn relative_path(path: &str) -> Option<PathBuf> {
    let decoded = PathBuf::from(percent_decode(path)?);
    decoded.components().all(|component| matches!(component, Component::Normal(_))).then_some(decoded)
}

/// `None` for malformed escapes and for what is not UTF-8.
fn percent_decode(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        if byte == b'%' {
            let digits = [rest.next()?, rest.next()?];
            let digits = std::str::from_utf8(&digits).ok()?;
            bytes.push(u8::from_str_radix(digits, 16).ok()?);
        } else {
            bytes.push(byte);
        }
    }
    String::from_utf8(bytes).ok()
}

/// Browsers compile a module while it arrives only if it is called `application/wasm`, and refuse scripts of a wrong type.
fn media_type(file: &Path) -> &'static str {
    match file.extension().and_then(|extension| extension.to_str()).unwrap_or_default() {
        "html" => "text/html; charset=utf-8",
        "js" | "mjs" => "text/javascript; charset=utf-8",
        "css" => "text/css; charset=utf-8",
        "json" | "map" => "application/json",
        "jsonl" | "md" | "txt" => "text/plain; charset=utf-8",
        "yaml" | "yml" => "application/yaml; charset=utf-8",
        "wasm" => "application/wasm",
        "svg" => "image/svg+xml",
        "png" => "image/png",
        "gif" => "image/gif",
        "webp" => "image/webp",
        "ico" => "image/x-icon",
        "woff2" => "font/woff2",
        _ => "application/octet-stream",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folder(name: &str) -> PathBuf {
        let folder = std::env::temp_dir().join(format!("page-driver-{name}-{}", std::process::id()));
        fs::create_dir_all(folder.join("sub")).expect("the temporary folder can be written");
        fs::write(folder.join("index.html"), "<p>root").expect("written");
        fs::write(folder.join("sub/a b.wasm"), b"\0asm").expect("written");
        folder
    }

    fn status_of(folder: &Path, prefix: &str, target: &str) -> &'static str {
        respond("GET", target, folder, prefix).status
    }

    #[test]
    fn only_names_with_a_hash_are_kept() {
        assert!(super::has_hash("/site/kube-orrery-d7b32781a836ca96_bg.wasm?x") && super::has_hash("/page-a80ca36ea2970549.css"));
        assert!(!super::has_hash("/index.html") && !super::has_hash("/embed/kube-orrery.js") && !super::has_hash("/"));
    }

    #[test]
    fn serves_files_with_their_types() {
        let folder = folder("types");
        let page = respond("GET", "/?lang=de", &folder, "/");
        assert_eq!(
            (page.status, page.media_type, page.body.as_slice()),
            ("200 OK", "text/html; charset=utf-8", b"<p>root".as_slice())
        );
        let module = respond("GET", "/sub/a%20b.wasm", &folder, "/");
        assert_eq!((module.status, module.media_type), ("200 OK", "application/wasm"));
        assert_eq!(respond("GET", "/sub", &folder, "/").location.as_deref(), Some("/sub/"));
        fs::remove_dir_all(folder).expect("removed");
    }

    #[test]
    fn never_leaves_its_folder() {
        let folder = folder("leaves");
        for target in ["/../x", "/%2e%2e/x", "//etc/passwd", "/sub/../../x", "/%zz", "/%ff", "/absent"] {
            assert_eq!(status_of(&folder, "/", target), "404 Not Found", "{target}");
        }
        assert_eq!(respond("POST", "/", &folder, "/").status, "405 Method Not Allowed");
        assert_eq!(status_of(&folder, "/deck/", "/deck/"), "200 OK");
        assert_eq!(status_of(&folder, "/deck/", "/"), "404 Not Found");
        fs::remove_dir_all(folder).expect("removed");
    }

    #[test]
    fn a_taken_port_is_named() {
        let folder = folder("port");
        let first = StaticServer::start(&folder, 0).expect("a free port exists");
        let port = first.address.port();
        assert!(matches!(StaticServer::start(&folder, port), Err(Error::PortTaken(taken)) if taken == port));
        fs::remove_dir_all(folder).expect("removed");
    }
}
