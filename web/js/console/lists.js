// The lists of the console: what each is made of. Where there is no room for all columns, the one with the greatest weight goes first.

import { t } from '../i18n.js';
import * as units from './units.js';

const number = (name, weight, { sort = name, tone = () => '', width = 104 } = {}) => ({
  name, title: () => t(`console.${name}`), width, numeric: true, weight, sort,
  show: (row) => ({ text: units.count(row[name]), tone: row[name] ? tone(row[name]) : 'none' }),
});
const text = (name, weight, width, value = (row) => row[name], sort = name) => ({ name, title: () => t(`console.${name}`), width, weight, sort, show: value });
const size = (name, weight) => ({ ...number(name, weight), show: (row) => ({ text: units.bytes(row[name]), tone: row[name] ? '' : 'none' }) });
// destination is a column of names that have to be read to their end.
const destination = () => ({ ...text('destination', 0, 250, (row) => row.destination, 'name'), least: 200 });
// plain is a column of anything, which no list is sorted by.
const plain = (name, weight, width, show, numeric = false) => ({ name, title: () => t(`console.${name}`), width, numeric, weight, show });
const bad = () => 'bad';
const warn = () => 'warn';

const who = (row) => row.client || t('console.nameless');
const account = (row) => row.user || t('console.anonymous');
const presence = (online) => (online ? { text: t('console.online'), tone: 'good' } : { text: t('console.away'), tone: 'quiet' });

const QUEUES = {
  sort: 'name', keyOf: ({ name }) => name, search: 'console.findQueue', opens: ({ name }) => ({ queue: name }),
  columns: [
    destination(),
    number('waiting', 1), number('consumers', 2), number('enqueued', 3), number('consumed', 4),
    number('unacknowledged', 5), number('delivered', 9), number('dead', 6, { tone: bad, width: 122 }), number('expired', 7, { tone: warn }),
    number('removed', 10), size('bytes', 8),
  ],
};

const TOPICS = {
  sort: 'name', keyOf: ({ name }) => name, search: 'console.findTopic',
  columns: [
    destination(), { ...text('mqtt', 6, 190), sort: null },
    number('subscribers', 1, { width: 122 }), number('online', 4), number('in', 2), number('out', 3),
    { name: 'retained', title: () => t('console.retained'), width: 110, least: 100, weight: 5, sort: 'retained', show: (row) => (row.retained ? t('console.yes') : '') },
  ],
};

const CONNECTIONS = {
  sort: 'id', keyOf: ({ id }) => id, search: 'console.findConnection',
  columns: [
    text('client', 0, 230, who), text('protocol', 2, 170, (row) => protocol(row)), text('address', 4, 240), text('user', 7, 120, account),
    number('messagesIn', 1, { width: 124 }), number('messagesOut', 3, { width: 132 }), { ...size('pendingBytes', 5), width: 112 }, number('dropped', 6, { tone: bad }),
  ],
};

const SUBSCRIPTIONS = {
  sort: 'destination', keyOf: (row) => [row.connection ?? row.client, row.id, row.durable, row.destination].join('\n'), search: 'console.findSubscription',
  columns: [
    text('destination', 0, 230), text('client', 1, 160, who), { ...text('protocol', 4, 90, (row) => row.protocol.toUpperCase()), least: 90 },
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
    text('client', 0, 190), text('user', 6, 120, account),
    { name: 'state', title: () => t('console.state'), width: 110, weight: 1, sort: 'online', show: (row) => presence(row.connection !== null) },
    { ...number('subscriptions', 3, { width: 132 }), show: (row) => units.count(row.subscriptions.length) },
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

const when = (ms) => (ms ? units.moment(ms) : { text: '–', tone: 'none' });

export const MESSAGE_COLUMNS = [
  plain('position', 3, 90, (row) => (row.position === null ? '–' : units.count(row.position + 1)), true),
  plain('body', 0, 320, (row) => (row.preview === null ? { text: t('console.binary', { n: row.size }), tone: 'quiet' } : row.preview)),
  number('deliveries', 2, { sort: null, tone: warn }),
  plain('priority', 6, 84, (row) => ({ text: String(row.priority), tone: row.priority === 4 ? 'none' : '' }), true),
  plain('size', 5, 88, (row) => units.bytes(row.size), true),
  plain('at', 1, 110, (row) => when(row.at), true),
  plain('expires', 4, 110, (row) => when(row.expires), true),
  plain('sender', 7, 120, (row) => row.sender),
  plain('persistent', 8, 110, (row) => t(row.onDisk ? 'console.onDisk' : 'console.inMemory')),
];
