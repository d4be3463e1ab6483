// Fewer points, for a zoom: what would lie in the same pixel is drawn once.

// segments returns for each of some bins of colour the pairs of points to join, for a map on which the world has so many pixels. bin(i) is the
// colour at a point; tolerance is in pixels.
export function segments({ x, y, begins, count }, pixels, bins, bin, tolerance = 0.8) {
  const least = tolerance / pixels;
  const pairs = Array.from({ length: bins }, () => []);
  let last = 0;
  for (let i = 1; i < count; i++) {
    if (begins[i]) {
      last = i;
      continue;
    }
    const ends = i + 1 === count || begins[i + 1]; // a piece ends where it ends
    if (!ends && Math.abs(x[i] - x[last]) < least && Math.abs(y[i] - y[last]) < least) continue;
    pairs[bin(i)].push(last, i);
    last = i;
  }
  return pairs.map((list) => Uint32Array.from(list));
}

// lonely returns the points that are a piece by themselves: no line shows them.
export function lonely({ begins, count }) {
  const points = [];
  for (let i = 0; i < count; i++) if (begins[i] && (i + 1 === count || begins[i + 1])) points.push(i);
  return points;
}

// bounds returns the box of a track in world coordinates as [x, y, …] of two corners.
export function bounds({ x, y, count }) {
  if (!count) return [];
  let [x0, y0, x1, y1] = [x[0], y[0], x[0], y[0]];
  for (let i = 1; i < count; i++) {
    if (x[i] < x0) x0 = x[i]; else if (x[i] > x1) x1 = x[i];
    if (y[i] < y0) y0 = y[i]; else if (y[i] > y1) y1 = y[i];
  }
  return [x0, y0, x1, y1];
}
