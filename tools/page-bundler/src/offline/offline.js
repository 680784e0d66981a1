// After one visit the page works without a network: sw.js keeps its files. `cargo xtask dist` puts both into the site; a page from a disk, in a
// sandbox, or in a frame of somebody else's page keeps nothing.
(() => {
  "use strict";
  const own = () => {
    try {
      return top.location.origin === location.origin;
    } catch {
      return false;
    }
  };
  if (location.origin === "null" || !isSecureContext || !navigator.serviceWorker || !own()) return;
  const base = new URL(".", document.currentScript.src);
  // The page itself comes first.
  addEventListener("orrery:ready", () => {
    navigator.serviceWorker.register(new URL("sw.js", base)).catch(error => console.info(`kube-orrery: nothing is kept for later (${error.message})`));
  }, { once: true });
})();
