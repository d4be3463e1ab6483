// Numbers of the console, exact: a count of messages is not to be rounded.

import { t, lang } from '../i18n.js';

export const count = (n) => n.toLocaleString(lang());

const UNITS = ['B', 'kB', 'MB', 'GB', 'TB'];

export function bytes(n) {
  const power = n < 1000 ? 0 : Math.min(UNITS.length - 1, Math.floor(Math.log10(n) / 3));
  return `${(n / 1000 ** power).toLocaleString(lang(), { maximumFractionDigits: 1 })} ${UNITS[power]}`;
}

const DAY = 86400000;

// moment is a time of day, with its date unless it is of the last twenty hours or so.
export function moment(ms, now = Date.now()) {
  const near = Math.abs(now - ms) < DAY / 1.2;
  return new Date(ms).toLocaleString(lang(), {
    ...(near ? {} : { year: 'numeric', month: 'short', day: 'numeric' }), hour: '2-digit', minute: '2-digit', second: '2-digit', hourCycle: 'h23',
  });
}

// span is a time that lasts, in whole seconds.
export function span(seconds) {
  if (seconds >= 0xffffffff) return t('console.forever');
  const parts = [[86400, 'day'], [3600, 'hour'], [60, 'minute'], [1, 'second']];
  const [size, unit] = parts.find(([s]) => seconds >= s) ?? parts[3];
  return new Intl.NumberFormat(lang(), { style: 'unit', unit, unitDisplay: 'long', maximumFractionDigits: 1 }).format(seconds / size);
}
