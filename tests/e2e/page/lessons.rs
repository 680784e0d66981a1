//! Each built-in lesson from its first step to its last and back, in both languages.

use orrery_e2e::open;
use page_driver::PageOptions;
use serde_json::{Value, json};

/// Waits until a lesson's step is shown, at most a minute.
fn reach(page: &orrery_e2e::Opened, lesson: &str, step: usize) {
    page.until(&format!(
        "(state => state?.ready && state.lesson === {lesson:?} && state.step === {step})(window.orrery?.state())"
    ));
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

/// All type of the stage is at least so high, as a share of the window's height, but for the tags on pods' cells: these repeat what
/// colours and the terminal say.
const READABLE: f64 = 0.046;

#[test]
fn the_last_row_reads_captions_and_names() {
    for (width, height, lang) in [(800, 450, "de"), (800, 450, "en"), (1920, 1080, "de"), (1920, 1080, "en")] {
        let page = open(
            &format!("?lesson=nodes&lang={lang}&autoplay=0&controls=none"),
            &PageOptions { width, height, ..PageOptions::default() },
        );
        reach(&page, "nodes", 1);
        for (id, text) in orrery_sim::lesson::BUILT_IN {
            let steps = orrery_sim::lesson::Lesson::parse(text).expect("built-in lessons are well written").steps.len();
            for step in 1..=steps {
                page.evaluate(&format!("orrery.lesson({id:?}, {step})"));
                reach(&page, id, step);
                let what = format!("{id}, step {step}, {lang}, {height}");
                // While a question stands its caption, which gives away the answer, does not.
                page.until("orrery.state().arrived");
                let asked = page.returned(
                    "const predict = document.querySelector('.lesson-predict');
                     return predict && { size: parseFloat(getComputedStyle(predict).fontSize), alone: document.querySelector('.lesson-caption').hidden }",
                );
                if !asked.is_null() {
                    let size = asked["size"].as_f64().expect("a number") / f64::from(height);
                    assert!(size >= READABLE && asked["alone"] == json!(true), "{what}: {asked}");
                }
                page.evaluate("orrery.play(), orrery.pause(), orrery.step()");
                page.until("orrery.state().arrived && !document.querySelector('.lesson-predict')");
                let measured = page.returned(
                    "await new Promise(done => setTimeout(done, 120));
                     const texts = [...document.querySelectorAll('#orrery-standing text, #orrery-pills text')].filter(text => text.textContent && !text.closest('[data-select^=\"pod/\"]'));
                     const small = texts.map(text => [Number(text.getAttribute('font-size')), text.textContent]).sort((a, b) => a[0] - b[0])[0];
                     const inside = text => { const { left, right, top, bottom } = text.getBoundingClientRect(); return left >= -1 && right <= innerWidth + 1 && top >= -1 && bottom <= innerHeight + 1 };
                     const bar = document.querySelector('.lesson').getBoundingClientRect();
                     const words = [...document.querySelectorAll('.lesson-caption, .lesson-place span')].map(one => one.getBoundingClientRect());
                     return { caption: parseFloat(getComputedStyle(document.querySelector('.lesson-caption')).fontSize), name: small[0], small, names: texts.length,
                       parts: [...document.querySelectorAll('#orrery-standing [data-select^=\"part/\"]')].length,
                       outside: texts.filter(text => text.closest('#orrery-standing') && !inside(text)).map(text => text.textContent),
                       cut: texts.filter(text => text.closest('#orrery-standing') && text.textContent.includes('…')).map(text => text.textContent),
                       inside: words.every(one => one.bottom <= bar.bottom + 1 && one.right <= innerWidth) && document.documentElement.scrollHeight <= innerHeight }",
                );
                let share = |what: &str| measured[what].as_f64().expect("a number") / f64::from(height);
                assert!(share("caption") >= READABLE, "{what}: caption {:.4}", share("caption"));
                assert!(
                    share("name") >= READABLE && measured["parts"].as_u64() > Some(5),
                    "{what}: {:.4}, {measured}",
                    share("name")
                );
                assert_eq!((&measured["outside"], &measured["cut"]), (&json!([]), &json!([])), "{what}");
                assert_eq!(measured["inside"], json!(true), "{what}");
            }
        }
    }
}

#[test]
fn the_keys_of_those_who_present() {
    let page = open("?lesson=workers&step=1&autoplay=0&lang=en", &PageOptions::default());
    reach(&page, "workers", 1);
    let step = |number: usize| page.until(&format!("orrery.state().step === {number} && orrery.state().arrived"));
    // As clickers send them.
    page.press_key("PageDown");
    step(2);
    // Its question comes first, and is answered by the same key.
    let asked = "document.querySelector('.lesson-predict')";
    page.until(asked);
    page.press_key("PageDown");
    page.until(&format!("orrery.state().playing && !{asked}"));
    assert_eq!(page.evaluate("orrery.state().step"), json!(2));
    for (key, number) in [("PageDown", 3), ("PageUp", 2)] {
        page.press_key(key);
        step(number);
    }
    // Whoever has just typed a command goes on with the clicker.
    page.press_key("t");
    page.until("document.activeElement.tagName === 'TEXTAREA'");
    page.press_key("PageUp");
    step(1);
    page.press_key("PageDown");
    step(2);
    page.press_key("Escape");
    page.press_key(".");
    page.until("orrery.state().playing");
    page.press_key(".");
    page.until("!orrery.state().playing");
    // A reload comes back to the step: what F5 does.
    page.session().call("refresh", Some(&json!({}))).expect("reloaded");
    reach(&page, "workers", 2);
    page.press_key("f");
    page.until("document.fullscreenElement === document.documentElement");
    page.press_key("f");
    page.until("document.fullscreenElement === null");
    page.press_key("f");
    page.until("document.fullscreenElement === document.documentElement");
    page.press_key("Escape");
    page.until("document.fullscreenElement === null");
    page.press_key("?");
    page.until("document.querySelector('dialog[open]')");
    page.press_key("Escape");
    page.until("!document.querySelector('dialog[open]')");
    // A dot, a spotlight, nothing; it follows the mouse and takes no clicks.
    let pointer = |class: &str| page.until(&format!("document.getElementById('orrery-pointer')?.className === {class:?}"));
    page.press_key("x");
    pointer("dot");
    let moved = "dispatchEvent(new PointerEvent('pointermove', { clientX: 300, clientY: 200 })), document.getElementById('orrery-pointer').style.getPropertyValue('--x')";
    assert_eq!(page.evaluate(moved), json!("300px"));
    assert_eq!(page.evaluate("document.elementFromPoint(300, 200).id === 'orrery-pointer'"), json!(false));
    page.press_key("x");
    pointer("spot");
    page.press_key("Escape");
    pointer("");
    assert_eq!(page.evaluate("document.getElementById('orrery-pointer').hidden"), json!(true));
}

#[test]
fn the_presenters_window_leads_the_audiences() {
    let page = open("?lesson=nodes&step=1&autoplay=0&lang=en", &PageOptions::default());
    reach(&page, "nodes", 1);
    let session = page.session();
    // A browser that opens none is told of.
    page.evaluate("window.opens = window.open, window.open = () => null, 0");
    page.press_key("n");
    page.until("document.querySelector('.notice')?.textContent.includes('pop-ups')");
    page.evaluate("window.open = window.opens, document.querySelector('.notice button').click()");
    page.press_key("n");
    page.until("orrery.state().ready");
    let handles = session.call("window/handles", None).expect("there are windows");
    let [audience, presenter] = [0, 1].map(|index| handles[index].clone());
    assert_eq!(handles.as_array().map(Vec::len), Some(2), "{handles}");
    let to = |handle: &Value| drop(session.call("window", Some(&json!({ "handle": handle }))).expect("switched"));
    to(&presenter);
    let text = |id: &str| page.evaluate(&format!("document.getElementById({id:?}).textContent"));
    assert!(text("caption").as_str().is_some_and(|text| text.starts_with("A cluster consists of nodes")), "{}", text("caption"));
    assert!(text("say").as_str().is_some_and(|text| text.starts_with("kind means Kubernetes in Docker")), "{}", text("say"));
    assert!(text("next").as_str().is_some_and(|text| text.starts_with("kubectl asks")), "{}", text("next"));
    page.press_key("PageDown");
    page.until("document.getElementById('caption').textContent.startsWith('kubectl asks')");
    // Nothing of it is out of sight.
    assert_eq!(page.evaluate("document.documentElement.scrollHeight <= innerHeight"), json!(true));
    to(&audience);
    reach(&page, "nodes", 2);
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
