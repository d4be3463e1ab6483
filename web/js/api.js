// The HTTP API, for what the feed does not carry.

const BASE = '/api/v1';

async function call(path, options = {}) {
  const response = await fetch(BASE + path, { credentials: 'same-origin', ...options });
  const body = response.headers.get('content-type')?.includes('json') ? await response.json() : {};
  if (!response.ok) throw new Error(body.detail || body.title || `HTTP ${response.status}`);
  return body;
}

const post = (path, body) => call(path, {
  method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(body),
});

const device = (id) => `/devices/${encodeURIComponent(id)}`;

export const status = () => call('/status');
export const getDevice = (id) => call(device(id));
export const sendText = (id, text) => post(`${device(id)}/texts`, text);
export const sendAlert = (id, color) => post(`${device(id)}/alerts`, { color });
export const startDemo = (count) => post('/demo/devices', { count });
