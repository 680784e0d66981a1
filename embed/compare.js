// Two topologies side by side: the same commands, the same fault, and what survives, found out by trying.
//
// compare.html?left=workers&right=stacked-3&lang=de&fault=docker+stop+kind-control-plane
// (docs/failures.md has the table for all topologies and faults; `orrery compare` makes it without a browser.)
import "./kube-orrery.js";

const TEXTS = {
  en: {
    title: "Two topologies", command: "Command", run: "Run on both", play: "Play", pause: "Pause", ask: "What survives?", question: "Question", topology: "Topology", working: "Working …",
    "single-node": "One node for everything", workers: "1 control-plane node, 3 workers", "stacked-3": "3 control-plane nodes, etcd on them, 3 workers",
    "stacked-5": "5 control-plane nodes, etcd on them, 3 workers", "external-3": "3 control-plane nodes, 3 machines of etcd, 3 workers",
    reads: "API reads", writes: "API writes", fresh: "a new pod runs", healed: "a deleted pod is replaced",
  },
  de: {
    title: "Zwei Topologien", command: "Befehl", run: "Auf beiden ausführen", play: "Abspielen", pause: "Pause", ask: "Was überlebt?", question: "Frage", topology: "Topologie", working: "Rechnet …",
    "single-node": "Ein Node für alles", workers: "1 Control-Plane-Node, 3 Worker", "stacked-3": "3 Control-Plane-Nodes mit etcd, 3 Worker",
    "stacked-5": "5 Control-Plane-Nodes mit etcd, 3 Worker", "external-3": "3 Control-Plane-Nodes, 3 Maschinen für etcd, 3 Worker",
    reads: "API lesen", writes: "API schreiben", fresh: "ein neuer Pod läuft", healed: "ein gelöschter Pod wird ersetzt",
  },
};
const TOPOLOGIES = ["single-node", "workers", "stacked-3", "stacked-5", "external-3"];
const LINES = [
  "docker stop kind-worker", "docker stop kind-control-plane", "docker stop kind-control-plane kind-control-plane2", "docker stop kind-external-load-balancer",
  "docker exec kind-control-plane mv /etc/kubernetes/manifests/etcd.yaml /etc/kubernetes",
  "docker exec kind-control-plane mv /etc/kubernetes/manifests/kube-scheduler.yaml /etc/kubernetes",
  "docker exec kind-worker systemctl stop kubelet", "docker network disconnect kind kind-worker",
  "kubectl get nodes", "kubectl get pods -o wide", "sleep 60",
];
// The application that is asked for: three pods.
const APPLICATION = "kubectl create deployment web --image=nginx --replicas=3 && kubectl rollout status deployment/web --timeout=5m";

const parameters = new URLSearchParams(location.search);
const lang = parameters.get("lang") ?? (navigator.language.startsWith("de") ? "de" : "en");
const texts = TEXTS[lang] ?? TEXTS.en;
const of = id => document.getElementById(id);
const sides = [{ element: of("a"), select: of("left"), out: of("out-a") }, { element: of("b"), select: of("right"), out: of("out-b") }];
let playing = false;
let asked = 0;

document.documentElement.lang = lang;
for (const [id, text] of Object.entries({ title: texts.title, "t-command": texts.command, run: texts.run, play: texts.play, ask: texts.ask })) of(id).textContent = text;
of("faults").append(...LINES.map(value => Object.assign(document.createElement("option"), { value })));
of("command").value = parameters.get("fault") ?? LINES[1];

const busy = async work => {
  const buttons = ["run", "play", "ask", "left", "right"].map(of);
  buttons.forEach(button => { button.disabled = true; });
  of("state").textContent = texts.working;
  try {
    await work();
    of("state").textContent = "";
  } catch (error) {
    of("state").textContent = error.message;
  } finally {
    buttons.forEach(button => { button.disabled = false; });
  }
};

const show = (side, line, { stdout, stderr, code }) => {
  side.out.textContent = `$ ${line}\n${stdout}${stderr}${code ? `(exit ${code})` : ""}`;
  side.out.scrollTop = side.out.scrollHeight;
};

