//! What comes from elsewhere: lessons of other origins, messages of pages that are not named.

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, TcpListener};
use std::path::PathBuf;
use std::thread;

use orrery_e2e::{open, open_folder};
use page_driver::{PageOptions, StaticServer};
use serde_json::json;

use crate::embedding::Folder;

const LESSON: &str = "title: Theirs\nsteps:\n- caption: one\n- caption: two\n  run: kubectl get nodes\n";

/// The address of a server of another origin that gives a lesson with these header fields; without any it takes connections and never answers.
fn elsewhere(fields: Option<&str>) -> String {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port is free");
    let address = listener.local_addr().expect("it listens");
    let answer = fields.map(|fields| {
        format!("HTTP/1.1 200 OK\r\n{fields}Content-Length: {}\r\nConnection: close\r\n\r\n{LESSON}", LESSON.len())
    });
    thread::spawn(move || {
        let mut silent = Vec::new();
        for mut stream in listener.incoming().flatten() {
            match &answer {
                Some(answer) => {
                    // A browser that goes away is nobody's error.
                    let _ = stream.read(&mut [0; 4096]);
                    let _ = stream.write_all(answer.as_bytes());
                }
                None => silent.push(stream),
            }
        }
    });
    format!("http://{address}/theirs.yaml")
}

#[test]
fn lessons_of_other_origins_are_taken_where_these_allow_it_and_within_fifteen_seconds() {
    let (allowed, closed, silent) = (elsewhere(Some("Access-Control-Allow-Origin: *\r\n")), elsewhere(Some("")), elsewhere(None));
    let page = open("?autoplay=0&lang=en", &PageOptions::default());
    page.evaluate(&format!("orrery.lesson({allowed:?}, 2)"));
    page.until(&format!("orrery.state().lesson === {allowed:?} && orrery.state().step === 2 && orrery.state().arrived"));
    page.evaluate(&format!("orrery.lesson({closed:?}, 1)"));
    let told = |words: &str| page.until(&format!("document.querySelector('.notice')?.textContent.includes({words:?})"));
    told("Access-Control-Allow-Origin");
    // What was given stays.
    assert_eq!(page.evaluate("orrery.state().lesson"), json!(allowed));
    // A hundredth of the patience that the page asks for.
    page.evaluate("window.asked = [], window.limit = AbortSignal.timeout, AbortSignal.timeout = ms => (asked.push(ms), limit.call(AbortSignal, ms / 100)), 0");
    page.evaluate(&format!("orrery.lesson({silent:?}, 1)"));
    told("> 15 s");
    assert_eq!((page.evaluate("asked"), page.evaluate("orrery.state().lesson")), (json!([15_000]), json!(allowed)));
    // The browser's console says by itself what it has not let through.
    let errors = page.console().expect("readable");
    assert!(errors.iter().filter(|one| one.is_error()).all(|one| one.text.contains(&closed)), "{errors:?}");
}

#[test]
fn an_origin_that_is_not_named_is_neither_heard_nor_told_anything() {
    let site = PathBuf::from(std::env::var_os("ORRERY_SITE").expect("ORRERY_SITE is set by `cargo xtask test --e2e`"));
    let server = StaticServer::start(&site, 0).expect("the site can be served");
    let folder = Folder::new("foreign");
    // Two frames of another origin: one names this page's, the other one somebody else's.
    let page = "<!DOCTYPE html><html><head><link rel=\"icon\" href=\"data:,\"></head><body><script>
         const frames = [location.origin, 'https://deck.example'].map(origin => {
           const frame = Object.assign(document.createElement('iframe'), { src: `SITE?controls=none&autoplay=0&origin=${origin}`, width: 390, height: 220 });
           frame.addEventListener('load', () => { frame.loaded = true; });
           document.body.append(frame);
           return frame;
         });
         const heard = [[], []];
         addEventListener('message', ({ source, data, origin }) => {
           const number = frames.findIndex(frame => frame.contentWindow === source);
           heard[number]?.push({ ...data, origin });
         });
         const ask = id => frames.forEach(frame => frame.contentWindow.postMessage({ orrery: 1, id, call: 'run', args: ['echo hi'] }, '*'));
         Object.assign(window, { frames_: frames, heard, ask });
         </script></body></html>";
    fs::write(folder.0.join("index.html"), page.replace("SITE", &server.url())).expect("written");
    let page = open_folder(&folder.0, "");
    page.until("heard[0].some(one => one.event === 'ready') && frames_[1].loaded");
    page.evaluate("ask(1)");
    page.until("heard[0].some(one => one.id === 1 && one.value?.stdout === 'hi\\n')");
    // Late enough for the other one, which began at the same time.
    page.evaluate("ask(2)");
    page.until("heard[0].some(one => one.id === 2)");
    page.evaluate("await new Promise(done => setTimeout(done, 500))");
    assert_eq!(page.evaluate("heard[1]"), json!([]));
    assert_eq!(page.evaluate("new URL(frames_[0].src).origin === location.origin"), json!(false));
    // What is told to the one that is named comes from the site.
    assert_eq!(page.evaluate("heard[0].every(one => one.origin === new URL(frames_[0].src).origin)"), json!(true));
    // The browser says that nothing is told to somebody else.
    let errors = page.console().expect("readable");
    assert!(errors.iter().filter(|one| one.is_error()).all(|one| one.text.contains("postMessage")), "{errors:?}");
}
