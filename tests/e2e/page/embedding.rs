//! The page in other pages: frames, the element, a deck of reveal.js, one file from a disk; links that hold what was done.

use std::fs;
use std::path::PathBuf;

use orrery_e2e::{Opened, open, open_file, open_folder};
use page_driver::PageOptions;
use serde_json::json;

/// A folder of a test's own with the site in `site/`, and what else is needed.
pub(crate) struct Folder(pub(crate) PathBuf);

impl Folder {
    pub(crate) fn new(name: &str) -> Self {
        let root = std::env::temp_dir().join(format!("orrery-e2e-{name}-{}", std::process::id()));
        fs::create_dir_all(&root).expect("the temporary folder can be written");
        let folder = Self(root);
        folder.link("site", "ORRERY_SITE");
        folder
    }

    fn link(&self, name: &str, variable: &str) {
        let target = std::env::var_os(variable).unwrap_or_else(|| panic!("{variable} is set by `cargo xtask test --e2e`"));
        std::os::unix::fs::symlink(target, self.0.join(name)).expect("linked");
    }

    fn write(&self, name: &str, text: &str) {
        fs::write(self.0.join(name), text).expect("written");
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        // What cannot be removed is the system's to clean up.
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// Keeps the memory of every module that is loaded in a frame, and when each frame was ready.
const MEMORIES: &str = "window.memories = []; window.readies = [];
    addEventListener('message', ({ data, source }) => {
        if (data?.event === 'ready') readies.push(Math.round(performance.now()));
        if (data?.event !== 'hello') return;
        const { WebAssembly } = source;
        const own = WebAssembly.instantiateStreaming;
        WebAssembly.instantiateStreaming = async (...all) => {
            const made = await own.apply(WebAssembly, all);
            memories.push(made.instance.exports.memory);
            return made;
        };
    });";

fn deck(slides: &str) -> String {
    format!(
        "<!DOCTYPE html><html lang=\"en\"><head><meta charset=\"utf-8\"><link rel=\"icon\" href=\"data:,\"><link rel=\"stylesheet\" href=\"reveal/dist/reveal.css\"><script>{MEMORIES}</script></head>\
         <body><div class=\"reveal\"><div class=\"slides\">{slides}</div></div><script type=\"module\">\
         import Reveal from './reveal/dist/reveal.mjs'; import KubeOrrery from './site/embed/reveal.js';\
         window.deck = new Reveal({{ plugins: [KubeOrrery], width: 1280, height: 720, hash: false, transition: 'none' }});\
         await deck.initialize(); window.ready = true;</script></body></html>"
    )
}

#[test]
fn a_host_speaks_with_the_page_in_its_frame() {
    let folder = Folder::new("host");
    folder.write(
        "index.html",
        "<!DOCTYPE html><html><head><link rel=\"icon\" href=\"data:,\"></head><body><input id=\"focus\" autofocus><script>
         const heard = window.heard = [];
         addEventListener('message', event => heard.push(event.data));
         const frame = document.createElement('iframe');
         frame.src = `site/?controls=none&autoplay=0&keys=host&origin=${location.origin}`;
         frame.width = 800; frame.height = 450;
         document.body.append(frame);
         window.ask = (call, args) => new Promise((resolve, reject) => {
            const id = Math.random();
            const listen = event => { if (event.data.id !== id) return; removeEventListener('message', listen); event.data.error === undefined ? resolve(event.data.value) : reject(new Error(event.data.error)); };
            addEventListener('message', listen);
            frame.contentWindow.postMessage({ orrery: 1, id, call, args }, '*');
         });
         document.getElementById('focus').focus();
         </script></body></html>",
    );
    let page = open_folder(&folder.0, "");
    page.until("heard.some(one => one.event === 'hello')");
    // Asked before the module is there, answered when it is.
    assert_eq!(page.returned("return (await ask('run', ['echo hi'])).stdout"), json!("hi\n"));
    assert_eq!(page.returned("return (await ask('state')).nodes"), json!(3));
    assert_eq!(page.evaluate("document.activeElement.id"), json!("focus"), "the focus stays with the host");
    let refused = |body: &str| {
        page.returned(&format!("try {{ await {body}; return 'no error' }} catch (error) {{ return error.message }}"))
    };
    assert!(refused("ask('eval', ['1'])").as_str().is_some_and(|text| text.contains("is none of run")), "eval");
    assert!(refused("ask('run', [7])").as_str().is_some_and(|text| text.contains("must be a string")), "run(7)");
    assert!(refused("ask('run', 'x')").as_str().is_some_and(|text| text.contains("must be a list")), "no list");
    // Keys of the deck are handed on.
    page.evaluate(
        "document.querySelector('iframe').contentWindow.dispatchEvent(new KeyboardEvent('keydown', {key: 'PageDown', bubbles: true, cancelable: true}))",
    );
    page.until("heard.some(one => one.event === 'key' && one.detail.key === 'PageDown')");
    // A slide that is left stands still, and goes on when it comes back.
    page.returned("await ask('play')");
    page.evaluate("document.querySelector('iframe').contentWindow.postMessage('slide:stop', '*')");
    page.until("heard.at(-1)?.event === 'state' && heard.at(-1).detail.playing === false");
    page.evaluate("document.querySelector('iframe').contentWindow.postMessage('slide:start', '*')");
    page.until("heard.at(-1)?.event === 'state' && heard.at(-1).detail.playing === true");
}

#[test]
fn a_strict_policy_and_a_sandbox_are_no_hindrance() {
    let folder = Folder::new("policy");
    let site = fs::read_to_string(folder.0.join("site/index.html")).expect("readable");
    assert!(!site.contains("<script>") && !site.contains("<script type=\"module\">\n"), "no script stands in the page: {site}");
    let policy = "<meta http-equiv=\"Content-Security-Policy\" content=\"script-src 'self' 'wasm-unsafe-eval'\">";
    let strict = site.replace("<head>", &format!("<head>{policy}")).replace("\"./", "\"./site/");
    folder.write("strict.html", &strict);
    // All of them in sight: what is out of sight the browser may hold back.
    folder.write(
        "index.html",
        "<!DOCTYPE html><html><head><link rel=\"icon\" href=\"data:,\"></head><body><script>window.ready = []; addEventListener('message', event => { if (event.data.event === 'ready') ready.push(event.data.detail.nodes) })</script>\
         <iframe src=\"strict.html?controls=none\" width=\"390\" height=\"220\"></iframe>\
         <iframe src=\"site/?controls=none\" sandbox=\"allow-scripts\" width=\"390\" height=\"220\"></iframe>\
         <iframe src=\"inner.html\" sandbox=\"allow-scripts\" width=\"390\" height=\"220\"></iframe></body></html>",
    );
    // The element in a page that has no origin of its own.
    folder.write(
        "inner.html",
        "<!DOCTYPE html><html><head><script type=\"module\" src=\"site/embed/kube-orrery.js\"></script></head><body><kube-orrery eager></kube-orrery>\
         <script>document.querySelector('kube-orrery').addEventListener('ready', async event => {
           const { stdout } = await event.target.run('kubectl get nodes -o name');
           parent.postMessage({ event: 'ready', detail: { nodes: stdout.trim().split('\\n').length } }, '*');
         })</script></body></html>",
    );
    let page = open_folder(&folder.0, "");
    page.until("ready.length === 3 && ready.every(nodes => nodes === 3)");
}

