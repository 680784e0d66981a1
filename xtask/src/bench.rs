//! `bench`: sizes of the module, times of the simulation, times of the page.

use lexopt::{Arg, Parser};
use page_driver::{Page, PageOptions, Programs, StaticServer};
use serde_json::Value;

use crate::setup;
use crate::site::Site;
use crate::tell::{cargo, run, say};
use crate::usage;

/// How often the page is opened to measure how it boots.
const BOOTS: usize = 7;

/// A figure read from the page after it has become ready.
struct Measurement {
    name: &'static str,
    unit: &'static str,
    /// JavaScript whose value is a number; `null` where the page does not know.
    expression: &'static str,
}

/// Read once a boot.
const BOOT: [Measurement; 3] = [
    Measurement {
        name: "opened to first paint",
        unit: "ms",
        expression: "performance.getEntriesByName('first-contentful-paint')[0]?.startTime",
    },
    Measurement { name: "opened to ready", unit: "ms", expression: "performance.getEntriesByName('orrery-ready')[0]?.startTime" },
    Measurement { name: "memory of the scripts when ready", unit: "MB", expression: "performance.memory?.usedJSHeapSize / 1e6" },
];

/// What the page does while its frames are watched.
struct Scene {
    name: &'static str,
    /// JavaScript that starts it; a falsy value says that the page cannot.
    start: &'static str,
}

const SCENES: [Scene; 2] = [
    Scene { name: "standing still", start: "window.orrery?.pause?.(), true" },
    Scene {
        name: "ten pods are created, at message pace",
        start: "window.orrery?.run && (orrery.run('kubectl create deployment frames --image=nginx --replicas=10'), orrery.play?.(), true)",
    },
];

/// Watches the frames of three seconds; its value is the list of figures.
const FRAMES: &str = "await new Promise(done => {
    const times = [], long = [];
    const observer = new PerformanceObserver(list => long.push(...list.getEntries().map(entry => entry.duration)));
    observer.observe({ type: 'longtask' });
    const start = performance.now();
    const frame = now => {
        times.push(now);
        if (now - start < 3000) { requestAnimationFrame(frame); return; }
        observer.disconnect();
        const gaps = times.slice(1).map((time, at) => time - times[at]).sort((a, b) => a - b);
        const share = part => gaps[Math.min(gaps.length - 1, Math.floor(gaps.length * part))];
        done({ 'frames in 3 s': times.length, 'gap between frames, median (ms)': share(0.5), 'gap between frames, 95 % (ms)': share(0.95),
               'gap between frames, longest (ms)': share(1), 'tasks over 50 ms': long.length, 'longest task (ms)': Math.max(0, ...long) });
    };
    requestAnimationFrame(frame);
})";

/// What the stage shows at once: nodes, pods, messages in flight.
const CROWDS: [(u32, u32, u32); 5] =
    [(3, 20, 10), (20, 300, 60), (100, 3_000, 300), (1_000, 30_000, 1_000), (5_000, 150_000, 2_000)];

/// A page whose frames do nothing: what the machine can do at most.
const NOTHING: &str = "data:text/html,<!doctype html><title>nothing</title>";

/// The camera goes in and out all the time, by a wheel; begins and ends with the fit.
const ZOOM: &str = "(() => {
    const stage = document.querySelector('.stage'), rect = stage.getBoundingClientRect();
    let step = 0;
    window.zooming = setInterval(() => {
        step += 1;
        stage.dispatchEvent(new WheelEvent('wheel', { deltaY: step % 80 < 40 ? -40 : 40, bubbles: true, cancelable: true,
            clientX: rect.left + rect.width * 0.6, clientY: rect.top + rect.height * 0.7 }));
    }, 16);
    return true;
})()";

