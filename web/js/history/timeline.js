// Time, as the scrubber and the replay need it. Pure: nothing here knows the page.

import { GAP } from './track.js';

const MINUTE = 60_000;
const SHORTEST = 10 * MINUTE; // that fills the line
const TICKS = [1, 2, 5, 10, 15, 30, 60, 120, 180, 240, 360, 720, 1440]; // minutes
const LABEL = 52; // px that the label of a time needs

export const NOTHING = 0;
export const REPORTS = 1;
export const STOP = 2;

// indexAt returns the last point at or before a time, -1 if there is none.
export function indexAt({ ts, count }, time) {
  let low = -1;
  let high = count;
  while (high - low > 1) {
    const middle = (low + high) >> 1;
    if (ts[middle] <= time) low = middle;
    else high = middle;
  }
  return low;
}

// placeAt writes into out where the device was at a time: between two reports on the way from one to the other. Where it did not
// report (before, after, in a gap) it is where it was last known to be, and silent.
export function placeAt(track, time, out) {
  const { ts, x, y, count } = track;
  const i = indexAt(track, time);
  const known = Math.max(0, i);
  const next = i + 1;
  out.index = known;
  out.silent = i < 0 || (next === count ? time > ts[known] : ts[next] - ts[known] > GAP && time > ts[known]);
  const f = i < 0 || out.silent || next === count ? 0 : (time - ts[known]) / (ts[next] - ts[known]);
  const across = f && Math.abs(x[next] - x[known]) > 0.5 ? 0 : f; // over the antimeridian nothing glides
  out.x = x[known] + (across ? (x[next] - x[known]) * across : 0);
  out.y = y[known] + (across ? (y[next] - y[known]) * across : 0);
  return out;
}

// courseAt returns in which direction the device went at a point, in degrees: as reported, or else to the next point; NaN at rest.
export function courseAt({ heading, x, y, count, begins }, i) {
  if (heading[i]) return (heading[i] - 1) / 10;
  const j = i + 1 < count && !begins[i + 1] ? i + 1 : i;
  const from = j === i && i > 0 && !begins[i] ? i - 1 : i;
  const dx = x[j] - x[from];
  const dy = y[j] - y[from];
  return dx || dy ? (Math.atan2(dx, -dy) * 180 / Math.PI + 360) % 360 : NaN;
}

// columns returns what a line of so many pixels has to show: for each the state, and the highest speed in m/s.
export function columns(track, from, to, width) {
  const state = new Uint8Array(width);
  const speed = new Float32Array(width);
  const column = (time) => Math.max(0, Math.min(width - 1, Math.floor((time - from) / (to - from) * width)));
  const { ts, mps, count } = track;
  for (let i = 0; i < count; i++) {
    const c = column(ts[i]);
    // Between two reports that belong together there is no hole, however seldom they come.
    if (i > 0 && ts[i] - ts[i - 1] <= GAP) fill(state, column(ts[i - 1]), c, REPORTS, speed, Math.min(mps[i - 1], mps[i]));
    state[c] = REPORTS;
    if (mps[i] > speed[c]) speed[c] = mps[i];
  }
  for (const stop of track.stops) state.fill(STOP, column(stop.from), column(stop.to) + 1);
  return { state, speed };
}

function fill(state, first, last, value, speed, mps) {
  for (let c = first + 1; c < last; c++) {
    state[c] = value;
    speed[c] = mps;
  }
}

// span returns the part of a day to be shown: all of it, or around the reports where they would be a hairline.
export function span({ ts, count }, from, to) {
  if (!count) return { from, to };
  const length = Math.max(ts[count - 1] - ts[0], SHORTEST);
  if (length > (to - from) / 3) return { from, to };
  const middle = (ts[0] + ts[count - 1]) / 2;
  const half = length * 0.55;
  return { from: Math.max(from, middle - half), to: Math.min(to, middle + half) };
}

// ticks returns the times to be marked on a line of so many pixels; they count from the day's beginning, origin.
export function ticks(from, to, width, origin = from) {
  const step = MINUTE * (TICKS.find((n) => width / (to - from) * n * MINUTE >= LABEL) ?? TICKS[TICKS.length - 1]);
  const times = [];
  for (let k = Math.ceil((from - origin) / step); origin + k * step < to; k++) times.push(origin + k * step);
  return times;
}

// speedScale returns the speed in km/h at which the colours end: what is rarely exceeded, rounded up.
export function speedScale({ mps, count }) {
  const fast = Float32Array.from(mps.subarray(0, count)).filter((v) => v > 0.5).sort();
  const usual = fast.length ? fast[Math.floor((fast.length - 1) * 0.98)] * 3.6 : 0;
  return Math.max(20, Math.ceil(usual / 10) * 10);
}

// moments returns what happened on a day, in order: stops, gaps, and where the track begins and ends.
export function moments({ ts, count, stops, gaps }) {
  if (!count) return [];
  const all = [
    { kind: 'start', from: ts[0], to: ts[0] },
    ...stops.map(({ from, to }) => ({ kind: 'stop', from, to })),
    ...gaps.map(({ from, to }) => ({ kind: 'gap', from, to })),
    { kind: 'end', from: ts[count - 1], to: ts[count - 1] },
  ];
  const order = { start: 0, stop: 1, gap: 2, end: 3 };
  return all.sort((a, b) => a.from - b.from || order[a.kind] - order[b.kind]);
}

// momentAt returns the stop or gap that a time lies in.
export const momentAt = (list, time) => list.find(({ from, to, kind }) => (
  (kind === 'stop' && from <= time && time <= to) || (kind === 'gap' && from < time && time < to)
));
