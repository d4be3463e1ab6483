// Times, days and lengths in the page's language. Formatters are kept: making one costs more than a frame has.

import { t, lang } from '../i18n.js';
import { NO_HEADING } from '../fleet.js';
import * as format from '../format.js';
import { dateOf } from './days.js';

export const zone = Intl.DateTimeFormat().resolvedOptions().timeZone || 'UTC';

const STYLES = {
  clock: { hour: '2-digit', minute: '2-digit', second: '2-digit', hourCycle: 'h23' },
  minute: { hour: '2-digit', minute: '2-digit', hourCycle: 'h23' },
  hour: { hour: 'numeric', minute: '2-digit', hourCycle: 'h23' },
  day: { weekday: 'short', day: 'numeric', month: 'short', year: 'numeric', timeZone: 'UTC' },
  dayLong: { weekday: 'long', day: 'numeric', month: 'long', year: 'numeric', timeZone: 'UTC' },
  month: { month: 'long', year: 'numeric', timeZone: 'UTC' },
  weekday: { weekday: 'narrow', timeZone: 'UTC' },
};
const made = new Map();

function formatter(style) {
  const key = `${style}/${lang()}`;
  let found = made.get(key);
  if (!found) made.set(key, found = new Intl.DateTimeFormat(lang(), { timeZone: zone, ...STYLES[style] }));
  return found;
}

// Moments, in ms; shown in the browser's time zone.
export const clock = (ms) => formatter('clock').format(ms);
export const minute = (ms) => formatter('minute').format(ms);
export const hour = (ms) => formatter('hour').format(ms);

export const day = (name) => formatter('day').format(dateOf(name));
export const dayLong = (name) => formatter('dayLong').format(dateOf(name));
export const month = (name) => formatter('month').format(dateOf(`${name.slice(0, 7)}-01`));
export const weekday = (date) => formatter('weekday').format(date);

export function duration(ms) {
  const minutes = Math.round(ms / 60_000);
  if (minutes < 1) return t('history.seconds', { n: Math.round(ms / 1000) });
  if (minutes < 60) return t('history.minutes', { n: minutes });
  if (minutes % 60 === 0) return t('history.wholeHours', { n: minutes / 60 });
  return t('history.hours', { h: Math.floor(minutes / 60), m: minutes % 60 });
}

export function distance(m) {
  if (m < 1000) return t('history.metres', { n: Math.round(m) });
  return t('history.kilometres', { n: (m / 1000).toLocaleString(lang(), { maximumFractionDigits: m < 100_000 ? 1 : 0 }) });
}

export const speed = (mps) => t('unit.kmh', { n: Math.round(mps * 3.6) });
export const heading = (degrees) => format.heading(Number.isNaN(degrees) ? NO_HEADING : Math.round(degrees * 100));

const SIZES = [['gigabyte', 1e9], ['megabyte', 1e6], ['kilobyte', 1e3]];

export function bytes(n) {
  const [unit, size] = SIZES.find(([, least]) => n >= least) ?? SIZES[SIZES.length - 1];
  return (n / size).toLocaleString(lang(), { style: 'unit', unit, unitDisplay: 'short', maximumFractionDigits: n < 10 * size ? 1 : 0 });
}
