// Between the page and whoever has it in a frame. It is read before the module, so that a host that speaks early is heard.
//
// Protocol 1 (typed in kube-orrery.d.ts; docs/embedding.md): objects with `orrery: 1`.
//   host → page   { orrery: 1, id, call: "run", args: ["kubectl get nodes"] }
//   page → host   { orrery: 1, id, value } or { orrery: 1, id, error }; { orrery: 1, event: "ready", detail }
// `?origin=https://deck.example` (repeatable) lets only these origins in. Reveal.js' "slide:start" and "slide:stop" are understood too.
(() => {
  "use strict";
  const PROTOCOL = 1;
  const CALLS = ["run", "lesson", "next", "previous", "step", "play", "pause", "seek", "settle", "state", "svg", "share", "recording", "load"];
  const EVENTS = ["ready", "step", "state", "error"];
  // More than these nobody asks before the page is ready.
  const MOST_WAITING = 100;

  const host = window.parent === window ? null : window.parent;
  if (!host) return;
  const parameters = new URLSearchParams(location.search);
  const asked = parameters.getAll("origin");
  const origins = asked.flatMap(text => {
    try {
      return [new URL(text).origin];
    } catch {
      console.warn(`kube-orrery: origin=${text} is no origin such as https://deck.example`);
      return [];
    }
  });
  // Only wrong ones: nobody is let in.
  if (asked.length && !origins.length) return;
  const waiting = [];
  let ready = false;
  let stopped = false;
  let resume = false;

  const tell = (message, to) => {
    const targets = to ? [to] : origins.length ? origins : ["*"];
    for (const target of targets) host.postMessage({ orrery: PROTOCOL, ...message }, target);
  };
  const answer = async ({ id, call, args = [] }, to) => {
    try {
      if (!CALLS.includes(call)) throw new Error(`call: ${JSON.stringify(call)} is none of ${CALLS.join(", ")}`);
      if (!Array.isArray(args)) throw new Error("args: must be a list");
      tell({ id, value: await window.orrery[call](...args) }, to);
    } catch (error) {
      tell({ id, error: String(error?.message ?? error) }, to);
    }
  };

  // A slide that is not shown costs no frames; what was playing goes on when it comes back.
  const stop = () => {
    stopped = true;
    if (!ready) return;
    resume ||= window.orrery.state().playing;
    window.orrery.pause();
  };
  const start = () => {
    stopped = false;
    if (ready && resume) window.orrery.play();
    resume = false;
  };

  addEventListener("message", event => {
    if (event.source !== host) return;
    if (origins.length && !origins.includes(event.origin)) return;
    if (event.data === "slide:start") return start();
    if (event.data === "slide:stop") return stop();
    if (event.data?.orrery === undefined) return;
    const to = event.origin === "null" ? "*" : event.origin;
    if (event.data.orrery !== PROTOCOL) {
      tell({ id: event.data.id, error: `protocol ${event.data.orrery} is not spoken here; ${PROTOCOL} is` }, to);
    } else if (ready) {
      answer(event.data, to);
    } else if (waiting.length < MOST_WAITING) {
      waiting.push([event.data, to]);
    } else {
      tell({ id: event.data.id, error: "too many calls before the page is ready" }, to);
    }
  });

  for (const name of EVENTS) {
    addEventListener(`orrery:${name}`, event => {
      if (name === "ready" && !ready) {
        ready = true;
        if (stopped) stop();
        for (const [message, to] of waiting.splice(0)) answer(message, to);
      }
      // What begins by itself on a slide that is not shown is stopped again.
      if (stopped && ready && event.detail?.playing) stop();
      tell({ event: name, detail: event.detail });
    });
  }

  // A deck leafs with these keys, wherever the focus is.
  if (parameters.get("keys") === "host") {
    addEventListener("keydown", event => {
      if (!["PageDown", "PageUp"].includes(event.key)) return;
      event.preventDefault();
      event.stopImmediatePropagation();
      tell({ event: "key", detail: { key: event.key } });
    }, true);
  }
  tell({ event: "hello", detail: { protocol: PROTOCOL } });
})();
