//! Why something happened, what followed from it, what it was before, and taking it back.

use orrery_e2e::{Opened, open};
use page_driver::PageOptions;
use serde_json::json;

const CREATE: &str = "kubectl create deployment web --image=nginx --replicas=3";

/// A page on which a deployment has been made, and its command is asked about.
fn deployed() -> Opened {
    let page = open("?autoplay=0", &PageOptions::default());
    page.returned(&format!("await orrery.run('{CREATE}'); await orrery.settle()"));
    page.until("document.querySelector('[data-select^=\"pod/default/web\"]')");
    page.evaluate(
        "document.querySelector('[data-select^=\"pod/default/web\"]').dispatchEvent(new MouseEvent('click', {bubbles: true}))",
    );
    page.click(".inspector .tab", "Why?");
    page
}

#[test]
fn from_a_pod_back_to_the_command_and_forward_to_everything() {
    let page = deployed();
    page.until("document.querySelector('.why .command button')?.textContent.startsWith('$ kubectl create')");
    page.evaluate("document.querySelector('.why .command button').click()");
    page.until("document.querySelector('.inspector h2').textContent.includes('kubectl create') && document.querySelectorAll('[role=treeitem]').length > 5");
    assert_eq!(page.evaluate("Number(document.querySelector('.followed strong').textContent) > 100"), json!(true));
    // It is lit on the stage, in the log and in the diagram.
    page.until("document.querySelectorAll('#orrery-trail path').length > 5");
    page.until("document.querySelector('.messages .row.linked')");
    page.evaluate("[...document.querySelectorAll('.dock .tab')].find(tab => tab.textContent === 'Sequence').click()");
    page.until("document.querySelector('.said.linked')");
    // Keys walk through it, fold and unfold.
    let key = |key: &str| page.press_in_focus(key);
    assert_eq!(page.evaluate("document.querySelectorAll('[role=treeitem][tabindex=\"0\"]').length"), json!(1));
    page.evaluate("document.querySelector('[role=treeitem][aria-expanded=true]').focus()");
    let count = page.evaluate("document.querySelectorAll('[role=treeitem]').length").as_u64().expect("a number");
    key("ArrowLeft");
    page.until(&format!("document.querySelectorAll('[role=treeitem]').length < {count}"));
    key("ArrowRight");
    page.until(&format!("document.querySelectorAll('[role=treeitem]').length === {count}"));
    key("ArrowDown");
    key("Enter");
    // The stage goes to the message, the tree stays.
    page.until("document.activeElement.matches('[role=treeitem].now')");
    assert_eq!(page.evaluate("document.querySelector('.inspector h2').textContent.includes('kubectl create')"), json!(true));
    page.click(".inspector .tab", "Summary");
    page.until("!document.querySelector('#orrery-trail path') && !document.querySelector('.linked')");
}

#[test]
fn a_tree_in_which_somebody_walks_says_that_there_is_a_newer_write() {
    let page = deployed();
    let newest = "document.querySelector('.inspector .hint .link')";
    let chain = || {
        page.evaluate("document.querySelectorAll('.why li').length + document.querySelector('.why li:last-child').textContent")
    };
    page.until("document.querySelectorAll('.why li').length > 3");
    let label = |value: &str| {
        let line = format!("kubectl label pod -l app=web --overwrite round={value}");
        page.returned(&format!("await orrery.run('{line}'); await orrery.settle()"));
        page.until("orrery.state().arrived");
    };
    let before = chain();
    label("1");
    page.until("document.querySelector('.why .command').textContent.includes('kubectl label')");
    assert!(chain() != before && page.evaluate(newest).is_null(), "it follows the newest write");
    page.evaluate("document.querySelector('.inspector [role=treeitem]').click()");
    page.until("orrery.state().arrived");
    let before = chain();
    page.evaluate("await orrery.seek(orrery.state().seconds + 30)");
    label("2");
    page.until(newest);
    assert_eq!(chain(), before);
    page.evaluate(&format!("{newest}.click()"));
    page.until(&format!("!{newest}"));
    assert!(chain() != before);
}

