// Numbers as people read them, in the page's language.

import { t, lang } from './i18n.js';
import { NO_HEADING, NO_SPEED, SPEED_STEP } from './fleet.js';

const DASH = '–';
const WINDS = ['n', 'ne', 'e', 'se', 's', 'sw', 'w', 'nw'];

// number is exact up to six digits and rounded above, where it would not fit.
export const number = (n) => n.toLocaleString(lang(), n < 100000 ? {} : { notation: 'compact', maximumFractionDigits: 1 });

// age returns "now", "12 s", "4 min", … for a span in ms.
export function age(ms) {
  const s = Math.floor(ms / 1000);
  if (s < 2) return t('time.now');
  if (s < 60) return t('time.seconds', { n: s });
  if (s < 3600) return t('time.minutes', { n: Math.floor(s / 60) });
  if (s < 86400) return t('time.hours', { n: Math.floor(s / 3600) });
  return t('time.days', { n: Math.floor(s / 86400) });
}

export const lastSeen = (fleet, i) => (
  fleet.seen[i] === 0 ? t('time.never') : age(fleet.serverNow() - fleet.seen[i])
);

export const speed = (raw) => (
  raw === NO_SPEED ? DASH : t('unit.kmh', { n: Math.round(raw * SPEED_STEP * 3.6) })
);

export function heading(raw) {
  if (raw === NO_HEADING) return DASH;
  const degrees = Math.round(raw / 100) % 360;
  return `${degrees}° ${t(`wind.${WINDS[Math.round(degrees / 45) % 8]}`)}`;
}

export const degreesOfArc = (raw) => (raw / 1e7).toFixed(5);

// angle returns radians as the page's unit, aligned: always a sign, always the same number of digits.
export function angle(radians, inRadians) {
  if (Number.isNaN(radians)) return DASH;
  const value = inRadians ? radians.toFixed(2) : String(Math.round(radians * 180 / Math.PI));
  const sign = /^-0(\.0+)?$/.test(value) ? value.slice(1) : value.replace('-', '−');
  return inRadians ? sign : `${sign}°`;
}

export const rate = (perSecond) => (
  Number.isNaN(perSecond) ? DASH : t('unit.perSecond', { n: perSecond.toFixed(perSecond < 9.95 ? 1 : 0) })
);

export const clock = (ms) => (
  new Date(ms).toLocaleTimeString(lang(), { hour: '2-digit', minute: '2-digit', second: '2-digit', hourCycle: 'h23' })
);
