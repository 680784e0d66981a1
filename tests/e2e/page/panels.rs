//! What stands around the stage: dock, terminal, inspector, palette, legend; on large and small pages.

use orrery_e2e::{Opened, open};
use page_driver::PageOptions;
use serde_json::json;

fn sized(width: u32, height: u32) -> PageOptions {
    PageOptions { width, height, ..PageOptions::default() }
}

#[test]
fn the_dock_can_be_made_higher_and_the_terminal_large() {
    let page = open("?autoplay=0", &PageOptions::default());
    let height = "document.querySelector('.dock').getBoundingClientRect().height";
    let before = page.evaluate(height).as_f64().expect("a number");
    let press =
        "document.querySelector('.dock-handle').dispatchEvent(new KeyboardEvent('keydown', {key: 'ArrowUp', bubbles: true}))";
    page.evaluate(press);
    page.evaluate(press);
    page.until(&format!("{height} >= {before} + 60"));
    assert_eq!(page.evaluate("Number(localStorage.getItem('orrery.dock')) > 0"), json!(true), "the height is remembered");
    page.evaluate("document.querySelector('.terminal-size').click()");
    page.until("document.querySelector('.terminal').getBoundingClientRect().height > innerHeight * 0.65");
    // Esc within the terminal brings the stage back.
    page.evaluate("document.querySelector('#orrery-terminal-input').dispatchEvent(new KeyboardEvent('keydown', {key: 'Escape', bubbles: true}))");
    page.until("document.querySelector('.stage').getBoundingClientRect().height > 200");
}

#[test]
fn wide_tables_keep_their_columns() {
    let page = open("?autoplay=0", &PageOptions::default());
    page.evaluate("await orrery.run('kubectl get pods -A -o wide')");
    page.until("document.querySelector('.scrollback').textContent.includes('NOMINATED')");
    let seen = page.evaluate(
        "[...document.querySelectorAll('.scrollback pre.out')].map(pre => [getComputedStyle(pre).whiteSpace, parseFloat(getComputedStyle(pre).fontSize)])\
         .every(([space, size]) => space.startsWith('pre') && !space.includes('wrap') && size >= 10.5)",
    );
    assert_eq!(seen, json!(true));
}

#[test]
fn everything_can_be_reached_on_small_pages() {
    for (width, height) in [(640, 480), (720, 480), (800, 450), (900, 600), (1024, 768), (390, 844)] {
        let page = open("?autoplay=0", &sized(width, height));
        let outside = "[...document.querySelectorAll('.header button, .transport button, .transport select, .scrubber')]\
             .filter(element => element.offsetParent).map(element => [element.getBoundingClientRect(), element.title || element.className])\
             .filter(([rect]) => rect.left < 0 || rect.right > innerWidth || rect.bottom > innerHeight).map(([, name]) => name)";
        assert_eq!(page.evaluate(outside), json!([]), "{width}×{height}");
        // Whatever opens takes its room from the stage instead of covering it.
        for button in ["panel", "dock"] {
            let name = if button == "panel" { "(B)" } else { "(D)" };
            page.evaluate(&format!(
                "document.querySelector('.{button}') ?? [...document.querySelectorAll('.header button')].find(b => b.title.includes('{name}')).click()"
            ));
            page.until(&format!("document.querySelector('.{button}')"));
            let apart = format!(
                "(() => {{
                    const a = document.querySelector('.stage').getBoundingClientRect(), b = document.querySelector('.{button}').getBoundingClientRect();
                    return (a.right <= b.left + 1 || a.bottom <= b.top + 1) && a.width > 200 && a.height > 130;
                }})()"
            );
            page.until(&apart);
        }
        page.evaluate("document.querySelector('.dock') && document.querySelector('#orrery-terminal-input') || [...document.querySelectorAll('.dock .tab')][0].click()");
        page.until("document.querySelector('#orrery-terminal-input').offsetParent");
    }
}

#[test]
fn the_registry_is_there_in_a_slides_frame() {
    let page = open("?autoplay=0", &sized(800, 450));
    page.until("document.querySelector('[data-select=\"part/localhost/registry\"]')");
}

