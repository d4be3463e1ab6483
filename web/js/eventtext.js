// What an event says, in the page's language. The server gives each a kind, a code and parameters; its own English detail is
// the last resort, for codes that this page does not know yet.

import { t, known } from './i18n.js';

export const KINDS = ['online', 'offline', 'lastwill', 'alert', 'text', 'payload', 'removed'];

// wording returns {title, why}: a short sentence that goes on from the device's name, and what explains it, or ''.
export function wording({ kind, code, params = {}, detail }) {
  if (!KINDS.includes(kind)) return { title: t('event.other'), why: detail ?? '' };
  if (code === 'more') return { title: t(`event.more.${kind}`, { n: params.n ?? 0 }), why: '' };
  const title = (kind === 'text' && known(`event.text.${code}`)) || t(`event.${kind}`);
  if (kind === 'text') return { title, why: title === t('event.text') ? detail ?? '' : '' };
  return { title, why: known(`why.${kind}.${code}`, worded(kind, params)) || (detail ?? '') };
}

function worded(kind, { n = 0, color = '', what = '', member = '' }) {
  if (kind === 'alert') return { n, colour: known(`colour.${color}`) || color };
  return { n, what: known(`payload.${what}`) || what, member };
}
