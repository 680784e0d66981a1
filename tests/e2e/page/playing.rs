//! Commands are run, messages travel, time goes back and forth.

use orrery_e2e::open;
use page_driver::PageOptions;
use serde_json::{Value, json};

#[test]
fn a_cluster_stands_and_a_first_thing_to_do_is_shown() {
    let page = open("", &PageOptions::default());
    assert_eq!(page.evaluate("orrery.state().nodes"), json!(3));
    assert_eq!(
        page.evaluate("[...document.querySelectorAll('.first code span')].map(word => word.textContent).join(' ').startsWith('kubectl create deployment')"),
        json!(true)
    );
    assert_eq!(page.evaluate("document.querySelectorAll('.standing .bar').length"), json!(1));
    // Nothing scrolls but what is meant to.
    assert_eq!(page.evaluate("document.documentElement.scrollHeight <= innerHeight"), json!(true));
}

#[test]
fn the_first_thing_to_do_sets_messages_moving() {
    let page = open("", &PageOptions::default());
    page.evaluate("document.querySelector('.first button').click()");
    page.until("document.querySelectorAll('#orrery-pills .pill').length > 0");
    page.until("document.querySelector('.scrollback').textContent.includes('deployment.apps/web created')");
}

#[test]
fn run_answers_with_what_the_command_printed() {
    let page = open("?autoplay=0", &PageOptions::default());
    let answer = page.returned("return await orrery.run('echo one; echo two >&2; false')");
    assert_eq!(answer, json!({"stdout": "one\n", "stderr": "two\n", "code": 1}));
    let wrong = page.returned("try { await orrery.run(7); return 'no error' } catch (error) { return error.message }");
    assert_eq!(wrong, json!("run(line): line must be a string"));
}

#[test]
fn a_rewind_and_forward_again_shows_the_same_picture() {
    let page = open("?autoplay=0", &PageOptions::default());
    page.evaluate("await orrery.run('kubectl create deployment web --image=nginx --replicas=3'); await orrery.settle()");
    let end = page.evaluate("orrery.state().seconds").as_f64().expect("a number");
    let begin = page.evaluate("orrery.seek(0.001); orrery.state().seconds").as_f64().expect("a number");
    assert!(begin < end);
    page.evaluate(&format!("orrery.seek({end} - 2)"));
    // Forward message by message, noting each picture, and back again.
    let script = "
        const pictures = [];
        const picture = () => [orrery.state().seconds, orrery.svg()];
        // On a slow machine the picture follows some frames later.
        const drawn = async () => { while (!orrery.state().arrived) await new Promise(done => requestAnimationFrame(done)); };
        const step = async go => {
            // A step glides, and says when it has arrived.
            const arrived = new Promise(done => addEventListener('orrery:state', done, { once: true }));
            go();
            await arrived;
            await drawn();
        };
        for (let count = 0; count < 6; count++) { await step(orrery.next); pictures.push(picture()); }
        const again = [];
        for (let count = 0; count < 5; count++) { orrery.previous(); await drawn(); again.unshift(picture()); }
        return pictures.slice(0, 5).every(([seconds, svg], index) => seconds === again[index][0] && svg === again[index][1])
            || again.map(([seconds, svg], index) => {
                const before = pictures[index][1];
                const at = [...svg].findIndex((letter, place) => letter !== before[place]);
                return [pictures[index][0], seconds, at < 0 ? '' : before.slice(at - 80, at + 80) + ' | ' + svg.slice(at - 80, at + 80)];
            });";
    assert_eq!(page.returned(script), Value::Bool(true));
}

#[test]
fn a_command_in_the_past_forks_and_says_so() {
    let page = open("?autoplay=0", &PageOptions::default());
    let before = page.evaluate("orrery.state().seconds").as_f64().expect("a number");
    page.evaluate("await orrery.run('sleep 3'); await orrery.run('echo later')");
    page.evaluate(&format!("orrery.seek({before} + 1)"));
    page.evaluate("await orrery.run('echo early')");
    page.until("document.querySelector('.notice')");
    assert_eq!(page.evaluate("document.querySelector('.scrollback').textContent.includes('later')"), json!(false));
}

#[test]
fn keys_play_and_stop() {
    let page = open("", &PageOptions::default());
    assert_eq!(page.evaluate("orrery.state().playing"), json!(true));
    page.press(" ");
    assert_eq!(page.evaluate("orrery.state().playing"), json!(false));
    page.press("?");
    page.until("document.querySelector('[role=dialog]')");
    page.press("Escape");
    page.until("!document.querySelector('[role=dialog]')");
}

#[test]
fn what_is_selected_is_inspected() {
    let page = open("?autoplay=0", &PageOptions::default());
    page.select("node/kind-worker");
    page.until("document.querySelector('.inspector h2')?.textContent.includes('kind-worker')");
    page.click(".inspector .tab", "YAML");
    page.until("document.querySelector('.yaml')?.textContent.includes('kind: Node')");
}

#[test]
fn the_scrubber_is_filled_up_to_the_playhead_also_where_something_was_skipped() {
    let page = open("?autoplay=0", &PageOptions::default());
    page.returned("await orrery.run('docker stop kind-worker'); await orrery.run('sleep 60'); await orrery.settle()");
    page.until("document.querySelector('.scrubber .skip')");
    page.until(
        "Math.abs(document.getElementById('orrery-played').getBoundingClientRect().right - document.getElementById('orrery-thumb').getBoundingClientRect().right) < 1",
    );
}