/// A cluster of ten workers comes into being and gets a thousand pods, as fast as the page simulates; its value is the list of figures.
/// A page that is used meanwhile waits for the longest task.
const LARGE: &str = "await (async () => {
    const figures = {};
    const watched = async (name, work) => {
        const gaps = [], long = [];
        const observer = new PerformanceObserver(list => long.push(...list.getEntries().map(entry => entry.duration)));
        observer.observe({ type: 'longtask' });
        let last = performance.now(), on = true;
        const frame = now => { gaps.push(now - last); last = now; if (on) requestAnimationFrame(frame); };
        requestAnimationFrame(frame);
        const start = performance.now();
        await work();
        figures[`${name}: wall time (ms)`] = performance.now() - start;
        await new Promise(done => setTimeout(done, 300));
        on = false;
        observer.disconnect();
        figures[`${name}: longest gap between frames (ms)`] = Math.max(...gaps);
        figures[`${name}: tasks over 50 ms`] = long.length;
        figures[`${name}: longest task over 50 ms (ms)`] = Math.max(0, ...long);
        figures[`${name}: memory of the scripts (MB)`] = (performance.memory?.usedJSHeapSize ?? 0) / 1e6;
    };
    const run = async line => {
        const answer = await orrery.run(line);
        if (answer.code !== 0) throw new Error(`${line}: ${answer.stderr}`);
    };
    // A place far back takes several frames: it is there when the picture is that of the moment.
    const seek = async seconds => {
        orrery.seek(seconds);
        while (!orrery.state().arrived) await new Promise(done => requestAnimationFrame(done));
    };
    const config = 'kind: Cluster\\napiVersion: kind.x-k8s.io/v1alpha4\\nnodes:\\n- role: control-plane\\n' + '- role: worker\\n'.repeat(10);
    await run('kind delete cluster');
    await run(`cat > ten.yaml <<EOF\\n${config}EOF`);
    await watched('ten workers', async () => {
        await run('kind create cluster --config ten.yaml');
        await orrery.settle();
    });
    await watched('1,000 pods on 10 nodes', async () => {
        await run('kubectl create deployment web --image=nginx --replicas=1000');
        await run('kubectl rollout status deployment/web --timeout=30m');
        await orrery.settle();
    });
    const end = orrery.state().seconds;
    await watched('rewound by 8 seconds', () => seek(end - 8));
    await watched('and forward again', () => seek(end));

    // Ten minutes of three control-plane nodes, five members of etcd on machines of their own, and twenty workers, on which nothing happens.
    const etcd = [1, 2, 3, 4, 5], peers = etcd.map(at => `etcd${at}=http://etcd${at}:2380`).join(',');
    const endpoints = etcd.map(at => `      - http://etcd${at}:2379\\n`).join('');
    await run('kind delete cluster --name kind');
    for (const at of etcd) {
        await run(`docker run -d --name etcd${at} --network kind registry.k8s.io/etcd:3.6.8-0 etcd --name=etcd${at} --initial-advertise-peer-urls=http://etcd${at}:2380 --initial-cluster=${peers}`);
    }
    const available = 'kind: Cluster\\napiVersion: kind.x-k8s.io/v1alpha4\\nkubeadmConfigPatches:\\n- |\\n  kind: ClusterConfiguration\\n  etcd:\\n    external:\\n      endpoints:\\n'
        + endpoints + 'nodes:\\n' + '- role: control-plane\\n'.repeat(3) + '- role: worker\\n'.repeat(20);
    await run(`cat > available.yaml <<EOF\\n${available}EOF`);
    await run('kind create cluster --config available.yaml');
    await orrery.settle();
    const start = performance.now();
    await run('sleep 600');
    figures['at rest, 3 control-plane nodes, 5 etcd, 20 workers: times real time'] = 600e3 / (performance.now() - start);
    const last = orrery.state().seconds, jumps = [];
    for (let at = 0; at < 25; at++) {
        const begin = performance.now();
        await seek(last - 600 * ((at * 0.618034) % 1));
        jumps.push(performance.now() - begin);
    }
    jumps.sort((a, b) => a - b);
    figures['25 jumps within these ten minutes: median (ms)'] = jumps[12];
    figures['25 jumps within these ten minutes: longest (ms)'] = jumps[24];
    return figures;
})()";

pub(crate) fn bench(arguments: &mut Parser) -> anyhow::Result<()> {
    let (mut module, mut native, mut browser, mut frames) = (false, false, false, false);
    while let Some(argument) = arguments.next()? {
        match argument {
            Arg::Long("module") => module = true,
            Arg::Long("native") => native = true,
            Arg::Long("browser") => browser = true,
            Arg::Long("frames") => frames = true,
            other => return Err(usage(other)),
        }
    }
    let all = !(module || native || browser || frames);
    let mut failures = Vec::new();
    let site = Site::below_target("bench", "page")?;
    if all || module || browser || frames {
        site.build()?;
    }
    if all || module {
        println!("# Sizes of the site (profile page), bytes");
        site.print_sizes()?;
    }
    if all || native {
        println!("\n# The simulation, native (orrery bench)");
        if let Err(error) = run(cargo().args(["run", "--release", "--package", "orrery", "--", "bench"])) {
            say(&format!("{error:#}"));
            failures.push("orrery bench");
        }
    }
    if all || browser {
        println!("\n# The page in headless Chromium (profile page)");
        if let Err(error) = setup::browser().and_then(|programs| in_browser(&programs, &site)) {
            say(&format!("{error:#}"));
            failures.push("browser");
        }
    }
    if frames && !(all || browser) {
        let programs = setup::browser()?;
        frames_of_crowds(&programs, &StaticServer::start(&site.out, 0)?, &options())?;
    }
    anyhow::ensure!(failures.is_empty(), "not measured: {}", failures.join(", "));
    Ok(())
}