// Both clusters are always at the same moment: the one that is behind waits for the other.
const level = async () => {
  const states = await Promise.all(sides.map(({ element }) => element.state()));
  const latest = Math.max(...states.map(state => state.seconds));
  await Promise.all(sides.map(({ element }, index) => states[index].seconds < latest && element.seek(latest)));
};

const both = async line => {
  const results = await Promise.all(sides.map(({ element }) => element.run(line)));
  sides.forEach((side, index) => show(side, line, results[index]));
  await level();
  return results;
};

const begin = side => {
  side.element.end();
  side.element.setAttribute("topology", side.select.value);
  side.element.setAttribute("lang", lang);
  side.element.setAttribute("autoplay", "0");
  side.element.setAttribute("pace", "1");
  return new Promise(done => {
    side.element.addEventListener("ready", done, { once: true });
    side.element.begin();
  });
};

const restart = () => busy(async () => {
  playing = false;
  of("play").textContent = texts.play;
  of("table").replaceChildren();
  await Promise.all(sides.map(begin));
  await level();
  await both(APPLICATION);
});

// Each question is a command, and its answer is what the command did.
const succeeded = async (element, line) => (await element.run(line)).code === 0;
const QUESTIONS = {
  reads: element => succeeded(element, "kubectl get nodes --request-timeout=30s"),
  writes: (element, n) => succeeded(element, `kubectl create configmap asked-${n} --request-timeout=30s`),
  fresh: async (element, n) => await succeeded(element, `kubectl run asked-${n} --image=nginx --request-timeout=30s`)
    && await succeeded(element, `kubectl wait --for=condition=Ready pod/asked-${n} --timeout=90s`),
  healed: async element => {
    const pods = await element.run("kubectl get pods -l app=web -o name --field-selector=status.phase=Running");
    const [pod] = pods.stdout.trim().split("\n").filter(Boolean);
    if (pods.code !== 0 || !pod) return false;
    return await succeeded(element, `kubectl delete ${pod} --wait=false`) && await succeeded(element, "kubectl rollout status deployment/web --timeout=120s");
  },
};

const survives = () => busy(async () => {
  const n = ++asked;
  const began = (await sides[0].element.state()).seconds;
  const rows = {};
  for (const [name, question] of Object.entries(QUESTIONS)) {
    rows[name] = await Promise.all(sides.map(({ element }) => question(element, n)));
    await level();
  }
  const cell = (name, attributes = {}) => Object.assign(document.createElement(name), attributes);
  const head = cell("tr");
  head.append(cell("th", { textContent: texts.question }), ...sides.map(({ select }) => cell("th", { textContent: texts[select.value] })));
  const body = Object.entries(rows).map(([name, answers]) => {
    const row = cell("tr");
    row.append(cell("th", { textContent: texts[name] }), ...answers.map(good => cell("td", { className: good ? "good" : "bad", textContent: good ? (lang === "de" ? "ja" : "yes") : (lang === "de" ? "nein" : "no") })));
    return row;
  });
  const [thead, tbody] = [cell("thead"), cell("tbody")];
  thead.append(head);
  tbody.append(...body);
  of("table").replaceChildren(cell("caption", { textContent: `t = ${began.toFixed(0)} s` }), thead, tbody);
});

sides.forEach(({ select }, index) => {
  select.setAttribute("aria-label", texts.topology);
  select.append(...TOPOLOGIES.map(value => Object.assign(document.createElement("option"), { value, textContent: texts[value] })));
  const asked = parameters.get(["left", "right"][index]);
  select.value = TOPOLOGIES.includes(asked) ? asked : ["workers", "stacked-3"][index];
  select.addEventListener("change", restart);
});
of("lines").addEventListener("submit", event => {
  event.preventDefault();
  const line = of("command").value.trim();
  if (line) busy(() => both(line));
});
of("play").addEventListener("click", () => {
  playing = !playing;
  of("play").textContent = playing ? texts.pause : texts.play;
  for (const { element } of sides) playing ? element.play() : element.pause();
});
of("ask").addEventListener("click", survives);
Object.assign(window, { compared: { sides, both, survives } });
restart();