#[test]
fn parts_say_what_they_do_and_how_they_are() {
    let page = open("?autoplay=0", &PageOptions::default());
    page.evaluate("await orrery.run('kubectl create deployment web --image=nginx'); await orrery.settle()");
    page.select("part/kind-control-plane/kube-scheduler");
    page.until("document.querySelector('.sentence')?.textContent.includes('binding')");
    page.until("document.querySelector('.facts').textContent.includes('default/web-')");
    assert_eq!(
        page.evaluate("[...document.querySelectorAll('.inspector .tab')].some(tab => tab.textContent === 'Why?')"),
        json!(false)
    );
    page.select("part/kind-worker/kubelet");
    page.click(".inspector .tab", "YAML");
    page.until("document.querySelector('.yaml')?.textContent.includes('kind: Node')");
    page.select("part/kind-worker/kube-proxy");
    page.until("document.querySelector('.yaml')?.textContent.includes('kind: Pod')");
    page.select("part/kind-worker/containerd");
    page.until("document.querySelector('.sentence')?.textContent.includes('CRI')");
}

#[test]
fn a_filter_without_a_hit_says_so() {
    let page = open("?autoplay=0", &PageOptions::default());
    let filter = |words: &str| {
        page.evaluate(&format!(
            "(() => {{ const field = document.querySelector('.filter'); field.value = '{words}'; field.dispatchEvent(new InputEvent('input', {{bubbles: true}})) }})()"
        ))
    };
    filter("kubelet patch status");
    page.until("document.querySelectorAll('.messages .row').length > 0");
    filter("kubelet nothing-of-this-name");
    page.until("document.querySelector('.messages .empty')?.textContent.includes('filter')");
}

#[test]
fn the_palette_spares_the_control_plane_and_closes_its_forms() {
    let page = open("?autoplay=0", &PageOptions::default());
    let tool = |name: &str| {
        page.evaluate(&format!("[...document.querySelectorAll('.tool')].find(tool => tool.textContent === '{name}').click()"))
    };
    tool("Taint node");
    page.until(
        "document.querySelector('.tool-form .command-button code')?.textContent.startsWith('kubectl taint nodes kind-worker ')",
    );
    tool("Scale deployment");
    page.until("document.querySelector('.tool-form button.primary')?.textContent === 'Deploy something first'");
    page.evaluate("document.querySelector('.tool-form button.primary').click()");
    page.until(
        "document.querySelector('.tool-form .command-button code')?.textContent.startsWith('kubectl create deployment web')",
    );
    page.evaluate("document.querySelector('.tool-form button.primary').click()");
    page.until("!document.querySelector('.tool-form')");
}

#[test]
fn links_are_cut_from_the_palette_and_mended() {
    let page = open("?autoplay=0", &PageOptions::default());
    let tool = |name: &str| {
        page.evaluate(&format!("[...document.querySelectorAll('.tool')].find(tool => tool.textContent === '{name}').click()"));
    };
    let told = "[...document.querySelectorAll('.stage text')].some(text => text.textContent === '✂ → registry')";
    tool("No images");
    let command = "docker exec kind-worker iptables -A OUTPUT -d registry-1.docker.io -j DROP";
    page.until(&format!("document.querySelector('.tool-form .command-button code')?.textContent.trim() === '{command}'"));
    page.evaluate("document.querySelector('.tool-form button.primary').click(); orrery.settle()");
    page.until(told);
    tool("Mend links");
    page.until(
        "document.querySelector('.tool-form .command-button code')?.textContent.trim() === 'docker exec kind-worker iptables -F'",
    );
    page.evaluate("document.querySelector('.tool-form button.primary').click(); orrery.settle()");
    page.until(&format!("!({told})"));
    tool("Stop a part");
    page.until(
        "document.querySelector('.tool-form .command-button code')?.textContent.trim() === 'docker exec kind-worker systemctl stop kubelet'",
    );
}

#[test]
fn the_legend_opens_by_a_key_and_closes_by_escape() {
    let page = open("?autoplay=0", &PageOptions::default());
    page.press("l");
    page.until("document.querySelector('.legend') && !document.querySelector('.palette')");
    page.press("Escape");
    page.until("document.querySelector('.palette')");
}

#[test]
fn every_control_has_a_name() {
    let page = open("?autoplay=0&lang=de", &PageOptions::default());
    page.until("document.querySelector('.stage').textContent.includes('nichts wartet')");
    let nameless = "[...document.querySelectorAll('button, input, select, textarea, [role=button], [role=slider], [role=separator]')]\
         .filter(element => !(element.getAttribute('aria-label') || element.textContent.trim() || element.closest('label')?.textContent.trim()))\
         .map(element => element.outerHTML)";
    assert_eq!(page.evaluate(nameless), json!([]));
}

