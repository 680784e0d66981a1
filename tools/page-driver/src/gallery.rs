//! Moments of the page that are worth a picture, and a script that looks at what is shown then.

/// A moment: what has to happen until the page shows it.
#[derive(Clone, Copy, Debug)]
pub struct Moment {
    /// As in file names.
    pub name: &'static str,
    /// Whether a slide can show it, which has no dock and no panel.
    pub slide: bool,
    /// A JavaScript function body, which may await.
    pub script: &'static str,
}

/// The moments that every size and theme is looked at in.
pub const MOMENTS: [Moment; 10] = [
    Moment { name: "start", slide: true, script: "" },
    Moment {
        name: "deployment",
        slide: true,
        script: "await orrery.run('kubectl create deployment web --image=nginx --replicas=3'); await orrery.settle(); halfway('RunPodSandbox')",
    },
    Moment {
        name: "decision",
        slide: false,
        script: "await orrery.run('kubectl create deployment web --image=nginx --replicas=3'); await orrery.settle(); \
            (await found('[data-select^=\"pod/default/web\"]')).dispatchEvent(new MouseEvent('click', { bubbles: true })); \
            (await found('.inspector .tab', 'Decision')).click(); await found('.verdict.chosen')",
    },
    Moment {
        name: "deciding",
        slide: true,
        script: "await orrery.run('kubectl run web --image=nginx'); orrery.seek(orrery.state().seconds - 0.03); orrery.play(); \
            await until(() => orrery.state().deciding?.phase === 'scored'); orrery.pause()",
    },
    Moment {
        name: "failure",
        slide: true,
        script: "await orrery.run('kubectl create deployment web --image=nginx --replicas=3'); await orrery.run('docker stop kind-worker'); \
            await orrery.run('sleep 60'); await orrery.settle(); \
            if (innerWidth > 1000) (await found('[data-select=\"node/kind-worker\"]')).dispatchEvent(new MouseEvent('click', { bubbles: true }))",
    },
    Moment {
        name: "recovery",
        slide: true,
        script: "await orrery.run('kubectl create deployment web --image=nginx --replicas=3'); await orrery.run('docker stop kind-worker'); \
            await orrery.run('sleep 400'); await orrery.settle(); halfway('RunPodSandbox', 0.99)",
    },
    Moment {
        name: "sequence",
        slide: false,
        script: "await orrery.run('kubectl create deployment web --image=nginx --replicas=3'); await orrery.settle(); halfway('RunPodSandbox'); \
            await dock('Sequence'); await found('.said.now')",
    },
    Moment {
        name: "charts",
        slide: false,
        script: "await orrery.run('kubectl create deployment web --image=nginx --replicas=3'); await orrery.settle(); \
            await dock('Charts'); await found('.chart svg')",
    },
    Moment { name: "100-nodes", slide: true, script: "await orrery.bench('crowd 100 3000 60')" },
    Moment { name: "5000-nodes", slide: true, script: "await orrery.bench('crowd 5000 150000 2000')" },
];

impl Moment {
    /// The moment of this name.
    pub fn named(name: &str) -> Option<Self> {
        MOMENTS.into_iter().find(|moment| moment.name == name)
    }

    /// JavaScript that brings the page there; it is awaited.
    pub fn reach(&self) -> String {
        format!("await (async () => {{ {HELPERS} {}; await arrived(); }})()", self.script)
    }
}

/// What the scripts of moments are written with. A crowd changes all the time; where it is shown,
/// nothing arrives. `halfway` goes to the middle one (or another share) of the messages since the beginning whose lines in
/// the trace contain a word.
const HELPERS: &str = "
    const since = orrery.state().seconds * 1e6;
    const pause = ms => new Promise(done => setTimeout(done, ms));
    const until = async condition => { const end = performance.now() + 60000;
        for (let value; performance.now() < end; await pause(15)) if (value = condition()) return value;
        throw new Error(`not within a minute: ${condition}`); };
    const arrived = async () => { if (orrery.state().nodes >= 100) return pause(2500);  await until(() => orrery.state().arrived); await pause(700); await until(() => orrery.state().arrived); };
    const found = (selector, text) => until(() => [...document.querySelectorAll(selector)].find(one => !text || one.textContent.trim() === text));
    const dock = async name => { if (!document.querySelector('.dock')) (await found('[aria-pressed][title*=\"(D)\"]')).click();
        (await found('.dock .tab', name)).click(); };
    const halfway = (word, share = 0.5) => { const all = orrery.trace().split('\\n').filter(line => line.includes(word)).map(line => JSON.parse(line))
            .filter(one => one.sent_us >= since);
        if (all.length === 0) throw new Error(`no message with ${word}`);
        const one = all[Math.floor(all.length * share)]; orrery.seek((one.sent_us + one.due_us) / 2e6); };";

/// JavaScript that looks at what the page shows as somebody in the last row does; its value is a list of complaints: texts that lie on
/// each other, are cut off, shortened or smaller than 10 pixels (but the tags of pods), texts and marks that are too faint (WCAG's contrast: 4.5:1 for texts, 3:1 for large ones and
/// for what is drawn).
pub const AUDIT: &str = include_str!("audit.js");
