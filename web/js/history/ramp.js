// The colours of the track, from slow to fast or from early to late: css/history.css names them for each theme.

import { colour, onTheme } from '../theme.js';

const STOPS = ['--ramp-0', '--ramp-1', '--ramp-2', '--ramp-3'];
let colours = null;
onTheme(() => { colours = null; });

const parse = (text) => text.match(/[\d.]+/g).slice(0, 3).map(Number);

// ramp returns the colour at a place from 0 to 1.
export function ramp(share) {
  colours ??= STOPS.map((name) => parse(colour(name)));
  const at = Math.max(0, Math.min(1, share)) * (STOPS.length - 1);
  const k = Math.min(Math.floor(at), STOPS.length - 2);
  return `rgb(${colours[k].map((from, c) => Math.round(from + (colours[k + 1][c] - from) * (at - k))).join(' ')})`;
}
