//! The page opens wherever and however it is looked at.

use orrery_e2e::{open, open_under};
use page_driver::{PageOptions, Theme};
use serde_json::json;

#[test]
fn opens_at_the_root_of_a_site() {
    let page = open("", &PageOptions::default());
    assert_eq!(page.evaluate("document.title"), json!("kube-orrery"));
    assert_eq!(page.evaluate("document.querySelector('#app').childElementCount > 0"), json!(true));
}

#[test]
fn opens_in_a_subfolder() {
    let page = open_under("/lectures/kubernetes/", "index.html?lang=de", &PageOptions::default());
    let outside = "performance.getEntriesByType('resource').map(entry => new URL(entry.name).pathname)\
                   .filter(path => !path.startsWith('/lectures/kubernetes/'))";
    assert_eq!(page.evaluate(outside), json!([]));
}

#[test]
fn has_the_size_and_the_theme_that_were_asked_for() {
    for (width, height, theme) in [(1920, 1080, Theme::Light), (390, 844, Theme::Dark)] {
        let page = open("", &PageOptions { width, height, theme, ..PageOptions::default() });
        let seen = page.evaluate("[innerWidth, innerHeight, matchMedia('(prefers-color-scheme: dark)').matches]");
        assert_eq!(seen, json!([width, height, theme == Theme::Dark]));
        let png = page.screenshot().expect("a screenshot can be taken");
        // The header of a PNG holds its size as two big-endian numbers.
        let number = |at: usize| u32::from_be_bytes(png[at..at + 4].try_into().expect("four bytes"));
        assert_eq!((number(16), number(20)), (width, height));
        assert_eq!(
            page.evaluate("document.documentElement.scrollWidth <= innerWidth"),
            json!(true),
            "it scrolls sideways at {width}"
        );
    }
}

#[test]
fn errors_of_the_page_are_noticed() {
    let page = open("", &PageOptions::default());
    page.evaluate("console.error('said aloud'); setTimeout(() => { throw new Error('thrown') }); console.log('no error')");
    page.evaluate("await new Promise(done => setTimeout(done, 50))");
    // Reading them takes them away: else this test would fail at its end, as every other one does.
    let console = page.console().expect("the console can be read");
    let errors: Vec<_> = console.iter().filter(|message| message.is_error()).map(|message| message.text.as_str()).collect();
    assert_eq!(errors.len(), 2, "{console:#?}");
    assert!(errors[0].contains("said aloud") && errors[1].contains("thrown"), "{errors:?}");
    let thrown = page.session().evaluate("nothing.here").expect_err("it is not defined");
    assert!(thrown.to_string().contains("nothing is not defined"), "{thrown}");
}

#[test]
fn a_module_that_cannot_be_loaded_is_said_in_the_page() {
    let page = open("", &PageOptions::default());
    let url = page.url();
    // The same page from a document that has lost its files.
    let start = format!(
        "const text = await (await fetch('{url}')).text();
         const frame = document.createElement('iframe');
         const [tag, source] = text.match(/<script type=\"module\" src=\"([^\"]*)\"><\\/script>/);
         const begin = await (await fetch(new URL(source, '{url}'))).text();
         frame.srcdoc = text.replace(tag, () => `<script type=\"module\">${{begin}}</script>`).replaceAll('./kube-orrery-', './lost-');
         document.body.append(frame);
         await new Promise(done => {{
             const poll = setInterval(() => {{
                 if (frame.contentDocument?.documentElement.dataset.orrery) {{ clearInterval(poll); done(); }}
             }}, 10);
         }});
         [frame.contentDocument.documentElement.dataset.orrery, frame.contentDocument.querySelector('#app').textContent]"
    );
    let seen = page.evaluate(&start);
    assert_eq!(seen[0], json!("failed"));
    assert!(seen[1].as_str().is_some_and(|text| text.starts_with("kube-orrery could not be started: ")), "{seen}");
    assert!(page.console().expect("the console can be read").iter().any(page_driver::ConsoleMessage::is_error));
}
