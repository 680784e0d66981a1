//! What can be measured of what is seen: texts that lie on each other or are cut off, contrast.

use orrery_e2e::open;
use page_driver::{AUDIT, Moment, PageOptions, Theme};
use serde_json::json;

#[test]
fn everything_is_legible_in_every_theme() {
    for (moment, query, width, height) in [
        ("failure", "?autoplay=0&lang=de", 1280, 720),
        ("deployment", "?autoplay=0&controls=none", 800, 450),
        ("deciding", "?autoplay=0", 390, 844),
        ("charts", "?autoplay=0", 1280, 720),
        // Ways of messages lead over the cells of pods.
        ("100-nodes", "?autoplay=0", 1280, 720),
    ] {
        let options = |theme| PageOptions { width, height, theme, ..PageOptions::default() };
        let page = open(query, &options(Theme::Light));
        page.evaluate(&Moment::named(moment).expect("there is such a moment").reach());
        for theme in Theme::ALL {
            page.emulate(&options(theme)).expect("the theme changes");
            page.until(&format!("document.documentElement.dataset.theme === '{}'", theme.name()));
            assert_eq!(page.evaluate(AUDIT), json!([]), "{moment}, {width}×{height}, {}", theme.name());
        }
    }
}