#[test]
fn what_the_pointer_is_at_is_marked_everywhere() {
    let page = deployed();
    page.until("document.querySelectorAll('.messages .row').length > 5");
    let over = |what: &str| page.evaluate(&format!("({what}).dispatchEvent(new PointerEvent('pointerover', {{bubbles: true}}))"));
    over("[...document.querySelectorAll('.messages .row')].find(row => row.querySelector('.request'))");
    page.until("document.querySelector('#orrery-pointed path')");
    page.evaluate("[...document.querySelectorAll('.dock .tab')].find(tab => tab.textContent === 'Sequence').click()");
    page.until("document.querySelectorAll('.said').length > 5");
    over("document.querySelectorAll('.said')[3]");
    page.until("document.querySelectorAll('.said')[3].matches('[data-pointed]')");
    // And the other way round, from the stage.
    page.evaluate("document.querySelectorAll('.said')[5].dispatchEvent(new MouseEvent('click', {bubbles: true}))");
    page.until("document.querySelector('#orrery-pills [data-select^=\"message/\"]')");
    let id = page.evaluate("document.querySelector('#orrery-pills [data-spoken-of]').dataset.select.split('/')[1]");
    over("document.querySelector('#orrery-pills [data-spoken-of]')");
    page.until(&format!("document.querySelector('.said[data-pointed]')?.dataset.message === {id}"));
}

#[test]
fn an_object_is_compared_with_what_it_was() {
    let page = deployed();
    page.click(".inspector .tab", "YAML");
    page.until("document.querySelector('.compare select')");
    let choose = |option: &str| {
        page.evaluate(&format!(
            "(() => {{ const menu = document.querySelector('.compare select'); menu.value = '{option}'; menu.dispatchEvent(new Event('change', {{bubbles: true}})) }})()"
        ))
    };
    choose("previous");
    page.until("document.querySelector('.diff ins')?.textContent.startsWith('+ ') && document.querySelector('.diff del')?.textContent.startsWith('− ')");
    assert_eq!(page.evaluate("document.querySelector('.diff').textContent.includes('⋯')"), json!(true), "only what differs");
    // Before the command there was no such pod.
    choose("command");
    page.until("document.querySelectorAll('.diff ins').length > 30 && !document.querySelector('.diff del')");
}

#[test]
fn a_command_is_taken_back_by_a_key_and_brought_back() {
    let page = open("?autoplay=0", &PageOptions::default());
    assert_eq!(page.evaluate("document.querySelector('#orrery-undo')"), json!(null), "there is nothing to take back");
    let pods = "document.querySelectorAll('[data-select^=\"pod/default/web\"]').length";
    page.returned(&format!("await orrery.run('{CREATE}'); await orrery.settle()"));
    page.until(&format!("{pods} === 3"));
    let press = |key: &str| {
        page.evaluate(&format!(
            "document.querySelector('#orrery-terminal-input').dispatchEvent(new KeyboardEvent('keydown', {{key: '{key}', ctrlKey: true, bubbles: true, cancelable: true}}))"
        ))
    };
    // What was typed is the field's own to take back.
    page.evaluate("document.querySelector('#orrery-terminal-input').value = 'kub'");
    press("z");
    assert_eq!(page.evaluate("document.querySelector('.notice')"), json!(null));
    page.evaluate("document.querySelector('#orrery-terminal-input').value = ''");
    press("z");
    page.until(&format!("{pods} === 0 && document.querySelector('.notice')?.textContent.includes('{CREATE}')"));
    assert_eq!(page.evaluate("document.querySelector('.scrollback').textContent.includes('deployment.apps/web')"), json!(false));
    press("y");
    page.until(&format!("{pods} === 3 && !document.querySelector('.notice')"));
    page.evaluate("document.querySelector('#orrery-undo').click()");
    page.until(&format!("{pods} === 0"));
    page.evaluate("document.querySelector('.notice button').click()");
    page.until(&format!("{pods} === 3"));
}