#[test]
fn axe_finds_nothing_to_complain_about() {
    let axe = std::env::var_os("ORRERY_AXE").expect("ORRERY_AXE is set by `cargo xtask test --e2e`");
    let axe = std::fs::read_to_string(std::path::PathBuf::from(axe).join("axe.min.js")).expect("axe-core is installed");
    for query in [
        "?autoplay=0&theme=light",
        "?autoplay=0&theme=dark&lang=de",
        "?autoplay=0&theme=contrast",
        "?lesson=nodes&step=2&autoplay=0&controls=none",
    ] {
        let page = open(query, &PageOptions::default());
        page.returned("await orrery.run('kubectl create deployment web --image=nginx'); await orrery.settle()");
        page.evaluate(&format!("(() => {{ {axe}; }})()"));
        // An experimental rule wants labels to begin with what is seen; the stage's cells show abbreviations, and their labels the whole name.
        let find = "return (await axe.run({ rules: { 'label-content-name-mismatch': { enabled: false } } })).violations.map(one => [one.id, one.nodes.slice(0, 3).map(node => node.html.slice(0, 200))])";
        assert_eq!(page.returned(find), json!([]), "{query}");
        if !query.contains("controls") {
            // The tree of consequences, and a comparison.
            page.evaluate("document.querySelector('[data-select^=\"pod/default/web\"]').dispatchEvent(new MouseEvent('click', {bubbles: true}))");
            for (tab, shown) in [("last-of-type", "[role=treeitem]"), ("nth-of-type(3)", ".compare")] {
                page.evaluate(&format!("document.querySelector('.inspector .tab:{tab}').click()"));
                page.until(&format!("document.querySelector(\"{shown}\")"));
                assert_eq!(page.returned(find), json!([]), "{query}, {shown}");
            }
            // The dialogs as well.
            for key in ["s", "e", "?"] {
                page.press(key);
                page.until("document.querySelector('dialog[open]')");
                assert_eq!(page.returned(find), json!([]), "{query}, {key}");
                page.press("Escape");
                page.until("!document.querySelector('dialog')");
            }
        }
    }
}

#[test]
fn charts_take_the_playhead_with_the_pointer() {
    let page = open("?autoplay=0", &PageOptions::default());
    page.returned("await orrery.run('kubectl create deployment web --image=nginx --replicas=3'); await orrery.settle()");
    page.click(".dock .tab", "Charts");
    page.until("document.querySelectorAll('.chart svg').length === 7");
    let legends =
        page.evaluate("[...document.querySelectorAll('.chart')].map(chart => chart.querySelectorAll('.key').length > 0)");
    assert_eq!(legends, json!([true, true, true, true, true, true, true]));
    // Queues were filled for milliseconds only, and are drawn all the same.
    for (chart, key) in [(4, "replicaset-controller"), (5, "active"), (6, "Term 2")] {
        let keys =
            format!("[...document.querySelectorAll('.chart')[{chart}].querySelectorAll('.key')].map(key => key.textContent)");
        page.until(&format!("{keys}.includes('{key}')"));
    }
    let at = |kind: &str, share: f64, buttons: u8| {
        page.evaluate(&format!(
            "(() => {{
                const chart = document.querySelectorAll('.chart')[1], rect = chart.getBoundingClientRect();
                const x = rect.left + 44 + {share} * (rect.width - 56);
                chart.dispatchEvent(new PointerEvent('{kind}', {{clientX: x, clientY: rect.top + 60, buttons: {buttons}, pointerId: 1, bubbles: true}}));
            }})()"
        ));
        page.evaluate("orrery.state().seconds").as_f64().expect("a number")
    };
    let (middle, later) = (at("pointerdown", 0.5, 1), at("pointermove", 0.8, 1));
    assert!(middle > 0.0 && later > middle, "{middle}, {later}");
    assert_eq!(at("pointermove", 0.2, 0).to_bits(), later.to_bits(), "only while it is pressed");
    page.until("orrery.state().arrived");
    assert_eq!(page.evaluate("orrery.state().playing"), json!(false));
}

