// Which part of the world to open on.
//
// The whole fleet, but no farther out than where its movement can be seen: at the chosen zoom the median moving device
// goes at least a pixel a second. When that leaves no room for all, the densest part is taken. A fleet that is
// spread over the world is shown whole: seeing one town of it would mislead more than slow arrows do.

import { metresPerPixel, latOf, median } from '../geo.js';

const TILE = 256;
const MAX_ZOOM = 16;
const MAX_STEPS_IN = 5; // zoom levels given up at most to make movement visible
const CAUTION = 0.7; // traffic changes: what crawls a little later shall still be seen to move

// chooseView returns {x, y, zoom} (world coordinates of the centre) for points [x, y, …], the speeds of
// the moving ones in m/s, and the size of the map in pixels; null without points.
export function chooseView(points, speeds, size) {
  if (!points.length) return null;
  const box = boundsOf(points);
  const fit = fitZoom(box, size);
  const centre = { x: (box.x0 + box.x1) / 2, y: (box.y0 + box.y1) / 2 };
  const needed = zoomForSpeed(median(speeds) * CAUTION, latOf(centre.y));
  if (!(needed > fit) || needed - fit > MAX_STEPS_IN) return { ...centre, zoom: fit };
  return { ...densest(points, size, needed), zoom: needed };
}

function boundsOf(points) {
  const box = { x0: Infinity, y0: Infinity, x1: -Infinity, y1: -Infinity };
  for (let p = 0; p < points.length; p += 2) {
    box.x0 = Math.min(box.x0, points[p]);
    box.x1 = Math.max(box.x1, points[p]);
    box.y0 = Math.min(box.y0, points[p + 1]);
    box.y1 = Math.max(box.y1, points[p + 1]);
  }
  return box;
}

function fitZoom(box, size) {
  const across = Math.log2(size.x / TILE / Math.max(box.x1 - box.x0, 1e-9));
  const down = Math.log2(size.y / TILE / Math.max(box.y1 - box.y0, 1e-9));
  return Math.max(2, Math.min(MAX_ZOOM, Math.floor(Math.min(across, down))));
}

// zoomForSpeed returns the lowest whole zoom at which a speed is a pixel a second or more; NaN without a speed.
export function zoomForSpeed(metresPerSecond, lat) {
  if (!(metresPerSecond > 0)) return NaN;
  return Math.min(MAX_ZOOM, Math.ceil(Math.log2(metresPerPixel(lat, 0) / metresPerSecond)));
}

// densest returns the centre of the window of the map's size that holds the most points: of windows centred on points, with
// at most 200 tried.
function densest(points, size, zoom) {
  const halfX = size.x / 2 / (TILE * 2 ** zoom) * 0.9;
  const halfY = size.y / 2 / (TILE * 2 ** zoom) * 0.9;
  const step = Math.max(1, Math.floor(points.length / 2 / 200)) * 2;
  let best = { x: points[0], y: points[1] };
  let most = 0;
  for (let c = 0; c < points.length; c += step) {
    let n = 0;
    let sumX = 0;
    let sumY = 0;
    for (let p = 0; p < points.length; p += step) {
      if (Math.abs(points[p] - points[c]) > halfX || Math.abs(points[p + 1] - points[c + 1]) > halfY) continue;
      n++;
      sumX += points[p];
      sumY += points[p + 1];
    }
    if (n > most) {
      most = n;
      best = { x: sumX / n, y: sumY / n };
    }
  }
  return best;
}
