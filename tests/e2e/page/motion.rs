//! What moves, and what must not: layout, motion where it is unwanted, fingers.

use std::time::Duration;

use orrery_e2e::{Opened, open};
use page_driver::{Page, PageOptions};
use serde_json::{Value, json};

const DEPLOY: &str = "await orrery.run('kubectl create deployment web --image=nginx --replicas=3')";

#[test]
fn nothing_shifts_from_the_start_through_a_deployment() {
    let page = open("?autoplay=0", &PageOptions::default());
    // A terminal that prints moves up what it has printed; nothing else may move.
    page.evaluate(
        "window.shifts = [];
         const element = node => node?.nodeType === Node.TEXT_NODE ? node.parentElement : node;
         new PerformanceObserver(list => shifts.push(...list.getEntries().filter(one => !one.hadRecentInput)
            .map(one => [one.value, ...one.sources.map(source => element(source.node)).filter(node => node && !node.closest('.terminal')).map(node => node.outerHTML.slice(0, 80))])
            .filter(([, ...nodes]) => nodes.length > 0)))
            .observe({ type: 'layout-shift', buffered: true }); true",
    );
    page.evaluate(&format!("{DEPLOY}; orrery.play(); await new Promise(done => setTimeout(done, 1200))"));
    page.until("document.querySelector('.panel [data-hint]')");
    // Sequence, Events, Charts, Messages: by a real pointer, as the dock's height goes with them. What moves within half a second after
    // it was asked for; whatever moves later counts.
    for tab in [3, 4, 5, 2] {
        Page::click(&page, &format!(".dock .tab:nth-child({tab})")).expect("nothing covers it");
        page.evaluate("await new Promise(done => setTimeout(done, 900))");
    }
    page.evaluate("await orrery.settle(); await new Promise(done => setTimeout(done, 400))");
    let sum = page.evaluate("shifts.reduce((sum, [value]) => sum + value, 0)");
    assert!(sum.as_f64().is_some_and(|sum| sum < 0.01), "{sum}: {}", page.evaluate("shifts"));
}

#[test]
fn a_deployment_takes_less_than_a_minute_and_slow_frames_do_not_stretch_it() {
    let page = open("?autoplay=0", &PageOptions::default());
    page.evaluate(
        "orrery.run('kubectl create deployment web --image=nginx --replicas=3'); orrery.play();
         window.began = performance.now();
         // A page that has other things to do, too: each third of a second a frame takes 150 ms.
         window.busy = setInterval(() => { const end = performance.now() + 150; while (performance.now() < end); }, 300); true",
    );
    // The third container has been started, and what follows has been told.
    page.until("[...document.querySelectorAll('.standing .pod')].filter(pod => pod.dataset.select.startsWith('pod/default/web') && pod.querySelector('.cell.running')).length === 3");
    let took = page.evaluate("clearInterval(busy), (performance.now() - began) / 1000").as_f64().expect("a number");
    println!("{took:.1} s");
    assert!((12.0..45.0).contains(&took), "{took} s");
}

#[test]
fn who_wants_no_motion_sees_messages_stand_on_their_ways() {
    let page = open("?autoplay=0", &PageOptions { reduced_motion: true, ..PageOptions::default() });
    page.evaluate(&format!("{DEPLOY}; orrery.seek(orrery.state().seconds); orrery.play()"));
    // While the same messages are on their way, they stay where they are.
    let moved = page.returned(
        "const seen = new Map(); let moved = 0;
         const end = performance.now() + 3000;
         while (performance.now() < end) {
            await new Promise(done => requestAnimationFrame(done));
            for (const pill of document.querySelectorAll('#orrery-pills g[data-select]')) {
                const [id, place] = [pill.dataset.select, pill.getAttribute('transform')];
                if (seen.has(id) && seen.get(id) !== place) moved += 1;
                seen.set(id, place);
            }
         }
         return { moved, ids: seen.size };",
    );
    assert!(moved["ids"].as_u64().is_some_and(|ids| ids >= 2), "messages are shown: {moved}");
    assert_eq!(moved["moved"], json!(0), "{moved}");
    let gliding = page.evaluate("getComputedStyle(document.querySelector('.standing .pod')).transitionDuration");
    assert_eq!(gliding, json!("0s"));
    // A step is there at once.
    page.evaluate("orrery.pause(); window.before = orrery.state().seconds; orrery.step()");
    page.wait_until("orrery.state().seconds > window.before", Duration::from_secs(5)).expect("it steps");
    assert_eq!(
        page.evaluate(
            "const at = orrery.state().seconds; await new Promise(done => setTimeout(done, 300)); orrery.state().seconds === at"
        ),
        json!(true)
    );
}

/// Fingers at points of the page; none lifts them.
fn touch(page: &Opened, kind: &str, points: &[(f64, f64)]) {
    let points: Vec<Value> = points.iter().enumerate().map(|(id, (x, y))| json!({"x": x, "y": y, "id": id})).collect();
    page.session().cdp("Input.dispatchTouchEvent", json!({"type": kind, "touchPoints": points})).expect("fingers");
}

#[test]
fn two_fingers_zoom_on_a_phone_and_one_moves_what_is_larger() {
    let page = open("?autoplay=0", &PageOptions { width: 390, height: 844, ..PageOptions::default() });
    page.session().cdp("Emulation.setTouchEmulationEnabled", json!({"enabled": true, "maxTouchPoints": 5})).expect("fingers");
    let stage = page.evaluate("(rect => [rect.left + rect.width / 2, rect.top + rect.height / 2])(document.querySelector('.stage').getBoundingClientRect())");
    let (x, y) = (stage[0].as_f64().expect("a number"), stage[1].as_f64().expect("a number"));
    touch(&page, "touchStart", &[(x - 30.0, y), (x + 30.0, y)]);
    for step in 1..=8 {
        let apart = 30.0 + 8.0 * f64::from(step);
        touch(&page, "touchMove", &[(x - apart, y), (x + apart, y)]);
    }
    touch(&page, "touchEnd", &[]);
    page.until("orrery.state().zoom > 1.5");
    let bar = "document.querySelector('.box.bar').getBoundingClientRect().left";
    let before = page.evaluate(bar).as_f64().expect("a number");
    touch(&page, "touchStart", &[(x, y)]);
    for step in 1..=8 {
        touch(&page, "touchMove", &[(x + 6.0 * f64::from(step), y)]);
    }
    touch(&page, "touchEnd", &[]);
    let moved = page.evaluate(bar).as_f64().expect("a number") - before;
    assert!(moved > 20.0, "{moved}");
    assert_eq!(page.evaluate("visualViewport.scale"), json!(1), "the page itself keeps its size");
}