#[test]
fn the_element_loads_when_it_is_seen_and_does_what_it_is_told() {
    let folder = Folder::new("element");
    folder.write(
        "index.html",
        "<!DOCTYPE html><html><head><link rel=\"icon\" href=\"data:,\"><script type=\"module\" src=\"site/embed/kube-orrery.js\"></script></head><body>\
         <kube-orrery id=\"a\" lesson=\"nodes\" theme=\"dark\" autoplay=\"0\" style=\"width:800px\"></kube-orrery><div style=\"height:4000px\"></div>\
         <kube-orrery id=\"b\" poster=\"poster.svg\" alt=\"A cluster\" style=\"width:800px\"></kube-orrery></body></html>",
    );
    folder.write(
        "poster.svg",
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 16 9\"><rect width=\"16\" height=\"9\"/></svg>",
    );
    let page = open_folder(&folder.0, "");
    page.until("document.getElementById('a').ready");
    assert_eq!(page.evaluate("document.getElementById('b').shadowRoot.querySelector('iframe')"), json!(null), "not seen yet");
    assert_eq!(page.returned("return (await document.getElementById('a').state()).lesson"), json!("nodes"));
    page.evaluate("a = document.getElementById('a'), a.setAttribute('step', 3), 0");
    page.until("(await a.state()).step === 3");
    page.returned("await a.previous()");
    page.until("(await a.state()).step === 2");
    assert!(page.returned("return (await a.svg()).startsWith('<svg')").as_bool().is_some_and(|svg| svg));
    page.evaluate("document.getElementById('b').scrollIntoView()");
    page.until("document.getElementById('b').ready");
    assert_eq!(page.evaluate("document.getElementById('b').shadowRoot.querySelector('img').hidden"), json!(true));
    page.evaluate("document.getElementById('b').remove()");
    assert_eq!(
        page.returned("try { await a.run(7) } catch (error) { return error.message }"),
        json!("run(line): line must be a string")
    );
}

