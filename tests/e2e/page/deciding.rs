//! A decision of the scheduler on the stage, in the inspector, and as a question to the audience.

use orrery_e2e::{Opened, open};
use page_driver::PageOptions;
use serde_json::{Value, json};

/// Runs a pod, goes back to shortly before the scheduler took it, and lets time run.
const RUN: &str = "await orrery.run('kubectl run web --image=nginx'); orrery.seek(orrery.state().seconds - 0.03); orrery.play()";

fn texts(page: &Opened) -> String {
    let texts = page.evaluate("[...document.querySelectorAll('svg.deciding text')].map(text => text.textContent).join(' | ')");
    texts.as_str().unwrap_or_default().to_string()
}

#[test]
fn the_stage_shows_filters_scores_and_the_winner() {
    let page = open("?autoplay=0", &PageOptions::default());
    page.evaluate(RUN);
    // It lasts a second: time is stopped by the one who sees it.
    page.until("orrery.state().deciding?.phase === 'scored' && (orrery.pause(), true)");
    let have = texts(&page);
    assert!(have.contains("taint not tolerated") && have.contains("Scores: which of the 2"), "{have}");
    page.until("document.querySelectorAll('svg.deciding .score-0').length >= 2");
    assert_eq!(page.evaluate("document.querySelectorAll('svg.deciding .winner').length"), json!(0));
    page.evaluate("orrery.play()");
    page.until("document.querySelectorAll('svg.deciding .winner').length === 1");
    page.until("orrery.state().deciding === null && document.querySelectorAll('svg.deciding g').length === 0");
}

#[test]
fn the_decision_tab_has_all_numbers() {
    let page = open("?autoplay=0", &PageOptions::default());
    page.evaluate("await orrery.run('kubectl run web --image=nginx'); await orrery.settle()");
    page.until("document.querySelector('[data-select=\"pod/default/web\"]')");
    page.select("pod/default/web");
    page.until("[...document.querySelectorAll('[role=tab]')].some(tab => tab.textContent.trim() === 'Decision')");
    page.click("[role=tab]", "Decision");
    page.until("document.querySelectorAll('.verdict.chosen').length === 1");
    assert_eq!(page.evaluate("document.querySelectorAll('.verdict.rejected').length"), json!(1));
    let rows = page.evaluate("document.querySelectorAll('.numbers tbody tr').length");
    assert_eq!(rows, json!(2));
    let sums: Value = page.evaluate(
        "[...document.querySelectorAll('.numbers tbody tr')].every(row => {
           const cells = [...row.querySelectorAll('td')].map(cell => Number(cell.textContent.split('=').pop()));
           return cells.slice(0, -1).reduce((a, b) => a + b, 0) === cells[cells.length - 1];
         })",
    );
    assert_eq!(sums, json!(true), "the points add up to the total");
}

#[test]
fn the_audience_is_asked_and_told() {
    let page = open("?autoplay=0", &PageOptions::default());
    page.evaluate("window.dispatchEvent(new KeyboardEvent('keydown', {key: 'p'}))");
    page.evaluate(RUN);
    page.until("orrery.state().deciding?.asks");
    assert_eq!(page.evaluate("orrery.state().playing"), json!(false));
    let have = texts(&page);
    assert!(have.contains("Where will web go?"), "{have}");
    assert_eq!(page.evaluate("document.querySelectorAll('svg.deciding .score-0').length"), json!(0), "nothing is given away");
    page.select("node/kind-control-plane");
    page.until("orrery.state().deciding?.phase === 'chosen'");
    let have = texts(&page);
    assert!(have.contains("✕ Not kind-control-plane: taint not tolerated (TaintToleration)"), "{have}");
    assert_eq!(page.evaluate("document.querySelectorAll('svg.deciding .guess').length"), json!(1));
}
