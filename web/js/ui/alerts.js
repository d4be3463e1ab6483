// Alerts: the 14 colours that a phone knows, and sending one.

import * as api from '../api.js';
import { t } from '../i18n.js';

// Names are case-sensitive on the wire; red first, the others in the order of the book's table.
export const COLOURS = {
  red: '#FF0000', orange: '#FF8000', yellow: '#FFFF00', green: '#00FF00', cyan: '#00FFFF', blue: '#0000FF', purple: '#800080',
  magenta: '#FF00FF', brown: '#996633', black: '#000000', darkGray: '#555555', gray: '#808080', lightGray: '#AAAAAA', white: '#FFFFFF',
};

// colourOf does as a phone does: a name it does not know means red.
export const colourOf = (name) => (Object.hasOwn(COLOURS, name) ? COLOURS[name] : COLOURS.red);

const FLASH = 3000; // ms, as long as a phone's own screen shows it
const flashing = new WeakMap();

// flash lights an element in a phone's colour; an alert during an alert starts again.
export function flash(element, colour) {
  stopFlash(element);
  void element.offsetWidth; // starts the animation again
  element.style.setProperty('--flash', colour);
  element.classList.add('flash');
  flashing.set(element, setTimeout(() => stopFlash(element), FLASH));
}

// stopFlash is for an element that from now on shows another phone.
export function stopFlash(element) {
  clearTimeout(flashing.get(element));
  element.classList.remove('flash');
}

// send returns {tone, text} that tells how it went: '' for well, 'warn' when nobody was listening, 'bad' for an error.
export async function send(id, name) {
  try {
    const { listeners } = await api.sendAlert(id, name);
    if (listeners === 0) return { tone: 'warn', text: t('alert.nobody', { id }) };
    return { tone: '', text: t('alert.sent', { colour: t(`colour.${name}`), n: listeners }) };
  } catch (err) {
    if (err.status === 429) return { tone: 'warn', text: t('alert.tooMany', { n: err.retryAfter || 1 }) };
    return { tone: 'bad', text: t('alert.failed', { reason: err.message }) };
  }
}
