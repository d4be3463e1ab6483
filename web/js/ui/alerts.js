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

// send returns {tone, text} that tells how it went: '' for well, 'warn' when nobody was listening, 'bad' for an error.
export async function send(id, name) {
  try {
    const { listeners } = await api.sendAlert(id, name);
    if (listeners === 0) return { tone: 'warn', text: t('alert.nobody', { id }) };
    return { tone: '', text: t('alert.sent', { colour: t(`colour.${name}`), n: listeners }) };
  } catch (err) {
    return { tone: 'bad', text: t('alert.failed', { reason: err.message }) };
  }
}
