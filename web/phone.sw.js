// The service worker of /phone: it makes the page installable, and lets it open where there is no network, so that a phone
// on its way can go on collecting positions.
//
// The network comes first, always. A page that came from the network gets all its files from there; a page that had to come
// from here gets all of them from here: never a mixture of two versions. What is kept is one complete set, taken when a
// page has told that it runs, file by file revalidated by its ETag; the set before it goes when the new one is whole.

const PREFIX = 'mwm-phone-';
const PATIENCE = 6000; // ms that a network may take to answer before it counts as none

const served = new Set(); // the clients whose page came from here

self.addEventListener('install', () => self.skipWaiting());

self.addEventListener('message', (event) => {
  if (event.data?.type === 'runs') event.waitUntil(keep(event.data.urls));
});

self.addEventListener('fetch', (event) => {
  const { request } = event;
  if (request.method !== 'GET' || new URL(request.url).origin !== location.origin) return;
  if (request.mode === 'navigate') event.respondWith(page(request, event.resultingClientId));
  else if (served.has(event.clientId)) event.respondWith(file(request));
});

async function page(request, client) {
  try {
    const response = await fetch(request, { signal: AbortSignal.timeout(PATIENCE) });
    if (response.status < 500) return response;
    throw new Error(`HTTP ${response.status}`);
  } catch (err) {
    const kept = await caches.match(request, { ignoreSearch: true });
    if (!kept) throw err;
    served.add(client);
    return kept;
  }
}

async function file(request) {
  return await caches.match(request) ?? fetch(request);
}

// keep takes the page, the first of the URLs, and what it consists of. If the page that runs came from here, the server may
// have another one by now: so what that one names is taken, too.
async function keep(urls) {
  const name = PREFIX + Date.now();
  const cache = await caches.open(name);
  try {
    const all = new Set([...urls, ...await namedBy(urls[0])]);
    await cache.addAll([...all].map((url) => new Request(url, { cache: 'no-cache' }))); // all or nothing
  } catch {
    await caches.delete(name); // the network has gone: what was there stays
    return;
  }
  for (const old of await caches.keys()) {
    if (old.startsWith(PREFIX) && old !== name) await caches.delete(old);
  }
}

async function namedBy(page) {
  const text = await (await fetch(page, { cache: 'no-cache' })).text();
  return Array.from(text.matchAll(/<link rel="(?:stylesheet|modulepreload)" href="([^"]+)"/g), ([, path]) => new URL(path, page).href);
}
