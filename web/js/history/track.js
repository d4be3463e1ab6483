// What can be told from a track: where it was silent, where the device stood, how far it went and how fast.

import { worldX, worldY } from '../geo.js';

export const GAP = 5 * 60_000; // ms without a report after which nobody can say where the device was; the exported files are cut there, too
const STAND = 3 * 60_000; // ms within STAND_RADIUS that make a stop
const STAND_RADIUS = 40; // m: a receiver at rest wanders that far
const DERIVE = 5000; // ms over which a speed is derived from positions, when none was reported
const METRES = 6371008.8 * Math.PI / 180 / 1e7; // in 1e-7 degrees of latitude

// measure adds to the columns of decode: x, y (world coordinates), metres a second, whether a point begins a new piece, the
// stops, gaps and totals.
export function measure(columns) {
  const { count, lat, lng } = columns;
  const track = { ...columns, x: new Float64Array(count), y: new Float64Array(count), mps: new Float32Array(count), begins: new Uint8Array(count) };
  for (let i = 0; i < count; i++) {
    track.x[i] = worldX(lng[i] / 1e7);
    track.y[i] = worldY(lat[i] / 1e7);
  }
  cutPieces(track);
  speeds(track);
  track.stops = findStops(track);
  return Object.assign(track, totals(track));
}

// metres between two points that are not far apart.
export function metres({ lat, lng }, i, j) {
  let across = lng[j] - lng[i];
  if (across > 180e7) across -= 360e7;
  else if (across < -180e7) across += 360e7;
  return Math.hypot(lat[j] - lat[i], across * Math.cos(lat[i] / 1e7 * Math.PI / 180)) * METRES;
}

function cutPieces(track) {
  const { count, ts, lng, begins } = track;
  track.gaps = [];
  for (let i = 0; i < count; i++) {
    const silent = i > 0 && ts[i] - ts[i - 1] > GAP;
    if (silent) track.gaps.push({ from: ts[i - 1], to: ts[i], before: i - 1 });
    begins[i] = i === 0 || silent || Math.abs(lng[i] - lng[i - 1]) > 180e7 ? 1 : 0;
  }
}

// A speed is the reported one, or else follows from the positions: over some seconds, since they are not exact.
function speeds(track) {
  const { count, ts, speed, begins, mps } = track;
  for (let i = 0, back = 0; i < count; i++) {
    if (begins[i]) back = i;
    while (back + 1 < i && ts[i] - ts[back + 1] >= DERIVE) back++;
    if (speed[i]) mps[i] = (speed[i] - 1) / 10;
    else mps[i] = ts[i] > ts[back] ? metres(track, back, i) / (ts[i] - ts[back]) * 1000 : 0;
  }
}

// A stop is where the device reported from one place for a while.
function findStops(track) {
  const { count, ts } = track;
  const stops = [];
  for (let i = 0, ahead = 0; i < count; i++) {
    while (ahead < count && ts[ahead] - ts[i] < STAND) ahead++;
    if (ahead === count) break;
    if (metres(track, i, ahead) > STAND_RADIUS) continue; // most points of a drive end here
    const { first, last } = stay(track, i);
    if (ts[last] - ts[first] < STAND) continue;
    stops.push({ first, last, from: ts[first], to: ts[last] });
    i = last;
  }
  return stops;
}

// stay returns from when to when the device was near the middle of where it was, beginning at a point that may still lie on the way there.
function stay(track, begin) {
  const { count, ts, lat, lng } = track;
  const middle = { lat: [lat[begin], 0], lng: [lng[begin], 0] }; // as a track of two points, of which the second is the one to compare
  const away = (i) => {
    middle.lat[1] = lat[i];
    middle.lng[1] = lng[i];
    return metres(middle, 0, 1);
  };
  let last = begin;
  for (let i = begin + 1; i < count && ts[i] - ts[last] <= GAP && away(i) <= STAND_RADIUS; i++) {
    last = i;
    middle.lat[0] += (lat[i] - middle.lat[0]) / (i - begin + 1);
    middle.lng[0] += (lng[i] - middle.lng[0]) / (i - begin + 1);
  }
  let first = begin;
  while (first < last && away(first) > STAND_RADIUS / 2) first++;
  return { first, last };
}

// What a receiver wanders about while the device stands is not counted as a way, and a gap has none that anybody knows.
function totals(track) {
  const { count, ts, mps, stops } = track;
  let distance = 0;
  let moving = 0;
  let top = 0;
  let next = 0;
  for (let i = 1; i < count; i++) {
    if (mps[i] > mps[top]) top = i;
    while (next < stops.length && stops[next].last < i) next++;
    const stands = next < stops.length && i > stops[next].first;
    if (stands || ts[i] - ts[i - 1] > GAP) continue;
    distance += metres(track, i - 1, i);
    moving += ts[i] - ts[i - 1];
  }
  return { distance, moving, top, span: count ? ts[count - 1] - ts[0] : 0 };
}