#[test]
fn a_first_visit_is_given_four_hints_and_a_second_none() {
    let page = open("?autoplay=0", &PageOptions::default());
    page.until("document.querySelector('.first h2')");
    page.returned("await orrery.run('kubectl create deployment web --image=nginx'); await orrery.settle()");
    for hint in ["2", "3", "4"] {
        page.until(&format!("document.querySelector('[data-hint=\"{hint}\"]')"));
        let outlined = "[...document.querySelectorAll('.dock-beside, .transport, .palette')].filter(part => getComputedStyle(part).outlineStyle === 'solid').length";
        assert_eq!(page.evaluate(outlined), json!(1), "hint {hint} shows what it speaks of");
        page.evaluate("document.querySelector('[data-hint] .primary').click()");
    }
    page.until("!document.querySelector('[data-hint]')");
    page.goto(&page.url(), &PageOptions::default()).expect("the page opens again");
    page.returned("await orrery.run('kubectl create deployment web --image=nginx'); await orrery.settle()");
    page.until("!document.querySelector('.first')");
    assert_eq!(page.evaluate("document.querySelector('[data-hint]')"), json!(null));
}

#[test]
fn a_manifest_is_written_with_help_and_applied() {
    let page = open("?autoplay=0", &PageOptions::default());
    page.click(".tool", "Write a manifest (YAML)");
    page.until("document.activeElement === document.querySelector('.manifest textarea')");
    // The cursor stands after the letters.
    page.evaluate(
        "(() => {
            const field = document.querySelector('.manifest textarea');
            field.value = field.value.replace('        image: nginx\\n', '        image: nginx\\n        imagePullPolcy: Always\\n        live\\n');
            const at = field.value.indexOf('live') + 4;
            field.setSelectionRange(at, at);
            field.dispatchEvent(new InputEvent('input', {bubbles: true}));
        })()",
    );
    page.until("document.querySelector('.candidates .chip b')?.textContent === 'livenessProbe'");
    // Half a key is no YAML yet.
    page.until("document.querySelectorAll('.problem').length === 1");
    let press = |key: &str, control: bool| {
        page.evaluate(&format!(
            "document.querySelector('.manifest textarea').dispatchEvent(new KeyboardEvent('keydown', {{key: '{key}', ctrlKey: {control}, bubbles: true}}))"
        ));
    };
    press(" ", true);
    page.until("document.querySelector('.manifest textarea').value.includes('\\n        livenessProbe: \\n')");
    // What is wrong is found by a click, and mended.
    page.until("document.querySelector('.problem b')?.textContent === '18:9'");
    page.evaluate("document.querySelector('.problem').click()");
    let at =
        "document.querySelector('.manifest textarea').value.slice(document.querySelector('.manifest textarea').selectionStart)";
    page.until(&format!("{at}.startsWith('imagePullPolcy')"));
    page.evaluate(
        "(() => {
            const field = document.querySelector('.manifest textarea');
            field.value = field.value.replace('Polcy', 'Policy').replace('        livenessProbe: \\n', '');
            field.dispatchEvent(new InputEvent('input', {bubbles: true}));
        })()",
    );
    page.until("!document.querySelector('.problem')");
    page.evaluate("document.querySelector('.manifest .primary').click()");
    page.until("document.querySelector('.scrollback').textContent.includes('deployment.apps/web created')");
    page.returned("await orrery.settle()");
    // An object is edited from its YAML: what the server added is left out.
    page.until("document.querySelector('[data-select^=\"pod/default/web\"]')");
    page.evaluate(
        "document.querySelector('[data-select^=\"pod/default/web\"]').dispatchEvent(new MouseEvent('click', {bubbles: true}))",
    );
    page.click(".inspector .tab", "YAML");
    page.click(".tool.edit", "Edit and apply");
    page.until("document.querySelector('.manifest textarea').value.startsWith('apiVersion: v1\\nkind: Pod')");
    assert_eq!(
        page.evaluate("/^status:|uid: .*\\n  resourceV/m.test(document.querySelector('.manifest textarea').value)"),
        json!(false)
    );
}

/// Drags the chip of the open form to a point of the page, with steps of its own on the way, and lets it go if `dropped`.
fn drag(page: &Opened, to: &str, dropped: bool) {
    page.returned(&format!(
        "const chip = document.querySelector('.drag-chip'), place = chip.getBoundingClientRect(), to = {to}.getBoundingClientRect();
         const from = [place.left + 20, place.top + 10], end = [to.left + to.width / 2, to.top + to.height / 2];
         const send = async (kind, [x, y]) => {{
            chip.dispatchEvent(new PointerEvent(kind, {{clientX: x, clientY: y, button: 0, buttons: 1, pointerId: 1, pointerType: 'touch', bubbles: true, cancelable: true}}));
            await new Promise(done => setTimeout(done, 30));
         }};
         await send('pointerdown', from);
         for (const share of [0.3, 0.7, 1]) await send('pointermove', from.map((at, axis) => at + share * (end[axis] - at)));
         if ({dropped}) await send('pointerup', end);"
    ));
}

