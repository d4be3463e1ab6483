// What lies under the devices: the embedded world, the embedded streets, and map tiles when the server's settings name some.

import { theme, onTheme } from '../theme.js';
import { lang, onLang } from '../i18n.js';

const layers = [];

// addBasemap loads the drawn layers. One that fails leaves the map without it: devices are shown all the same.
export async function addBasemap(map) {
  onTheme((name) => layers.forEach((layer) => layer.setTheme?.(name)));
  onLang((tag) => layers.forEach((layer) => layer.setLang?.(tag)));
  await Promise.all([
    add(map, () => import('./world.js'), 'createWorldLayer'),
    add(map, () => import('./streets.js'), 'createStreetsLayer'),
  ]);
}

async function add(map, load, create) {
  try {
    const module = await load();
    const layer = await module[create]({ theme: theme(), lang: lang() });
    layer.addTo(map);
    layer.setTheme?.(theme());
    layer.setLang?.(lang());
    layers.push(layer);
  } catch (err) {
    console.warn(`basemap: ${err.message}`);
  }
}

let tiles = null;

// setTiles puts the configured XYZ tiles above the drawn map; null takes them away.
export function setTiles(map, settings) {
  tiles?.remove();
  tiles = null;
  if (!settings) return;
  tiles = L.tileLayer(settings.url, {
    attribution: plainText(settings.attribution ?? ''),
    maxZoom: map.getMaxZoom(),
    maxNativeZoom: settings.maxZoom || 19,
    referrerPolicy: 'strict-origin-when-cross-origin',
  }).addTo(map);
}

// Leaflet writes attributions as HTML; what the settings say is shown as text.
function plainText(html) {
  const text = new DOMParser().parseFromString(html, 'text/html').body.textContent;
  const span = document.createElement('span');
  span.textContent = text;
  return span.innerHTML;
}
