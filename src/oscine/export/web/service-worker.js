// Keeps the files of the page. VERSION and FILES stand above: the export writes them.

/** @type {any} */
const scope = self;
const PREFIX = `oscine ${scope.registration.scope} `;
const CACHE = PREFIX + VERSION;

scope.addEventListener("install", (/** @type {any} */ event) => {
  const fresh = FILES.map((name) => new Request(name, { cache: "reload" }));
  event.waitUntil(caches.open(CACHE).then((cache) => cache.addAll(fresh)).then(() => scope.skipWaiting()));
});

scope.addEventListener("activate", (/** @type {any} */ event) => {
  const former = (/** @type {string[]} */ names) => names.filter((one) => one.startsWith(PREFIX) && one !== CACHE);
  const done = caches.keys().then((names) => Promise.all(former(names).map((one) => caches.delete(one))));
  event.waitUntil(done.then(() => scope.clients.claim()));
});

scope.addEventListener("fetch", (/** @type {any} */ event) => {
  if (event.request.method !== "GET") return;
  event.respondWith(
    caches.open(CACHE).then((cache) => cache.match(event.request, { ignoreSearch: true })).then((kept) => kept ?? fetch(event.request)),
  );
});
