// The lists of the console: what each is made of. `about` are the columns; weight: the greater, the sooner a column gives way.

import { t } from '../i18n.js';
import * as units from './units.js';

const number = (name, weight, { sort = name, tone = () => '', width = 104 } = {}) => ({
  name, title: () => t(`console.${name}`), width, numeric: true, weight, sort,
  show: (row) => ({ text: units.count(row[name]), tone: row[name] ? tone(row[name]) : 'none' }),
});
const text = (name, weight, width, value = (row) => row[name], sort = name) => ({ name, title: () => t(`console.${name}`), width, weight, sort, show: value });
const size = (name, weight) => ({ ...number(name, weight), show: (row) => ({ text: units.bytes(row[name]), tone: row[name] ? '' : 'none' }) });
const bad = () => 'bad';
const warn = () => 'warn';

const who = (row) => row.client || t('console.nameless');
const presence = (online) => (online ? { text: t('console.online'), tone: 'good' } : { text: t('console.away'), tone: 'quiet' });

const QUEUES = {
  sort: 'name', keyOf: ({ name }) => name, search: 'console.findQueue', opens: ({ name }) => ({ queue: name }),
  columns: [
    text('destination', 0, 250, (row) => row.destination, 'name'),
    number('waiting', 1), number('consumers', 2), number('enqueued', 3), number('consumed', 4),
    number('unacknowledged', 5), number('delivered', 9), number('dead', 6, { tone: bad, width: 122 }), number('expired', 7, { tone: warn }), number('removed', 10), size('bytes', 8),
  ],
};

const TOPICS = {
  sort: 'name', keyOf: ({ name }) => name, search: 'console.findTopic',
  columns: [
    text('destination', 0, 250, (row) => row.destination, 'name'), { ...text('mqtt', 6, 190), sort: null },
    number('subscribers', 1, { width: 122 }), number('online', 4), number('in', 2), number('out', 3),
    { name: 'retained', title: () => t('console.retained'), width: 110, weight: 5, sort: 'retained', show: (row) => (row.retained ? t('console.yes') : '') },
  ],
};

const CONNECTIONS = {
  sort: 'id', keyOf: ({ id }) => id, search: 'console.findConnection',
  columns: [
    text('client', 0, 230, who), text('protocol', 2, 170, (row) => protocol(row)), text('address', 4, 240), text('user', 7, 120, (row) => row.user || t('console.anonymous')),
    number('messagesIn', 1, { width: 124 }), number('messagesOut', 3, { width: 132 }), { ...size('pendingBytes', 5), width: 112 }, number('dropped', 6, { tone: bad }),
  ],
};

const SUBSCRIPTIONS = {
  sort: 'destination', keyOf: (row) => [row.connection ?? row.client, row.id, row.durable, row.destination].join('\n'), search: 'console.findSubscription',
  columns: [
    text('destination', 0, 230), text('client', 1, 160, who), text('protocol', 4, 90, (row) => row.protocol.toUpperCase()),
    text('mode', 3, 130), { ...text('selector', 5, 160), sort: null }, { ...text('durable', 6, 130), sort: null },
    { name: 'state', title: () => t('console.state'), width: 110, weight: 2, sort: 'online', show: (row) => presence(row.connection !== null) },
  ],
};

const DURABLES = {
  sort: 'client', keyOf: ({ client, durable }) => `${client}\n${durable}`, search: 'console.findDurable', opens: ({ client, durable }) => ({ client, durable }),
  columns: [
    text('client', 1, 150), text('durable', 0, 170), text('filter', 3, 200), { ...text('selector', 6, 140), sort: null },
    { name: 'state', title: () => t('console.state'), width: 110, weight: 4, sort: 'online', show: (row) => presence(row.online) },
    number('waiting', 2), number('enqueued', 5), number('consumed', 7),
  ],
};

const SESSIONS = {
  sort: 'client', keyOf: ({ client }) => client, search: 'console.findSession',
  columns: [
    text('client', 0, 190), text('user', 6, 120, (row) => row.user || t('console.anonymous')),
    { name: 'state', title: () => t('console.state'), width: 110, weight: 1, sort: 'online', show: (row) => presence(row.connection !== null) },
    { name: 'subscriptions', title: () => t('console.subscriptions'), width: 132, numeric: true, weight: 3, sort: 'subscriptions', show: (row) => units.count(row.subscriptions.length) },
    number('queued', 2), number('inflight', 4), number('dropped', 5, { tone: bad }),
    { ...text('will', 7, 160, (row) => row.will?.mqtt ?? ''), sort: null },
  ],
};

const RETAINED = {
  sort: 'name', keyOf: ({ name }) => name, search: 'console.findTopic', marks: true,
  columns: [
    text('destination', 0, 230, (row) => row.destination, 'name'), { ...text('mqtt', 5, 190), sort: null },
    { name: 'value', title: () => t('console.value'), width: 220, weight: 1, show: (row) => row.preview ?? t('console.binary', { n: row.size }) },
    { ...number('size', 3), show: (row) => units.bytes(row.size) },
    { name: 'at', title: () => t('console.at'), width: 170, numeric: true, weight: 2, sort: 'at', show: (row) => units.moment(row.at) },
    text('sender', 4, 130),
  ],
};

export const LISTS = {
  queues: QUEUES, topics: TOPICS, connections: CONNECTIONS, subscriptions: SUBSCRIPTIONS, durables: DURABLES, sessions: SESSIONS, retained: RETAINED,
};

export const protocol = ({ protocol: name, version }) => `${name.toUpperCase()} ${version}`.trim();

// columnsOf returns columns with their titles in the page's language.
export const columnsOf = (columns) => columns.map((column) => ({ ...column, title: column.title() }));

// ---- messages of a queue

const MESSAGE = {
  position: { name: 'position', title: () => t('console.position'), width: 90, numeric: true, weight: 3, show: (row) => (row.position === null ? '–' : units.count(row.position + 1)) },
  body: { name: 'body', title: () => t('console.body'), width: 320, weight: 0, show: (row) => ({ text: row.preview ?? t('console.binary', { n: row.size }), tone: row.preview === null ? 'quiet' : '' }) },
  deliveries: number('deliveries', 2, { sort: null, tone: warn }),
  priority: { ...number('priority', 6, { sort: null, width: 84 }), show: (row) => ({ text: String(row.priority), tone: row.priority === 4 ? 'none' : '' }) },
  size: { ...number('size', 5, { sort: null, width: 88 }), show: (row) => units.bytes(row.size) },
  at: { name: 'at', title: () => t('console.at'), width: 110, numeric: true, weight: 1, show: (row) => units.moment(row.at) },
  expires: { name: 'expires', title: () => t('console.expires'), width: 110, numeric: true, weight: 4, show: (row) => (row.expires ? units.moment(row.expires) : { text: '–', tone: 'none' }) },
  sender: { name: 'sender', title: () => t('console.sender'), width: 120, weight: 7, show: (row) => row.sender },
  persistent: { name: 'persistent', title: () => t('console.persistent'), width: 110, weight: 8, show: (row) => (row.onDisk ? t('console.onDisk') : t('console.inMemory')) },
};

export const MESSAGE_COLUMNS = Object.values(MESSAGE);
