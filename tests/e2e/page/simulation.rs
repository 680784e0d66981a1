//! The simulation in the page is the one of the command line.

use base64::Engine as _;
use kube_orrery::scene::svg::Theme;
use kube_orrery::state::print::{Look, Print};
use orrery_e2e::open;
use orrery_sim::core::{Duration, trace_json};
use orrery_sim::lesson::built_in;
use orrery_sim::session::{Recording, Session};
use page_driver::PageOptions;
use serde_json::{Value, json};

/// The lecture chapter's commands, and a workload.
const SCRIPT: &[&str] = &[
    "kubectl get nodes",
    "kubectl get pods -A -o wide",
    "docker exec -it kind-worker ps fxwwo pid,cmd",
    "docker exec -it kind-control-plane ps fxwwo pid,cmd",
    "kubectl create deployment web --image=nginx --replicas=3",
    "kubectl rollout status deployment/web",
    "kubectl get pods -o wide",
    "kubectl scale deployment web --replicas=1",
    "kubectl get pod nonsense",
    "kubectl delete deployment web",
];

#[test]
fn the_same_commands_print_the_same_and_leave_the_same_trace() {
    let page = open("", &PageOptions::default());
    let mut printed = Vec::new();
    for line in SCRIPT {
        printed.push(page.evaluate(&format!("await orrery.run({})", json!(line))));
    }
    page.evaluate("await orrery.settle()");
    let recording: Recording = serde_json::from_value(page.evaluate("orrery.recording()")).expect("the recording can be read");
    let trace = page.evaluate("orrery.trace()");
    let in_page: Vec<&str> = trace.as_str().expect("the trace is text").lines().collect();

    // The same recording, simulated here.
    let mut session = Session::replay(&recording);
    session.settle(Duration::s(600));
    let native: Vec<String> = trace_json::lines(session.trace(), session.live_cluster().directory()).collect();
    let common = in_page.len().min(native.len());
    assert!(common > 3_000, "only {common} messages");
    for (at, (page, native)) in in_page.iter().zip(&native).enumerate() {
        assert_eq!(page, native, "message {at} differs");
    }

    let commands = recording.entries.len() - SCRIPT.len();
    for (at, (line, in_page)) in SCRIPT.iter().zip(&printed).enumerate() {
        let id = orrery_sim::core::CommandId((commands + at) as u32);
        let native = session.result(id, session.live_end());
        assert_eq!(in_page["stdout"], Value::from(native.stdout), "{line}");
        assert_eq!(in_page["stderr"], Value::from(native.stderr), "{line}");
        assert_eq!(in_page["code"], json!(native.code), "{line}");
    }
}

#[test]
fn a_picture_made_without_a_browser_is_the_pages() {
    let page = open("?lesson=communication&step=4&autoplay=0&theme=dark&controls=none", &PageOptions::default());
    page.until("orrery.state().step === 4");
    let stage = page.evaluate("(rect => [rect.width, rect.height])(document.querySelector('.stage').getBoundingClientRect())");
    let size = |index: usize| stage[index].as_f64().expect("a number");
    let look = Look { size: (size(0), size(1)), theme: Theme::Dark, lang: "en".into(), detail: None, slide: true };
    let mut print = Print::new(&look, 1);
    print.open("communication", built_in("communication").expect("it is built in"));
    let (begin, end) = print.step(3);
    let moment = print.busiest(begin, end);
    let mine = print.at(moment);
    assert!(mine.contains("pill kubelet-call"), "the way from the control plane to the kubelet is shown");
    page.evaluate(&format!("orrery.seek({})", moment / 1e6));
    page.until("orrery.state().arrived");
    let theirs = page.evaluate("orrery.svg()");
    assert_eq!(theirs.as_str(), Some(mine.as_str()));
}

#[test]
fn a_png_made_without_a_browser_is_what_the_page_shows() {
    for theme in [Theme::Light, Theme::Dark] {
        compare_with_png(theme.name());
    }
}

