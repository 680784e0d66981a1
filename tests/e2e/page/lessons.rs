//! Each built-in lesson from its first step to its last and back, in both languages.

use orrery_e2e::open;
use page_driver::PageOptions;
use serde_json::{Value, json};

/// Waits until a lesson's step is shown, at most a minute.
fn reach(page: &orrery_e2e::Opened, lesson: &str, step: usize) {
    page.until(&format!("(state => state.ready && state.lesson === {lesson:?} && state.step === {step})(orrery.state())"));
}

#[test]
fn every_lesson_goes_forward_and_back_in_both_languages() {
    for (lang, first) in [("en", "A cluster consists of nodes"), ("de", "Ein Cluster besteht aus Nodes")] {
        let page = open(&format!("?lesson=nodes&lang={lang}&autoplay=0"), &PageOptions::default());
        reach(&page, "nodes", 1);
        let caption = page.evaluate("document.querySelector('.lesson-caption').textContent");
        assert!(caption.as_str().is_some_and(|text| text.starts_with(first)), "{caption}");
        let lessons = page.evaluate("[...document.querySelectorAll('.lessons li button')].length");
        assert_eq!(lessons, json!(8));
        for (id, text) in orrery_sim::lesson::BUILT_IN {
            let steps = orrery_sim::lesson::Lesson::parse(text).expect("built-in lessons are well written").steps.len();
            page.evaluate(&format!("orrery.lesson({id:?}, 1)"));
            reach(&page, id, 1);
            let mut seconds: Vec<Value> = vec![page.evaluate("orrery.state().seconds")];
            for step in 2..=steps {
                page.evaluate("orrery.next()");
                reach(&page, id, step);
                seconds.push(page.evaluate("orrery.state().seconds"));
                let captions = page.evaluate("document.querySelector('.lesson-caption').textContent.length");
                assert!(captions.as_u64() > Some(10), "{id}, step {step}");
            }
            // The step is in the address, so that a reload comes back to it.
            assert_eq!(page.evaluate("new URLSearchParams(location.search).get('step')"), json!(steps.to_string()));
            for step in (1..steps).rev() {
                page.evaluate("orrery.previous()");
                reach(&page, id, step);
                assert_eq!(page.evaluate("orrery.state().seconds"), seconds[step - 1], "{id}, step {step}: not the same moment");
            }
        }
    }
}

#[test]
fn a_reload_comes_back_and_unknown_lessons_are_told() {
    let page = open("?lesson=controllers&step=2&autoplay=0", &PageOptions::default());
    reach(&page, "controllers", 2);
    assert_eq!(page.evaluate("orrery.state().pods"), json!(16));
    let error =
        page.evaluate("(() => { try { orrery.lesson('nope'); return 'no error' } catch (error) { return error.message } })()");
    assert!(error.as_str().is_some_and(|text| text.starts_with("lesson(id, step): id must be one of nodes,")), "{error}");
    let page = open("?lesson=nope&autoplay=0", &PageOptions::default());
    let notice = page.evaluate("document.querySelector('.notice')?.textContent ?? ''");
    assert!(notice.as_str().is_some_and(|text| text.contains("nope")), "{notice}");
}
