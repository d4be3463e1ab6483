// Web Mercator and the few angles that the page needs. World coordinates run from 0 to 1, x eastwards, y southwards.

const MAX_LAT = 85.0511287798;
const EARTH = 40075016.686; // metres round the equator

export const worldX = (lng) => (lng + 180) / 360;

export function worldY(lat) {
  const s = Math.sin(Math.max(-MAX_LAT, Math.min(MAX_LAT, lat)) * Math.PI / 180);
  return 0.5 - Math.log((1 + s) / (1 - s)) / (4 * Math.PI);
}

export const lngOf = (x) => x * 360 - 180;
export const latOf = (y) => Math.atan(Math.sinh(Math.PI * (1 - 2 * y))) * 180 / Math.PI;

// metresPerPixel at a latitude, with 256-pixel tiles.
export const metresPerPixel = (lat, zoom) => (
  EARTH * Math.cos(lat * Math.PI / 180) / (256 * 2 ** zoom)
);

export function median(values) {
  if (!values.length) return NaN;
  const sorted = Float64Array.from(values).sort();
  return sorted[sorted.length >> 1];
}