/// A projector's size.
fn options() -> PageOptions {
    PageOptions { width: 1920, height: 1080, ..PageOptions::default() }
}

fn in_browser(programs: &Programs, site: &Site) -> anyhow::Result<()> {
    let server = StaticServer::start(&site.out, 0)?;
    let options = options();
    let mut figures = vec![Vec::new(); BOOT.len()];
    let mut last = None;
    for _ in 0..BOOTS {
        // A new browser each time: an empty cache, as for somebody who comes for the first time.
        let page = Page::open(programs, &server.url(), &options)?;
        for (figure, measurement) in figures.iter_mut().zip(&BOOT) {
            figure.extend(page.evaluate(measurement.expression)?.as_f64());
        }
        last = Some(page);
    }
    println!("{:>10} {:>10} {:>10}  of {BOOTS} boots", "min", "median", "max");
    for (mut figure, measurement) in figures.into_iter().zip(&BOOT) {
        figure.sort_by(f64::total_cmp);
        match (figure.first(), figure.get(figure.len() / 2), figure.last()) {
            (Some(min), Some(median), Some(max)) => {
                println!("{min:>10.1} {median:>10.1} {max:>10.1}  {} ({})", measurement.name, measurement.unit);
            }
            _ => println!("{:>32}  {}", "the page does not say", measurement.name),
        }
    }
    let Some(page) = last else { return Ok(()) };
    for Scene { name, start } in SCENES {
        if page.evaluate(start)? == Value::Bool(true) {
            println!("{:>10}  {name}:", "");
            print_object(&page.evaluate(FRAMES)?);
        } else {
            say(&format!("the page cannot do this yet: {name}"));
        }
    }
    println!("{:>10}  script of each frame, at message pace:", "");
    print_object(&page.evaluate("await window.orrery?.bench?.()")?);
    frames_of_crowds(programs, &server, &options)?;
    println!("{:>10}  as fast as it goes:", "");
    print_object(&page.evaluate(LARGE)?);
    Ok(())
}

/// Frames of the stage in sizes that no cluster of a lecture has: objects and messages are made for it (`src/state/crowd.rs`).
fn frames_of_crowds(programs: &Programs, server: &StaticServer, options: &PageOptions) -> anyhow::Result<()> {
    let nothing = Page::open(programs, NOTHING, &PageOptions { wait_ready: false, ..options.clone() })?;
    println!("\n{:>10}  frames of a page that does nothing:", "");
    print_object(&nothing.evaluate(FRAMES)?);
    drop(nothing);
    for (nodes, pods, messages) in CROWDS {
        let page = Page::open(programs, &format!("{}?autoplay=0", server.url()), options)?;
        println!("\n{:>10}  {nodes} nodes, {pods} pods, {messages} messages in flight, some pods change in each frame:", "");
        let made = page.evaluate(&watched(&format!("orrery.bench('crowd {nodes} {pods} {messages}')")))?;
        print_object(&made);
        // What is moved and what has changed is drawn for a while before it counts.
        page.evaluate("await new Promise(done => setTimeout(done, 1500))")?;
        print_object(&page.evaluate(FRAMES)?);
        print_object(&page.evaluate("await orrery.bench(3)")?);
        println!("{:>10}  the same while the camera goes in and out:", "");
        page.evaluate(ZOOM)?;
        print_object(&page.evaluate(FRAMES)?);
        print_object(&page.evaluate("await orrery.bench(3)")?);
    }
    Ok(())
}

/// How long a promise takes, and whether the page freezes meanwhile.
fn watched(promise: &str) -> String {
    format!(
        "await (async () => {{
            const long = [];
            const observer = new PerformanceObserver(list => long.push(...list.getEntries().map(entry => entry.duration)));
            observer.observe({{ type: 'longtask' }});
            const took = await {promise};
            await new Promise(done => setTimeout(done, 300));
            observer.disconnect();
            return {{ 'until it stands (ms)': took, 'tasks over 50 ms until then': long.length, 'longest of them (ms)': Math.max(0, ...long) }};
        }})()"
    )
}

/// An object's members, one a line: numbers rounded, everything else as JSON.
fn print_object(object: &Value) {
    for (name, value) in object.as_object().into_iter().flatten() {
        match value.as_f64() {
            Some(number) => println!("{number:>10.1}  {name}"),
            None => println!("{:>10}  {name}", value.to_string()),
        }
    }
}
