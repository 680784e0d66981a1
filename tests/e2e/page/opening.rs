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
