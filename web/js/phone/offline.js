// Hands the service worker the list of what makes this page, once it runs: the worker keeps that for when there is no network.

let kept = false;

// connected() tells whether the server is there: without it, that its files cannot be fetched is no news.
export async function keepForOffline(connected) {
  if (kept || !navigator.serviceWorker || !window.isSecureContext) return;
  kept = true;
  try {
    await navigator.serviceWorker.register('phone.sw.js', { scope: 'phone' });
    const { active } = await navigator.serviceWorker.ready;
    const files = performance.getEntriesByType('resource').map((entry) => entry.name)
      .filter((url) => new URL(url).origin === location.origin && !new URL(url).pathname.includes('/api/'));
    const page = new URL(location.pathname, location.href).href;
    active.postMessage({ type: 'runs', urls: [...new Set([page, ...files])] });
  } catch (err) {
    kept = false; // the next connection is the next chance
    if (connected()) console.warn(`offline: ${err.message}`);
  }
}
