//! Many nodes, and other orders of pods: boxes on a canvas.

use orrery_e2e::{Opened, open};
use page_driver::PageOptions;
use serde_json::json;

/// Nodes without kubelets, and pods that are bound to them, as objects only.
fn crowd(page: &Opened, nodes: usize) {
    let node = |at: usize| {
        let zone = ["a", "b"][at % 2];
        format!(
            "apiVersion: v1\nkind: Node\nmetadata:\n  name: fake-{at}\n  labels: {{topology.kubernetes.io/zone: zone-{zone}}}\n---\n\
             apiVersion: v1\nkind: Pod\nmetadata:\n  name: still-{at}\nspec:\n  nodeName: fake-{at}\n  containers: [{{name: main, image: nginx}}]\n---\n"
        )
    };
    let text: String = (1..=nodes).map(node).collect();
    page.evaluate(&format!("await orrery.run({})", json!(format!("cat > crowd.yaml <<'EOF'\n{text}EOF"))));
    let made = page.evaluate("await orrery.run('kubectl create -f crowd.yaml')");
    assert_eq!(made["code"], json!(0), "{made}");
}

/// How many different colours a sample of the canvas has.
const COLOURS: &str = "(() => { const canvas = document.getElementById('orrery-field'), context = canvas.getContext('2d');
    const data = context.getImageData(0, 0, canvas.width, canvas.height).data, seen = new Set();
    for (let at = 0; at < data.length; at += 4 * 7) if (data[at + 3] === 255) seen.add(data[at] << 16 | data[at + 1] << 8 | data[at + 2]);
    return seen.size; })()";

#[test]
fn many_nodes_are_boxes_that_can_be_found_and_entered() {
    let page = open("?autoplay=0", &PageOptions::default());
    assert_eq!(page.evaluate(COLOURS), json!(0), "three nodes need no canvas");
    crowd(&page, 60);
    page.until("orrery.state().nodes === 63");
    page.until(&format!("{COLOURS} > 3"));
    // They are no elements: hundreds would be too much.
    assert_eq!(page.evaluate("document.querySelectorAll('[data-select=\"node/fake-7\"]').length"), json!(0));
    page.evaluate("document.querySelector('[aria-pressed][title*=\"(L)\"]').click()");
    page.until("document.getElementById('orrery-find')");
    page.evaluate(
        "const input = document.getElementById('orrery-find'); input.value = 'still-42'; input.dispatchEvent(new InputEvent('input', {bubbles: true}))",
    );
    page.until("document.querySelector('.finder .tool')?.textContent === 'default/still-42'");
    page.evaluate("document.querySelector('.finder .tool').click()");
    page.until("document.querySelector('.inspector h2')?.textContent.includes('still-42')");
    page.until("orrery.state().zoom > 2");
    page.until("document.querySelector('#orrery-selection .selected')");
    // What is in the middle of the view is that pod's node, or the pod itself.
    page.evaluate(
        "const place = document.querySelector('#orrery-selection .selected').getBoundingClientRect();
         document.querySelector('[data-select=\"part/localhost/kubectl\"]').dispatchEvent(new MouseEvent('click', {bubbles: true}));
         document.getElementById('orrery-standing').dispatchEvent(new MouseEvent('click',
            {bubbles: true, clientX: place.left + place.width / 2, clientY: place.top + place.height / 2}));",
    );
    page.until("document.querySelector('.inspector h2')?.textContent.includes('still-42')");
}

#[test]
fn views_show_every_pod_and_the_exported_picture_shows_the_view() {
    let page = open("?autoplay=0&view=zone", &PageOptions::default());
    crowd(&page, 8);
    page.until("orrery.svg().includes('zone-a') && orrery.svg().includes('fake-3')");
    let cells = "(orrery.svg().match(/class=\"cell state-/g) ?? []).length";
    let all = page.evaluate(cells).as_u64().expect("a number");
    let choose = |text: &str| {
        page.evaluate(&format!(
            "const select = [...document.querySelectorAll('.looks select')][0]; select.value = '{text}'; select.dispatchEvent(new Event('change', {{bubbles: true}}))"
        ))
    };
    page.until("document.querySelector('.looks select')");
    choose("namespace");
    page.until("orrery.svg().includes('>kube-system<')");
    // Those of the control plane are in boxes now, too.
    assert!(page.evaluate(cells).as_u64().expect("a number") > all);
    choose("owner");
    page.until("orrery.svg().includes('>kindnet<')");
    page.evaluate("document.querySelector('.looks input[type=checkbox]').click()");
    page.until("!orrery.svg().includes('>kindnet<') && orrery.svg().includes('>still-3<')");
}

#[test]
fn a_crowd_stands_moves_and_goes_again() {
    let page = open("?autoplay=0", &PageOptions::default());
    page.evaluate("await orrery.bench('crowd 300 6000 400')");
    page.until("orrery.state().nodes === 303 && orrery.state().pods === 6013");
    let dots = COLOURS.replace("orrery-field", "orrery-dots");
    assert!(page.evaluate(&dots).as_u64().is_some_and(|colours| colours >= 1), "messages are on their way");
    // Each has a line around it, so that it is seen before whatever it passes.
    let outlined = "(() => { const canvas = document.getElementById('orrery-dots'), panel = getComputedStyle(document.documentElement).getPropertyValue('--panel');
        const data = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height).data, wanted = parseInt(panel.trim().slice(1), 16);
        let found = 0;
        for (let at = 0; at < data.length; at += 4) found += data[at + 3] === 255 && (data[at] << 16 | data[at + 1] << 8 | data[at + 2]) === wanted;
        return found; })()";
    page.until(&format!("{outlined} > 100"));
    // Pods change in every frame: sooner or later a box is drawn again.
    let picture = "document.getElementById('orrery-field').toDataURL()";
    page.evaluate(&format!("window.before = {picture}"));
    page.until(&format!("{picture} !== window.before"));
    page.evaluate("await orrery.bench('crowd')");
    page.until("orrery.state().nodes === 3");
    page.until(&format!("{COLOURS} === 0 && {dots} === 0"));
    let wrong = page.returned("try { await orrery.bench('crowd 1'); return '' } catch (error) { return error.message }");
    assert_eq!(wrong, json!("bench: crowd NODES PODS MESSAGES, at most 20000 400000 20000"));
}
