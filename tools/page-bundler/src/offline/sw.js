// Keeps the files of the site, so that it works without a network. The cache's name changes with their contents: a new version is fetched
// in the background and takes over when the last page of the old one is closed.
const BASE = new URL("./", self.location);
const OURS = `orrery ${BASE.pathname} `;
const CACHE = `${OURS}{{version}}`;
const FILES = {{files}};

self.addEventListener("install", event => {
  const requests = FILES.map(file => new Request(new URL(file, BASE), { cache: "no-cache" }));
  event.waitUntil(caches.open(CACHE).then(cache => cache.addAll(requests)));
});

self.addEventListener("activate", event => {
  const old = names => names.filter(name => name.startsWith(OURS) && name !== CACHE);
  event.waitUntil(caches.keys().then(names => Promise.all(old(names).map(name => caches.delete(name)))));
});

self.addEventListener("fetch", event => {
  const url = new URL(event.request.url);
  if (event.request.method !== "GET" || url.origin !== BASE.origin || !url.pathname.startsWith(BASE.pathname)) return;
  const name = url.pathname.slice(BASE.pathname.length);
  const file = name === "" || name === "index.html" ? "./" : name;
  if (!FILES.includes(file)) return;
  event.respondWith(caches.open(CACHE).then(cache => cache.match(new URL(file, BASE))).then(kept => kept ?? fetch(event.request)));
});