const SIX: [&str; 6] = ["nodes", "workers", "control-plane", "controllers", "communication", "failures"];

fn current(page: &Opened) -> String {
    let step = "(await deck.getCurrentSlide().querySelector('kube-orrery').state()).step";
    page.returned(&format!("return String({step})")).as_str().unwrap_or_default().to_string()
}

#[test]
fn a_deck_with_six_lessons_goes_forward_and_back() {
    let folder = Folder::new("deck");
    folder.link("reveal", "ORRERY_REVEAL");
    let slides: String = SIX
        .iter()
        .map(|id| format!("<section><h3>{id}</h3><kube-orrery lesson=\"{id}\" steps=\"1-3\" poster=\"poster.svg\" style=\"width:1000px;margin:auto\"></kube-orrery></section>"))
        .collect();
    folder.write(
        "poster.svg",
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 16 9\"><rect width=\"16\" height=\"9\"/></svg>",
    );
    folder.write("index.html", &deck(&slides));
    let page = open_folder(&folder.0, "");
    page.until("window.ready");
    let began = page.evaluate("performance.now()").as_f64().expect("a number");
    for (index, id) in SIX.iter().enumerate() {
        page.until(&format!("deck.getIndices().h === {index} && deck.getCurrentSlide().querySelector('kube-orrery').ready"));
        page.until("(await deck.getCurrentSlide().querySelector('kube-orrery').state()).step === 1");
        for step in 2..=3 {
            page.evaluate("deck.next()");
            page.until(&format!("(await deck.getCurrentSlide().querySelector('kube-orrery').state()).step === {step}"));
        }
        // Back, and forward again.
        page.evaluate("deck.prev()");
        page.until("(await deck.getCurrentSlide().querySelector('kube-orrery').state()).step === 2");
        page.evaluate("deck.next()");
        page.until("(await deck.getCurrentSlide().querySelector('kube-orrery').state()).step === 3");
        assert_eq!(page.evaluate("document.activeElement === document.body"), json!(true), "{id}: the focus stays with the deck");
        page.evaluate("deck.next()");
    }
    let took = page.evaluate("performance.now()").as_f64().expect("a number") - began;
    // What is not shown costs no frames, though each plays when it is.
    let playing = page.returned("return (await Promise.all([...document.querySelectorAll('kube-orrery')].map(one => one.state()))).map(state => state.playing)");
    assert_eq!(playing.as_array().map(Vec::len), Some(6));
    assert!(playing.as_array().is_some_and(|all| all.iter().take(5).all(|one| *one == json!(false))), "{playing}");
    // Their module was downloaded once.
    let fetched = page.returned(
        "const frames = [...document.querySelectorAll('kube-orrery')].map(one => one.shadowRoot.querySelector('iframe').contentWindow);
         return frames.map(frame => frame.performance.getEntriesByType('resource').filter(one => one.name.endsWith('.wasm')).reduce((sum, one) => sum + one.transferSize, 0))",
    );
    println!("six lessons, three steps each: {took:.0} ms; bytes of the module by frame: {fetched}");
    // What six of them need: the memory of their modules, and the heap of their scripts (all frames of a site are in one process).
    let cdp = |command: &str| {
        let call = json!({ "cmd": command, "params": {} });
        page.session().call("goog/cdp/execute", Some(&call)).expect("Chromium's own protocol")
    };
    cdp("Performance.enable");
    let metrics = cdp("Performance.getMetrics");
    let heap = metrics["metrics"].as_array().and_then(|all| all.iter().find(|one| one["name"] == "JSHeapUsedSize"));
    let heap = heap.and_then(|one| one["value"].as_f64()).expect("Chromium knows its heap") / 1e6;
    let modules = page.evaluate("memories.map(memory => memory.buffer.byteLength / 1e6)");
    let modules: Vec<f64> = modules.as_array().expect("a list").iter().filter_map(serde_json::Value::as_f64).collect();
    let whole = modules.iter().sum::<f64>() + heap;
    println!(
        "six instances: ready after {} ms; {whole:.0} MB, of which the heap has {heap:.0} and the modules {modules:.0?}",
        page.evaluate("readies")
    );
    assert_eq!(modules.len(), 6);
    assert!(whole < 100.0, "{whole:.0} MB");
    let downloads = fetched.as_array().map_or(0, |all| all.iter().filter(|bytes| bytes.as_u64() > Some(1_000_000)).count());
    assert_eq!(downloads, 1, "{fetched}");
    assert_eq!(current(&page), "3");
    // Whoever leafs within the frame takes the deck along.
    page.returned("await deck.getCurrentSlide().querySelector('kube-orrery').previous()");
    page.until("deck.getIndices().f === 0");
    // The keys of the frame are the deck's.
    page.evaluate("deck.slide(2, 0, -1)");
    page.until("(await deck.getCurrentSlide().querySelector('kube-orrery').state()).step === 1");
    page.evaluate(
        "deck.getCurrentSlide().querySelector('kube-orrery').shadowRoot.querySelector('iframe').contentWindow\
         .dispatchEvent(new KeyboardEvent('keydown', {key: 'PageDown', bubbles: true, cancelable: true}))",
    );
    page.until("(await deck.getCurrentSlide().querySelector('kube-orrery').state()).step === 2");
}

