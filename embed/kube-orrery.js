// <kube-orrery lesson="communication" step="2" lang="de" theme="dark">: the page as an element of another page.
//
// A module without dependencies; it loads the page in a frame when it comes into view, and speaks with it by postMessage (host.js).
// Attributes: topology, lesson, step, lang, theme, controls (default none), autoplay, pace, detail, seed, recording (a shared link), poster (a picture until
// it runs, and for print), keys (host: Page Up and Down are left to the page around it), src (where the page lies, if not beside this file),
// eager, still (only the poster). Methods and events: kube-orrery.d.ts. Parts for styling: frame, poster.

const PROTOCOL = 1;
const PASSED = ["topology", "lesson", "step", "lang", "theme", "controls", "autoplay", "pace", "detail", "view", "colours", "system", "seed", "keys"];
const METHODS = ["run", "lesson", "next", "previous", "play", "pause", "seek", "settle", "state", "svg", "share", "recording", "load"];
const STYLE = `
  :host { display: block; position: relative; aspect-ratio: 16 / 9; overflow: hidden; }
  :host([hidden]) { display: none; }
  iframe, img { position: absolute; inset: 0; width: 100%; height: 100%; border: 0; }
  img { object-fit: contain; background: inherit; }
  img[hidden] { display: none; }
  @media print { iframe { display: none; } img[hidden] { display: block; } }`;

export class KubeOrrery extends HTMLElement {
  static observedAttributes = ["lesson", "step"];

  #frame = null;
  #poster = null;
  #calls = new Map();
  #next = 1;
  #ready = false;
  #active = true;
  #view = null;
  #heard = event => this.#hear(event);

  connectedCallback() {
    if (!this.shadowRoot) {
      this.attachShadow({ mode: "open" }).innerHTML = `<style>${STYLE}</style><img part="poster" alt="" hidden>`;
      this.#poster = this.shadowRoot.querySelector("img");
    }
    const poster = this.getAttribute("poster");
    if (poster) {
      this.#poster.src = new URL(poster, document.baseURI).href;
      this.#poster.alt = this.getAttribute("alt") ?? "";
      this.#poster.hidden = false;
    }
    addEventListener("message", this.#heard);
    if (this.hasAttribute("eager") || !("IntersectionObserver" in window)) return this.begin();
    this.#view = new IntersectionObserver(entries => entries.some(entry => entry.isIntersecting) && this.begin(), { rootMargin: "25%" });
    this.#view.observe(this);
  }

  disconnectedCallback() {
    removeEventListener("message", this.#heard);
    this.end();
  }

  attributeChangedCallback(name, before, after) {
    if (!this.#frame || before === after || this.#changed) return;
    // Lesson and step may be set one after the other: they are one change.
    this.#changed = true;
    queueMicrotask(() => {
      this.#changed = false;
      const id = this.getAttribute("lesson");
      if (this.#frame && id) this.#call("lesson", [id, Number(this.getAttribute("step") ?? 1)]).catch(error => this.#fail(error));
    });
  }
  #changed = false;

  /** Loads the page, if it is not there yet. */
  begin() {
    if (this.#frame || !this.isConnected || this.hasAttribute("still")) return;
    this.#view?.disconnect();
    const url = new URL(this.getAttribute("src") ?? "../", this.hasAttribute("src") ? document.baseURI : import.meta.url);
    url.searchParams.set("controls", "none");
    for (const name of PASSED) if (this.hasAttribute(name)) url.searchParams.set(name, this.getAttribute(name));
    // The document's origin: in a sandbox or from a disk it is another one than its address'.
    if (self.origin !== "null") url.searchParams.append("origin", self.origin);
    if (this.hasAttribute("recording")) url.hash = `r=${this.getAttribute("recording").replace(/^.*#?r=/, "")}`;
    this.#frame = Object.assign(document.createElement("iframe"), { src: url.href, title: this.title || "kube-orrery", allow: "fullscreen" });
    this.#frame.setAttribute("part", "frame");
    this.shadowRoot.append(this.#frame);
    this.#frame.hidden = !this.#poster.hidden;
  }

  /** Unloads the page; begin() loads it anew. */
  end() {
    this.#view?.disconnect();
    this.#frame?.remove();
    this.#frame = null;
    this.#ready = this.#greeted = false;
    this.#asked = null;
    if (this.#poster) this.#poster.hidden = !this.#poster.src;
    for (const { reject } of this.#calls.values()) reject(new Error("the page was unloaded"));
    this.#calls.clear();
  }

  /** Whether it runs: one that is not active stands still and costs nothing. */
  get active() { return this.#active; }
  set active(active) {
    if (active === this.#active) return;
    this.#active = active;
    if (this.#frame) this.#post(active ? "slide:start" : "slide:stop");
  }

  /** Whether its first picture stands. */
  get ready() { return this.#ready; }

  #post(message) {
    // The page may lie on another origin, and no secrets are told to it.
    this.#frame.contentWindow?.postMessage(message, "*");
  }

  #call(call, args) {
    this.begin();
    if (!this.#frame) return Promise.reject(new Error(this.isConnected ? "it is still: only the poster is shown" : "it is not in a document"));
    return new Promise((resolve, reject) => {
      const id = this.#next++;
      this.#calls.set(id, { resolve, reject });
      const ask = () => this.#post({ orrery: PROTOCOL, id, call, args });
      // Before the page's first script has run nobody hears it.
      if (this.#greeted) ask();
      else (this.#asked ??= []).push(ask);
    });
  }
  #greeted = false;
  #asked = null;

  #fail(error) {
    this.dispatchEvent(new CustomEvent("error", { detail: { message: String(error?.message ?? error) } }));
  }

  #hear({ source, data }) {
    if (!this.#frame || source !== this.#frame.contentWindow || data?.orrery !== PROTOCOL) return;
    if (data.id !== undefined) {
      const call = this.#calls.get(data.id);
      this.#calls.delete(data.id);
      if (data.error === undefined) call?.resolve(data.value);
      else call?.reject(new Error(data.error));
      return;
    }
    if (data.event === "hello") {
      this.#greeted = true;
      if (!this.#active) this.#post("slide:stop");
      for (const ask of this.#asked?.splice(0) ?? []) ask();
      return;
    }
    if (data.event === "ready") {
      this.#ready = true;
      this.#poster.hidden = true;
      this.#frame.hidden = false;
    }
    this.dispatchEvent(new CustomEvent(data.event, { detail: data.detail, bubbles: true, composed: true }));
  }

  static {
    for (const name of METHODS) {
      // `lesson` is an attribute as well; as a method it is called show().
      const method = name === "lesson" ? "show" : name;
      this.prototype[method] = function (...args) { return this.#call(name, args); };
    }
  }
}

if (!customElements.get("kube-orrery")) customElements.define("kube-orrery", KubeOrrery);
