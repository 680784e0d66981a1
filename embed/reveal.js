// A plugin for reveal.js: a lesson's steps are fragments of its slide.
//
//   import KubeOrreryReveal from "…/embed/reveal.js";
//   Reveal.initialize({ plugins: [KubeOrreryReveal] });
//   <section><kube-orrery lesson="nodes" steps="1-4" poster="nodes.svg"></kube-orrery></section>
//
// `steps`: which steps are gone through (default: all of a built-in lesson); each but the first is a fragment, forwards and backwards.
// The focus stays with the deck; only the current slide runs; print and speaker view show the poster.
import "./kube-orrery.js";

const range = (text, all) => {
  const [first = 1, last = first] = (text ?? "").split("-").filter(Boolean).map(Number);
  return text ? [first, last] : [1, all];
};

const prepare = (element, lessons) => {
  const [first, last] = range(element.getAttribute("steps"), lessons[element.getAttribute("lesson")]?.steps ?? 1);
  element.setAttribute("step", first);
  element.setAttribute("keys", "host");
  const steps = Array.from({ length: Math.max(0, last - first) }, (_, index) => first + 1 + index);
  element.after(...steps.map(step => {
    const fragment = Object.assign(document.createElement("span"), { className: "fragment kube-orrery-step", hidden: true });
    fragment.dataset.step = step;
    return fragment;
  }));
  element.dataset.first = first;
  element.followed = true;
};

export default {
  id: "kube-orrery",
  async init(deck) {
    const answer = await fetch(new URL("lessons.json", import.meta.url)).catch(() => null);
    const lessons = answer?.ok ? await answer.json() : {};
    const root = deck.getSlidesElement();
    const elements = () => [...root.querySelectorAll("kube-orrery")];
    elements().forEach(element => prepare(element, lessons));
    if (deck.isPrintView?.() || deck.isPrintingPDF?.() || deck.isSpeakerNotes()) {
      for (const element of elements()) {
        element.setAttribute("still", "");
        element.end();
      }
      return;
    }

    const of = slide => [...(slide?.querySelectorAll("kube-orrery") ?? [])];
    // The steps of a slide are those of all its fragments that are shown.
    const follow = slide => {
      for (const element of of(slide)) {
        const shown = [...slide.querySelectorAll(".kube-orrery-step.visible")].map(fragment => Number(fragment.dataset.step));
        const step = String(Math.max(Number(element.dataset.first), ...shown));
        if (element.getAttribute("step") !== step) {
          element.followed = false;
          element.setAttribute("step", step);
        }
      }
    };
    const change = () => {
      const current = deck.getCurrentSlide();
      for (const element of elements()) {
        element.active = element.closest("section") === current;
      }
      of(current).forEach(element => element.begin());
      follow(current);
    };
    deck.on("slidechanged", change);
    deck.on("fragmentshown", () => follow(deck.getCurrentSlide()));
    deck.on("fragmenthidden", () => follow(deck.getCurrentSlide()));
    // Whoever leafs within the frame takes the deck along.
    root.addEventListener("step", ({ target, detail }) => {
      const slide = target.closest("section");
      if (slide !== deck.getCurrentSlide()) return;
      if (String(detail.step) === target.getAttribute("step")) {
        target.followed = true;
      } else if (target.followed) {
        const own = [...slide.querySelectorAll(".kube-orrery-step")].find(one => Number(one.dataset.step) === detail.step);
        const first = Number(target.dataset.first) === detail.step;
        if (own || first) deck.navigateFragment(own ? Number(own.dataset.fragmentIndex) : -1);
      }
    });
    root.addEventListener("key", event => event.detail?.key === "PageDown" ? deck.next() : deck.prev());
    if (deck.isReady()) change();
    else deck.on("ready", change);
  },
};