#[test]
fn a_deck_that_is_printed_shows_the_posters() {
    let folder = Folder::new("print");
    folder.link("reveal", "ORRERY_REVEAL");
    folder.write(
        "poster.svg",
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 16 9\"><rect width=\"16\" height=\"9\"/></svg>",
    );
    folder.write(
        "index.html",
        &deck("<section><kube-orrery lesson=\"nodes\" poster=\"poster.svg\" style=\"width:1000px\"></kube-orrery></section>"),
    );
    let page = open_folder(&folder.0, "?view=print");
    page.until("window.ready");
    // The print view takes the slides apart first.
    page.until("document.querySelector('kube-orrery')?.shadowRoot?.querySelector('img').naturalWidth > 0");
    page.evaluate("await new Promise(done => setTimeout(done, 500))");
    assert_eq!(page.evaluate("document.querySelector('kube-orrery').shadowRoot.querySelector('iframe')"), json!(null));
    assert_eq!(page.evaluate("document.querySelector('kube-orrery').shadowRoot.querySelector('img').hidden"), json!(false));
}

#[test]
fn after_one_visit_it_works_without_a_network() {
    let folder = Folder::new("offline");
    folder.link("kept", "ORRERY_OFFLINE");
    folder.write("index.html", "<!DOCTYPE html><link rel=\"icon\" href=\"data:,\">");
    let mut page = open_folder(&folder.0, "");
    let site = format!("{}kept/", page.url());
    page.goto(&format!("{site}?autoplay=0"), &PageOptions::default()).expect("the page gets ready");
    // Everything is kept as soon as the worker is active.
    page.until("Boolean((await navigator.serviceWorker.ready).active)");
    let kept =
        page.returned("const [name] = await caches.keys(); return [name, (await (await caches.open(name)).keys()).length]");
    assert!(kept[0].as_str().is_some_and(|name| name.starts_with("orrery /kept/ ")) && kept[1].as_u64() > Some(10), "{kept}");
    // No network is: no server.
    page.stop_server();
    page.goto(&format!("{site}?lesson=nodes&step=2&autoplay=0"), &PageOptions::default()).expect("ready without a network");
    page.until("orrery.state().lesson === 'nodes' && orrery.state().step === 2");
    assert_eq!(page.returned("return (await orrery.run('kubectl get nodes -o name')).code"), json!(0));
    // A page from a disk or in somebody else's sandbox keeps nothing: there the script is not there, or does nothing.
    assert_eq!(page.evaluate("document.querySelectorAll('script[src$=\"offline.js\"]').length"), json!(1));
}

