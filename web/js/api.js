// The HTTP API, for what the feed does not carry.

const BASE = '/api/v1';

async function request(path, options = {}) {
  const response = await fetch(BASE + path, { credentials: 'same-origin', ...options });
  if (!response.ok) throw new ApiError(response, await json(response));
  return response;
}

const json = (response) => (response.headers.get('content-type')?.includes('json') ? response.json() : {});
export const call = async (path, options) => json(await request(path, options));

// ApiError says what the server had against a request; retryAfter, in seconds, when it would rather be asked later, or NaN.
export class ApiError extends Error {
  constructor({ status, headers }, { detail, title }) {
    super(detail || title || `HTTP ${status}`);
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
export const getDevice = (id) => call(device(id));
export const sendText = (id, text) => post(`${device(id)}/texts`, text);
export const sendTexts = (devices, text) => post('/texts', { devices, ...text }); // {texts, refused: [{device, detail}]}
export const resendText = (text) => post(`/texts/${encodeURIComponent(text)}/resend`, {});
export const wire = (id, after, wait, options) => call(`${device(id)}/wire?after=${after}&wait=${wait}&limit=200`, options);
export const sendAlert = (id, color) => post(`${device(id)}/alerts`, { color });
export const getDays = (id, zone, options) => call(`${device(id)}/days?${new URLSearchParams({ zone })}`, options);
export const getTrack = async (id, day, zone, options) => (await request(trackPath(id, day, zone, 'compact'), options)).arrayBuffer();
export const deleteTrack = (id) => call(`${device(id)}/track`, { method: 'DELETE' });
export const historyInfo = (options) => call('/history', options);
export const trackURL = (...of) => BASE.slice(1) + trackPath(...of);
export const startDemo = (count) => post('/demo/devices', { count });
