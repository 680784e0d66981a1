// The presenter's window beside the audience's: this step's caption and notes, the next one's caption, a clock. Read before the module.
(() => {
  "use strict";
  const TEXTS = {
    en: { notes: "Notes", next: "Next", end: "This was the last step.", back: "Back", forward: "Next step", reset: "Reset the clock", none: "No lesson is open." },
    de: { notes: "Notizen", next: "Danach", end: "Das war der letzte Schritt.", back: "Zurück", forward: "Nächster Schritt", reset: "Uhr zurücksetzen", none: "Keine Lektion ist offen." },
  };
  const STYLE = `
    body { margin: 0; padding: 24px 32px; background: #15181d; color: #eef1f5; font: 20px/1.45 system-ui, sans-serif; }
    h1 { font-size: 17px; margin: 0; color: #aab4c0; font-weight: 500; }
    h2 { font-size: 14px; margin: 28px 0 4px; color: #aab4c0; text-transform: uppercase; letter-spacing: 0.06em; }
    p { margin: 0; white-space: pre-line; } #caption { font-size: 30px; font-weight: 600; margin-top: 10px; } #next { color: #c5cdd8; }
    header { display: flex; justify-content: space-between; gap: 24px; align-items: baseline; }
    output { font: 600 30px ui-monospace, monospace; } footer { position: fixed; inset: auto 0 0; padding: 16px 32px; display: flex; gap: 12px; background: #1d2229; }
    button { font: inherit; min-height: 44px; padding: 0 18px; border-radius: 10px; border: 1px solid #4a5463; background: #262c35; color: inherit; }
    button:focus-visible { outline: 3px solid #7aa5ff; }`;

  let view = null;
  let began = 0;

  const clock = () => {
    const seconds = Math.floor((Date.now() - began) / 1000);
    return `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, "0")}`;
  };

  const fill = () => {
    if (!view || view.closed) return;
    const notes = window.orrery.notes();
    const texts = TEXTS[notes.lang] ?? TEXTS.en;
    const set = (id, text) => { view.document.getElementById(id).textContent = text; };
    const say = [notes.predict, notes.say].filter(Boolean).join("\n\n");
    set("title", notes.steps ? `${notes.title} · ${notes.step} / ${notes.steps}` : texts.none);
    set("caption", notes.caption);
    set("say", say);
    // No heading over nothing.
    view.document.getElementById("t-notes").hidden = !say;
    set("next", notes.steps ? notes.next || texts.end : "");
    for (const name of ["notes", "next", "back", "forward", "reset"]) set(`t-${name}`, texts[name]);
    view.document.title = notes.title || "kube-orrery";
  };

  // A question is answered before the next step comes.
  const forward = () => window.orrery[window.orrery.notes().asks ? "play" : "next"]();
  const back = () => window.orrery.previous();

  // Built from here, not loaded: so it works from a single file and under a strict policy, too.
  const presenter = () => {
    if (view && !view.closed) return view.focus();
    view = window.open("", "kube-orrery-presenter", "width=900,height=640");
    if (!view) throw new Error("the browser does not let this page open a window");
    began = Date.now();
    const page = view.document;
    const add = (parent, name, attributes = {}) => parent.appendChild(Object.assign(page.createElement(name), attributes));
    page.head.replaceChildren();
    page.body.replaceChildren();
    add(page.head, "style", { textContent: STYLE });
    const header = add(page.body, "header");
    add(header, "h1", { id: "title" });
    const time = add(header, "output", { id: "time", textContent: "0:00" });
    add(page.body, "p", { id: "caption" });
    add(page.body, "h2", { id: "t-notes" });
    add(page.body, "p", { id: "say" });
    add(page.body, "h2", { id: "t-next" });
    add(page.body, "p", { id: "next" });
    const footer = add(page.body, "footer");
    add(footer, "button", { id: "t-back", onclick: back });
    add(footer, "button", { id: "t-forward", onclick: forward });
    add(footer, "button", { id: "t-reset", onclick: () => { began = Date.now(); } });
    view.addEventListener("keydown", event => {
      const call = { PageDown: forward, ArrowRight: forward, " ": forward, PageUp: back, ArrowLeft: back }[event.key];
      if (!call || event.target.tagName === "BUTTON" && event.key === " ") return;
      event.preventDefault();
      call();
    });
    const tick = setInterval(() => view.closed ? clearInterval(tick) : time.textContent = clock(), 500);
    fill();
  };

  addEventListener("orrery:installed", () => { window.orrery.presenter = presenter; }, { once: true });
  for (const name of ["step", "state"]) addEventListener(`orrery:${name}`, fill);
  addEventListener("pagehide", () => view?.close());
})();
