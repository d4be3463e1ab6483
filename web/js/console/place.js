// Where somebody is in the console, as the address bar holds it: "queues", "queue/orders", "durable/desk/all news". Pure.

export const SECTIONS = ['queues', 'topics', 'connections', 'subscriptions', 'durables', 'sessions', 'retained'];

const START = { section: 'queues', ref: null };

// parse returns {section, ref}; ref names a queue, or what a durable subscription keeps, whose messages are looked at.
export function parse(text) {
  const [head, ...rest] = (text ?? '').split('/').map(unescape);
  if (head === 'queue' && rest.length === 1 && rest[0]) return { section: 'queues', ref: { queue: rest[0] } };
  if (head === 'durable' && rest.length === 2 && rest[1]) return { section: 'durables', ref: { client: rest[0], durable: rest[1] } };
  return SECTIONS.includes(head) && !rest.length ? { section: head, ref: null } : START;
}

export function format({ section, ref }) {
  if (!ref) return section;
  return (ref.durable ? ['durable', ref.client, ref.durable] : ['queue', ref.queue]).map(escape).join('/');
}

const escape = (part) => part.replaceAll('%', '%25').replaceAll('/', '%2F');
const unescape = (part) => part.replaceAll('%2F', '/').replaceAll('%25', '%');

// deadFor returns the queue whose dead letters a queue holds, or ''.
export const deadFor = (ref) => (ref?.queue?.startsWith('DLQ.') ? ref.queue.slice('DLQ.'.length) : '');