#[test]
fn one_file_runs_from_a_disk() {
    let file = PathBuf::from(std::env::var_os("ORRERY_SINGLE").expect("ORRERY_SINGLE is set by `cargo xtask test --e2e`"));
    println!("{} bytes", fs::metadata(&file).expect("it is there").len());
    let page = open_file(&file, "?lesson=nodes&step=2&autoplay=0");
    page.until("window.orrery?.state().step === 2");
    assert_eq!(page.evaluate("location.protocol"), json!("file:"));
    let answer = page.returned("return (await orrery.run('kubectl get nodes -o name')).stdout");
    assert_eq!(answer, json!("node/kind-control-plane\nnode/kind-worker\n"));
}

const OWN: &str = "title: {en: Mine <b>, de: Meine <b>}
steps:
- caption: {en: '<img src=x onerror=alert(1)> one', de: eins}
- caption: {en: two, de: zwei}
  run: kubectl create deployment web --image=nginx
- caption: {en: three, de: drei}
";

#[test]
fn a_lesson_of_ones_own_is_given_by_its_address() {
    let folder = Folder::new("own");
    folder.write("mine.yaml", OWN);
    folder.write("bad.yaml", "title: A\nsteps:\n- caption: B\n  rum: ls\n");
    folder.write("large.yaml", &format!("title: A\nsteps:\n- caption: B\n# {}\n", "x".repeat(300_000)));
    folder.write("index.html", "<!DOCTYPE html><link rel=\"icon\" href=\"data:,\">");
    let page = open_folder(&folder.0, "");
    let go = |query: &str| {
        page.goto(&format!("{}site/{query}", page.url()), &PageOptions::default()).expect("the page gets ready");
    };
    go("?lesson=../mine.yaml&step=2&autoplay=0&lang=en");
    page.until("orrery.state().lesson === '../mine.yaml' && orrery.state().step === 2 && orrery.state().arrived");
    assert_eq!(page.evaluate("orrery.state().pods"), json!(13), "before its command");
    page.evaluate("orrery.next()");
    page.until("orrery.state().step === 3 && orrery.state().pods === 14");
    // Its texts are texts.
    page.evaluate("orrery.lesson('../mine.yaml', 1)");
    page.until("orrery.state().step === 1 && document.querySelector('.lesson-caption').textContent.startsWith('<img')");
    assert_eq!(page.evaluate("document.querySelectorAll('.lesson img, .lesson b').length"), json!(0));
    // The address has it, so that a reload comes back to the step.
    page.evaluate("orrery.lesson('../mine.yaml', 2)");
    page.until("new URLSearchParams(location.search).get('step') === '2'");
    page.session().call("refresh", Some(&json!({}))).expect("reloaded");
    page.until("window.orrery?.state().lesson === '../mine.yaml' && orrery.state().step === 2");
    // A link takes it along: who opens it needs no access to the file.
    let link = page.returned("return await orrery.share()");
    let fragment = link.as_str().and_then(|link| link.split_once('#')).map(|(_, rest)| rest.to_string()).expect("a fragment");
    std::fs::remove_file(folder.0.join("mine.yaml")).expect("removed");
    go(&format!("?autoplay=0&lang=de#{fragment}"));
    page.until("orrery.state().step === 2 && document.querySelector('.lesson-caption').textContent === 'zwei'");
    // What is no lesson, or not there, or too much, is told, and the page is of use all the same.
    for (address, told) in [
        ("../bad.yaml", "line 4, column 3: unknown field"),
        ("../absent.yaml", "HTTP 404"),
        ("../large.yaml", "> 200 kB"),
        ("javascript:alert(1)//", "javascript:"),
    ] {
        go(&format!("?lesson={address}&autoplay=0&lang=en"));
        page.until(&format!("document.querySelector('.notice')?.textContent.includes({told:?})"));
        page.until("orrery.state().nodes === 3");
    }
    // That a file is not there the browser's console says as well.
    let errors = page.console().expect("readable");
    assert!(errors.iter().filter(|one| one.is_error()).all(|one| one.text.contains("absent.yaml")), "{errors:?}");
}