#[test]
fn a_taint_is_dragged_onto_a_node_and_taken_back() {
    let page = open("?autoplay=0", &PageOptions::default());
    page.click(".tool", "Taint node");
    page.until("document.querySelector('.drag-chip code')?.textContent === 'dedicated=gpu:NoSchedule'");
    let node = "document.querySelector('[data-select=\"node/kind-worker2\"] rect')";
    let taints = "(await orrery.run(\"kubectl get node kind-worker2 -o jsonpath='{.spec.taints[*].key}'\")).stdout";
    // Held over a node it marks the node and shows the command; Escape ends it.
    drag(&page, node, false);
    page.until("document.querySelector('#orrery-selection .target')");
    let command = "kubectl taint nodes kind-worker2 dedicated=gpu:NoSchedule";
    page.until(&format!("document.querySelector('.drag-ghost')?.textContent === '{command}'"));
    page.press_in_focus("Escape");
    page.until("!document.querySelector('.drag-ghost') && !document.querySelector('#orrery-selection .target')");
    assert_eq!(page.evaluate("Boolean(document.querySelector('.drag-chip'))"), json!(true), "the form is still there");
    assert_eq!(page.evaluate(taints), json!(""));
    // Beside every node nothing happens.
    drag(&page, "document.querySelector('.transport')", true);
    page.until("!document.querySelector('.drag-ghost')");
    drag(&page, node, true);
    page.returned("await orrery.settle()");
    assert_eq!(page.evaluate(taints), json!("dedicated"));
    let terminal = "[...document.querySelectorAll('.terminal')].map(one => one.textContent).join()";
    page.until(&format!("{terminal}.includes('$ {command}')"));
    // Each look at the taints was a command, too.
    let undo =
        "document.body.dispatchEvent(new KeyboardEvent('keydown', {key: 'z', ctrlKey: true, bubbles: true, cancelable: true}))";
    for _ in 0..2 {
        page.evaluate(undo);
        page.until("orrery.state().arrived");
    }
    assert_eq!(page.evaluate(taints), json!(""));
}

#[test]
fn a_label_is_dragged_onto_a_box_of_the_field() {
    let page = open("?autoplay=0&detail=cells", &PageOptions::default());
    page.click(".tool", "Label node");
    page.until("document.querySelector('.drag-chip')");
    // Where the box of a node is, its outline tells when it is selected.
    page.evaluate("document.querySelector('#orrery-outline').click()");
    page.until("document.querySelector('[data-line=\"node/kind-worker2\"]')");
    page.evaluate("document.querySelector('[data-line=\"node/kind-worker2\"]').click()");
    page.until("document.querySelector('#orrery-selection .selected')");
    let place = page.evaluate("(({left, top, width, height}) => ({left, top, width, height}))(document.querySelector('#orrery-selection .selected').getBoundingClientRect())");
    page.press("Escape");
    page.click(".tool", "Label node");
    page.until("document.querySelector('.drag-chip')");
    let place = format!("({{getBoundingClientRect: () => ({place})}})");
    drag(&page, &place, false);
    page.until("document.querySelector('.drag-ghost')?.textContent === 'kubectl label nodes kind-worker2 disk=ssd'");
    page.until("document.querySelector('#orrery-selection .target')");
    drag(&page, &place, true);
    page.returned("await orrery.settle()");
    let label = "(await orrery.run(\"kubectl get node kind-worker2 -o jsonpath='{.metadata.labels.disk}'\")).stdout";
    assert_eq!(page.evaluate(label), json!("ssd"));
}

