// The part of the HTTP API that the console uses.

import { call, post } from '../api.js';

const query = (params) => new URLSearchParams(Object.entries(params).filter(([, v]) => v !== undefined && v !== '' && v !== null)).toString();
const get = (path, params, signal) => call(`${path}?${query(params)}`, { signal });

// list returns a part of a list: {rows, total}.
export async function list(name, { sort, q, destination }, offset, limit, signal) {
  const answer = await get(`/${name}`, { sort, q, destination, offset: offset || undefined, limit }, signal);
  return { rows: answer[name], total: answer.matching };
}

export const queue = (ref, signal) => get('/queues/queue', ref, signal);

// messages returns a part of the messages that wait, or of those that consumers have: {rows, total, queue}.
export async function messages(ref, state, offset, limit, signal) {
  const answer = await (state === 'waiting' ? get('/queues/messages', { ...ref, offset, limit }, signal) : held(ref, state, offset, limit, signal));
  return { rows: answer.messages, queue: answer.queue, total: answer.queue[state] };
}

// search looks for messages that say something: {messages, next}.
export const search = (ref, q, after) => get('/queues/messages', { ...ref, q, after, limit: 200 });

// Those that consumers have are read one page behind the other: there are few.
async function held(ref, state, offset, limit, signal) {
  let answer = await get('/queues/messages', { ...ref, state, limit }, signal);
  for (let at = 0; at < offset; at += limit) {
    if (!answer.next) return { ...answer, messages: [] };
    answer = await get('/queues/messages', { ...ref, state, limit, after: answer.next }, signal);
  }
  return answer;
}

export const message = (ref, key) => get('/queues/message', { ...ref, key });
export const bodyLink = (ref, key) => `api/v1/queues/message/body?${query({ ...ref, key })}`;
export const deleteMessages = (ref, what) => post('/queues/messages/delete', { ...ref, ...what });
export const moveMessages = (ref, what, to) => post('/queues/messages/move', { ...ref, ...what, to });
export const forgetQueue = (name) => post('/queues/delete', { queue: name });
export const endDurable = ({ client, durable }) => post('/durables/delete', { client, durable });
export const endSession = (client) => post('/sessions/delete', { client });
export const retained = (topic) => get('/retained/message', { topic });
export const retainedLink = (topic) => `api/v1/retained/message/body?${query({ topic })}`;
export const clearRetained = (topics) => post('/retained/clear', { topics });
export const connection = (id, signal) => get(`/connections/${encodeURIComponent(id)}`, {}, signal);
export const closeConnection = (id) => post(`/connections/${encodeURIComponent(id)}/close`, {});
export const send = (message) => post('/messages', message);