fn compare_with_png(theme: &str) {
    let page = open(
        &format!("?lesson=communication&step=2&autoplay=0&theme={theme}&lang=en&controls=none"),
        &PageOptions { width: 960, height: 540, ..PageOptions::default() },
    );
    page.until("orrery.state().step === 2 && orrery.state().arrived");
    // Labels of flights are laid out anew when fonts have come; a moment with several messages on their way.
    page.evaluate("orrery.seek(orrery.state().seconds + 0.02)");
    page.until("orrery.state().arrived");
    page.evaluate("await new Promise(done => setTimeout(done, 600))");
    let stage = page.evaluate(
        "(rect => [rect.x, rect.y, rect.width, rect.height])(document.querySelector('.stage').getBoundingClientRect())",
    );
    let number = |index: usize| stage[index].as_f64().expect("a number");
    let file = std::env::temp_dir().join(format!("orrery-e2e-{theme}-{}.png", std::process::id()));
    let program = std::env::var_os("ORRERY_CLI").expect("ORRERY_CLI is set by `cargo xtask test --e2e`");
    let made = std::process::Command::new(program)
        .args(["render", "--lesson", "communication", "--step", "2", "--slide", "--at", "0.02", "--theme", theme])
        .args(["--size", &format!("{}x{}", number(2), number(3)), "--out"])
        .arg(&file)
        .status()
        .expect("the command line runs");
    assert!(made.success());
    let base64 = |bytes: &[u8]| base64::engine::general_purpose::STANDARD.encode(bytes);
    let (mine, theirs) = (base64(&std::fs::read(&file).expect("written")), base64(&page.screenshot().expect("a picture")));
    std::fs::remove_file(file).expect("removed");
    let compared = page.returned(&format!(
        "const pixels = async (data, x, y) => {{
           const image = new Image(); image.src = 'data:image/png;base64,' + data; await image.decode();
           const canvas = Object.assign(document.createElement('canvas'), {{ width: {2}, height: {3} }});
           const context = canvas.getContext('2d'); context.drawImage(image, -x, -y);
           return {{ width: image.width, height: image.height, data: context.getImageData(0, 0, {2}, {3}).data }};
         }};
         const mine = await pixels('{mine}', 0, 0), theirs = await pixels('{theirs}', {0}, {1});
         const light = at => mine.data[at] + mine.data[at + 1] + mine.data[at + 2], ground = light(0);
         let far = 0, sum = 0, inked = 0;
         for (let at = 0; at < mine.data.length; at += 4) {{
           const off = Math.max(...[0, 1, 2].map(channel => Math.abs(mine.data[at + channel] - theirs.data[at + channel])));
           sum += off; far += off > 64; inked += Math.abs(light(at) - ground) > 300;
         }}
         const all = mine.data.length / 4;
         return {{ size: [mine.width, mine.height], far: far / all, mean: sum / all, inked: inked / all }};",
        number(0),
        number(1),
        number(2),
        number(3)
    ));
    for (index, length) in [number(2), number(3)].into_iter().enumerate() {
        assert!(compared["size"][index].as_f64().is_some_and(|mine| (mine - length).abs() < 1.0), "{compared}");
    }
    // Letters and lines have soft edges, which each painter makes in its own way: large letters have many of them.
    assert!(compared["far"].as_f64().is_some_and(|far| far < 0.02), "{compared}");
    assert!(compared["mean"].as_f64().is_some_and(|mean| mean < 5.0), "{compared}");
    // And there is something to see.
    assert!(compared["inked"].as_f64().is_some_and(|inked| inked > 0.05), "{compared}");
}

#[test]
fn two_hundred_pods_do_not_freeze_the_page() {
    let page = open("", &PageOptions::default());
    // Nothing that blocks for long: while the simulation works, a timer of the page keeps its time.
    let seen = page.evaluate(
        "let last = performance.now(), worst = 0;
         const timer = setInterval(() => { const now = performance.now(); worst = Math.max(worst, now - last); last = now; }, 4);
         const made = await orrery.run('kubectl create deployment web --image=nginx --replicas=200');
         await orrery.settle();
         clearInterval(timer);
         [made.code, orrery.state().pods, worst]",
    );
    assert_eq!(seen[0], json!(0));
    assert!(seen[1].as_u64().is_some_and(|pods| pods >= 200), "{seen}");
    // Machines that run tests are noisy; the benchmark has the figures. A frozen page takes seconds.
    assert!(seen[2].as_f64().is_some_and(|worst| worst < 1_500.0), "{seen}");
}
