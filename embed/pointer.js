// Pointing for an audience: X shows a large dot where the mouse is, X again a spotlight, X again (or Escape) nothing. Read before the module.
(() => {
  "use strict";
  const MODES = ["", "dot", "spot"];
  const TAKES_TEXT = "input, textarea, select, [contenteditable]";
  let mode = 0;
  let mark = null;

  const move = ({ clientX, clientY }) => {
    mark.style.setProperty("--x", `${clientX}px`);
    mark.style.setProperty("--y", `${clientY}px`);
    mark.hidden = false;
  };
  const leave = () => { mark.hidden = true; };

  const choose = next => {
    if (!mark) {
      mark = Object.assign(document.createElement("div"), { id: "orrery-pointer", hidden: true });
      mark.setAttribute("aria-hidden", "true");
      document.body.append(mark);
    }
    if (!mode !== !next) {
      const listen = next ? addEventListener : removeEventListener;
      listen("pointermove", move, { passive: true });
      document.documentElement[next ? "addEventListener" : "removeEventListener"]("pointerleave", leave);
    }
    mode = next;
    mark.className = MODES[mode];
    document.documentElement.classList.toggle("pointing", mode > 0);
    if (!mode) leave();
  };

  addEventListener("keydown", event => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.target.closest?.(TAKES_TEXT) || document.querySelector("dialog[open]")) return;
    if (event.key === "x") choose((mode + 1) % MODES.length);
    else if (event.key === "Escape" && mode) choose(0);
    else return;
    event.preventDefault();
    event.stopImmediatePropagation();
  }, true);
})();