#[test]
fn a_link_opens_what_was_shared_and_a_damaged_one_says_so() {
    let page = open("?autoplay=0", &PageOptions::default());
    page.returned("await orrery.run('kubectl create deployment web --image=nginx --replicas=2'); await orrery.settle()");
    let (seconds, pods) = (page.evaluate("orrery.state().seconds"), page.evaluate("orrery.state().pods"));
    page.press("s");
    page.until("document.querySelector('.share input')?.value.includes('#r=')");
    page.until("document.querySelector('.share .qr path')");
    page.press("Escape");
    page.until("!document.querySelector('.share')");
    let link = page.returned("return await orrery.share()");
    let fragment = link.as_str().and_then(|link| link.split_once('#')).map(|(_, rest)| rest.to_string()).expect("a fragment");
    println!("a link of {} characters", fragment.len());
    let other = open(&format!("?autoplay=0#{fragment}"), &PageOptions::default());
    other.until("orrery.state().arrived");
    assert_eq!((other.evaluate("orrery.state().seconds"), other.evaluate("orrery.state().pods")), (seconds, pods));
    assert_eq!(other.evaluate("orrery.svg()"), page.evaluate("orrery.svg()"), "the same picture");

    let broken = open(&format!("?autoplay=0#{}", &fragment[..fragment.len() * 3 / 4]), &PageOptions::default());
    broken.until("document.querySelector('.notice')?.textContent.match(/damaged|cannot be opened/)");
    assert_eq!(broken.evaluate("orrery.state().nodes"), json!(3), "there is a cluster all the same");
}

#[test]
fn whoever_discovers_oembed_is_told_of_the_lesson_that_is_given() {
    let page = open("?autoplay=0&lang=de", &PageOptions::default());
    // As `cargo xtask dist --url` writes it.
    page.evaluate("document.head.append(Object.assign(document.createElement('link'), { rel: 'alternate', type: 'application/json+oembed', href: 'https://example.org/orrery/oembed.json' })), 0");
    let link = "document.querySelector('link[type=\"application/json+oembed\"]').href";
    for (id, name) in [("scaling", "oembed/scaling.de.json"), ("nodes", "oembed/nodes.de.json")] {
        page.evaluate(&format!("orrery.lesson({id:?}, 1)"));
        page.until(&format!("orrery.state().lesson === {id:?} && {link} === 'https://example.org/orrery/{name}'"));
    }
}

#[test]
fn two_topologies_side_by_side_suffer_the_same_and_one_survives() {
    let site = PathBuf::from(std::env::var_os("ORRERY_SITE").expect("ORRERY_SITE is set by `cargo xtask test --e2e`"));
    let page = open_folder(&site, "embed/compare.html?left=workers&right=stacked-3&lang=en");
    let idle =
        "window.compared && !document.getElementById('run').disabled && document.getElementById('state').textContent === ''";
    page.until(idle);
    let seconds = "(await Promise.all(compared.sides.map(side => side.element.state()))).map(state => state.seconds)";
    let same = page.returned(&format!("const [a, b] = {seconds}; return a === b"));
    assert_eq!(same, json!(true), "both are at the same moment");
    page.evaluate("document.getElementById('command').value = 'docker stop kind-control-plane', document.getElementById('lines').requestSubmit(), 0");
    page.until(idle);
    page.evaluate("document.getElementById('ask').click()");
    page.until("document.querySelectorAll('#table tbody tr').length === 4");
    let answers = page.evaluate("[...document.querySelectorAll('#table tbody tr')].map(row => [...row.querySelectorAll('td')].map(cell => cell.textContent))");
    assert_eq!(answers, json!([["no", "yes"], ["no", "yes"], ["no", "yes"], ["no", "yes"]]));
}

#[test]
fn a_topology_is_built_from_the_dialog_and_from_the_address() {
    let page = open("?topology=external-3&autoplay=0", &PageOptions::default());
    assert_eq!(page.evaluate("orrery.state().nodes"), json!(6));
    page.click("button", "New cluster: topologies");
    page.until("document.querySelectorAll('.topologies tbody tr').length === 5");
    page.evaluate("document.querySelector('.topologies input').click()");
    page.until("document.querySelector('.topologies .yaml').textContent.split('- role').length === 2");
    page.click("button", "Build this cluster");
    page.until("orrery.state().ready && orrery.state().nodes === 1");
}