#[test]
fn the_dock_is_higher_for_the_sequence_diagram_unless_somebody_has_set_its_height() {
    let page = open("?autoplay=0", &PageOptions::default());
    let height = "document.querySelector('.dock').getBoundingClientRect().height";
    let usual = page.evaluate(height);
    page.click(".dock .tab", "Sequence");
    let inside = "(rect => rect.top >= seen.top && rect.bottom <= seen.bottom)(one.getBoundingClientRect())";
    let rows = format!("[...document.querySelectorAll('.said')].filter(one => {inside}).length");
    page.until(&format!("(seen => {rows})(document.querySelector('.sequence-scroll').getBoundingClientRect()) >= 4"));
    page.click(".dock .tab", "Events");
    page.until(&format!("{height} === {usual}"));
    let press =
        "document.querySelector('.dock-handle').dispatchEvent(new KeyboardEvent('keydown', {key: 'ArrowDown', bubbles: true}))";
    page.evaluate(press);
    page.until(&format!("{height} < {usual} - 20"));
    let set = page.evaluate(height);
    page.click(".dock .tab", "Sequence");
    page.until("document.querySelector('.said')");
    assert_eq!(page.evaluate(height), set, "what somebody has set is kept");
}

#[test]
fn what_comes_again_and_again_is_a_loop_of_the_sequence_diagram() {
    let page = open("?autoplay=0", &PageOptions::default());
    page.click(".dock .tab", "Sequence");
    page.press("h");
    page.returned("await orrery.seek(orrery.state().seconds + 60)");
    page.until("orrery.state().arrived");
    // The diagram has come along, too.
    page.until(
        "(([minutes, seconds]) => Math.abs(minutes * 60 + Number(seconds) - orrery.state().seconds) < 10)(
            document.querySelector('.said.now text').textContent.split(':')) && document.querySelector('.loop-fold')",
    );
    let count = "document.querySelectorAll('.said').length";
    let folded = page.evaluate(count).as_u64().expect("a number");
    let times = page.evaluate("document.querySelector('.loop-fold').textContent");
    assert!(times.as_str().is_some_and(|text| text.starts_with("▸ ×")), "{times}");
    page.evaluate("document.querySelector('.loop-fold').click()");
    page.until(&format!("document.querySelector('.loop-fold[aria-expanded=true]') && {count} > {folded}"));
    page.evaluate("document.querySelector('.loop-fold[aria-expanded=true]').click()");
    page.until(&format!("{count} === {folded}"));
}

#[test]
fn while_nothing_happens_nothing_is_looked_at() {
    let page = open("?autoplay=0", &PageOptions::default());
    // Counts what timers call from here on.
    let count = "const count = name => {
        const real = window[name];
        window[name] = (call, ...rest) => real(() => { window.called += 1; call(); }, ...rest);
        return real;
    };
    window.called = 0;
    window.wait = (real => ms => new Promise(done => real(done, ms)))(count('setTimeout'));
    count('setInterval');";
    page.returned(count);
    page.click(".dock .tab", "Events");
    let called = page.returned("await wait(1000); const before = called; await wait(1500); return [before, called]");
    assert!(called[0].as_u64() > Some(0) && called[0] == called[1], "{called}");
    // As soon as something does, it is shown.
    page.evaluate("await orrery.run('kubectl create deployment web --image=nginx'); await orrery.settle()");
    page.until("[...document.querySelectorAll('.events .row')].some(row => row.textContent.includes('deployment/web'))");
    page.until("[...document.querySelectorAll('.palette option')].length === 0");
    page.click(".palette .tool", "Scale deployment");
    page.until("[...document.querySelectorAll('.palette option')].some(option => option.value === 'web')");
}

#[test]
fn a_milestone_is_told_beside_the_stage() {
    for (width, height) in [(1280, 720), (800, 450), (390, 844)] {
        let page = open("?autoplay=0", &sized(width, height));
        page.returned("await orrery.run('kubectl create deployment web --image=nginx'); await orrery.settle()");
        page.evaluate(
            "document.body.dispatchEvent(new KeyboardEvent('keydown', {key: 'ArrowLeft', shiftKey: true, bubbles: true}))",
        );
        page.until("document.querySelector('.notice.stone')");
        let below = page.evaluate(
            "(([notice, stage]) => notice.bottom <= stage.top + 1 || notice.top >= stage.bottom - 1)(
                ['.notice', '.stage'].map(one => document.querySelector(one).getBoundingClientRect()))",
        );
        assert_eq!(below, json!(true), "{width} × {height}");
        let covered = page.evaluate(
            "(notice => [...document.querySelectorAll('.icon-button')].filter(one => !one.closest('.notice') && one.offsetParent).map(one => one.getBoundingClientRect())
                .filter(one => one.left < notice.right && one.right > notice.left && one.top < notice.bottom && one.bottom > notice.top).length)(
                document.querySelector('.notice').getBoundingClientRect())",
        );
        assert_eq!(covered, json!(0), "{width} × {height}: no button is covered");
    }
}
