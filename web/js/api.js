// The HTTP API, for what the feed does not carry.

import { known, lang, t } from './i18n.js';

const BASE = 'api/v1'; // beside the page, wherever that is

async function request(path, options = {}) {
  const response = await fetch(BASE + path, { credentials: 'same-origin', ...options }).catch((err) => {
    throw err.name === 'AbortError' ? err : new Error(t('error.network'));
  });
  if (!response.ok) throw new ApiError(response, await json(response));
  return response;
}

const json = (response) => (response.headers.get('content-type')?.includes('json') ? response.json() : {});
export const call = async (path, options) => json(await request(path, options));

// What the user can do about a status; others are told with their number.
const WORDED = [401, 403, 404, 409, 413, 429, 500, 503];

// worded says what the server had against a request. Its own words say most, but are English.
function worded(status, detail) {
  if (detail && lang() === 'en') return detail;
  if (WORDED.includes(status)) return t(`error.${status}`);
  return detail ? t('error.otherWhy', { status: String(status), detail }) : t('error.other', { status: String(status) });
}

// refusal says why a device's text was not accepted: {code, detail}. A code that this page does not know is told in the
// server's English.
export const refusal = ({ code, detail }) => known(`refused.${code}`) || detail;

// ApiError says what the server had against a request; retryAfter, in seconds, when it would rather be asked later, or NaN.
export class ApiError extends Error {
  constructor({ status, headers }, { detail }) {
    super(worded(status, detail));
    this.status = status;
    this.retryAfter = headers.has('retry-after') ? Number(headers.get('retry-after')) : NaN;
  }
}

export const post = (path, body) => call(path, {
  method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(body),
});

const device = (id) => `/devices/${encodeURIComponent(id)}`;
const trackPath = (id, day, zone, format) => `${device(id)}/track?${new URLSearchParams({ day, zone, format })}`;

export const session = () => call('/session'); // {user, role, accounts}
export const signIn = (user, password) => post('/session', { user, password });
export const signOut = () => call('/session', { method: 'DELETE' });
export const status = () => call('/status');
export const securePhone = () => call('/phone'); // {url, selfSigned}
export const getDevice = (id) => call(device(id));
export const sendText = (id, text) => post(`${device(id)}/texts`, text);
export const sendTexts = (devices, text) => post('/texts', { devices, ...text }); // {texts, refused: [{device, code, detail}]}
export const resendText = (text) => post(`/texts/${encodeURIComponent(text)}/resend`, {});
export const wire = (id, after, wait, options) => call(`${device(id)}/wire?after=${after}&wait=${wait}&limit=200`, options);
export const sendAlert = (id, color) => post(`${device(id)}/alerts`, { color });
export const getDays = (id, zone, options) => call(`${device(id)}/days?${new URLSearchParams({ zone })}`, options);
export const getTrack = async (id, day, zone, options) => (await request(trackPath(id, day, zone, 'compact'), options)).arrayBuffer();
export const deleteTrack = (id) => call(`${device(id)}/track`, { method: 'DELETE' });
export const historyInfo = (options) => call('/history', options);
export const trackURL = (...of) => BASE + trackPath(...of);
export const startDemo = (count) => post('/demo/devices', { count });