#[test]
fn objects_lead_to_each_other_and_to_what_the_programs_hold() {
    let page = deployed();
    page.click(".inspector .tab", "Summary");
    let go = |text: &str| {
        page.until(&format!(
            "[...document.querySelectorAll('.facts .link')].some(link => link.textContent.startsWith('{text}'))"
        ));
        page.evaluate(&format!(
            "[...document.querySelectorAll('.facts .link')].find(link => link.textContent.startsWith('{text}')).click()"
        ));
    };
    let title = |text: &str| page.until(&format!("document.querySelector('.inspector h2').textContent.includes('{text}')"));
    page.until("document.querySelector('.facts').textContent.includes('/registry/pods/default/web')");
    go("ReplicaSet/web-");
    title("ReplicaSet in default");
    go("Deployment/web");
    title("Deployment in default");
    page.until("document.querySelector('.facts').textContent.includes('3 / 3')");
    // Why a condition is as it is.
    page.evaluate("document.querySelector('.facts .link[aria-label^=\"Available\"]').click()");
    page.until("document.querySelectorAll('.why .row').length > 2 && document.querySelector('.inspector h2').textContent.includes('deployments/web')");
    // What programs hold.
    page.select("part/kind-worker/containerd");
    page.until("document.querySelector('.columns')?.textContent.includes('containerd-shim')");
    page.select("part/kind-control-plane/deployment-controller");
    page.until("document.querySelector('.facts').textContent.includes('3 deployments')");
}

#[test]
fn the_outline_is_walked_by_keys_and_one_comes_back_to_it() {
    let page = open("?autoplay=0", &PageOptions::default());
    page.evaluate("document.querySelector('#orrery-outline').click()");
    page.until("document.querySelectorAll('.outline [role=treeitem]').length > 3");
    page.evaluate("document.querySelector('.outline [role=treeitem]').focus()");
    let key = |key: &str| page.press_in_focus(key);
    key("ArrowDown");
    // With Alt and Ctrl the arrows are the browser's.
    let taken = page.evaluate(
        "[{altKey: true}, {ctrlKey: true}, {metaKey: true}].map(keys => !document.activeElement.dispatchEvent(
            new KeyboardEvent('keydown', {key: 'ArrowRight', bubbles: true, cancelable: true, ...keys})))",
    );
    assert_eq!(taken, json!([false, false, false]));
    key("ArrowRight");
    page.until("document.querySelector('.outline [data-line=\"part/kind-worker/kubelet\"]')");
    key("ArrowRight");
    let line = page.evaluate("document.activeElement.dataset.line");
    assert!(line.as_str().is_some_and(|line| line.starts_with("part/kind-worker/")), "{line}");
    key("Enter");
    page.until("document.querySelector('.inspector')");
    page.press("Escape");
    page.until(&format!("document.activeElement.dataset.line === {line}"));
    // Once: whoever then comes back to the panel from elsewhere is not brought here.
    page.evaluate("document.querySelector('#orrery-terminal-input').focus()");
    page.select("node/kind-worker2");
    page.until("document.querySelector('.inspector')");
    page.evaluate("document.querySelector('#orrery-terminal-input').focus()");
    page.evaluate("document.querySelector('.inspector-head .icon-button').click()");
    page.until("document.querySelector('.outline')");
    assert_eq!(page.evaluate("document.activeElement.id"), json!("orrery-terminal-input"));
}

#[test]
fn whoever_asks_for_more_lines_goes_on_at_the_first_of_them() {
    let page = open("?autoplay=0", &PageOptions::default());
    let map = |at: usize| format!("apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: map-{at}\n---\n");
    let text: String = (1..=60).map(map).collect();
    page.evaluate(&format!("await orrery.run({})", json!(format!("cat > maps.yaml <<'EOF'\n{text}EOF"))));
    page.evaluate("await orrery.run('kubectl create -f maps.yaml')");
    page.evaluate("document.querySelector('#orrery-outline').click()");
    page.until("document.querySelector('[data-line=\"kind/configmaps\"] .fold')");
    page.evaluate("document.querySelector('[data-line=\"kind/configmaps\"] .fold').click()");
    let more = "document.querySelector('.outline [data-line=\"more kind/configmaps\"]')";
    page.until(more);
    let at =
        page.evaluate(&format!("(({more}).focus(), [...document.querySelectorAll('.outline [role=treeitem]')].indexOf({more}))"));
    page.press_in_focus("Enter");
    page.until(&format!("[...document.querySelectorAll('.outline [role=treeitem]')].indexOf(document.activeElement) === {at}"));
    assert_eq!(page.evaluate("document.activeElement.dataset.line.startsWith('more ')"), json!(false));
}
