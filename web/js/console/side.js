// What stands beside a list: one connection, topic, subscription, session, retained value or message, and what can be done with it.

import { t } from '../i18n.js';
import * as appFormat from '../format.js';
import { make } from '../ui/dom.js';
import * as api from './api.js';
import { ask } from './dialogs.js';
import { protocol } from './lists.js';
import { action, bodyView, closeButton, facts, section, table, will } from './parts.js';
import * as units from './units.js';

const yes = (is) => t(is ? 'console.yes' : 'console.no');

// head is a panel's title, with what it is and a button that closes it.
function head(what, title, close) {
  return make('header', 'console-side-head').append(
    make('div').append(make('p', 'console-kind', what), make('h3', 'console-name', title).attr({ tabindex: -1, 'data-testid': 'side-title' })),
    closeButton(close),
  );
}

const stateOf = ({ connection }) => [t('console.state'), t(connection === null ? 'console.away' : 'console.online')];

// listed is a section with a table, or why there is none.
const listed = (title, titles, rows, none) => section(title, rows.length ? table(titles, rows) : make('p', 'console-quiet', none));

const toConnection = (testid, row, show) => (
  action(testid, 'connect', t('console.toConnection'), () => show('connection', row.connection)).removeClass('operator')
);

const actions = (...all) => make('div', 'console-actions').append(all);

// Each panel is panel(row, {close, changed, show, send}): it resolves to its contents. changed() says that the list is out of date.

async function connection(row, { close, changed, show }) {
  const c = await api.connection(row.id);
  const subscriptions = c.subscriptions.map((s) => [s.destination, s.mode, [s.id, s.durable, s.selector].filter(Boolean).join(' · ')]);
  return [
    head(t('console.connection', { id: c.id }), c.client || t('console.nameless'), close),
    actions(
      action('connection-close', 'close', t('console.disconnect'), () => ask({
        title: t('console.disconnectSure', { client: c.client || c.address }), lead: t('console.disconnectWhy'), yes: t('console.disconnect'),
        act: async () => { await api.closeConnection(c.id); close(); changed(); },
      })),
      c.client ? action('connection-wire', 'wire', t('nav.wire'), () => show('wire', c.client)).removeClass('operator') : null,
    ),
    facts([
      [t('console.protocol'), protocol(c)], [t('console.address'), c.address],
      [t('console.user'), c.user || t('console.anonymous')], [t('console.since'), units.moment(c.since)],
      [t('console.messagesIn'), rate(c.messagesIn, c.rates.messagesIn)], [t('console.messagesOut'), rate(c.messagesOut, c.rates.messagesOut)],
      [t('console.bytesIn'), units.bytes(c.bytesIn)], [t('console.bytesOut'), units.bytes(c.bytesOut)],
      [t('console.pendingBytes'), units.bytes(c.pendingBytes), c.pendingBytes ? 'warn' : ''], [t('console.dropped'), units.count(c.dropped), c.dropped ? 'bad' : ''],
    ]),
    listed(t('console.subscriptions'), [t('console.destination'), t('console.mode'), t('console.details')], subscriptions, t('console.noSubscriptions')),
    c.will ? will(c.will) : c.protocol === 'mqtt' ? section(t('console.will'), make('p', 'console-quiet', t('console.noWill'))) : null,
  ];
}

const rate = (n, perSecond) => (perSecond >= 0.05 ? `${units.count(n)} · ${appFormat.rate(perSecond)}` : units.count(n));

async function topic(row, { close, send }) {
  const [subscribers, value] = await Promise.all([
    api.list('subscriptions', { destination: row.destination, sort: 'client' }, 0, 200),
    row.retained ? api.retained(row.name).catch(() => null) : null,
  ]);
  return [
    head(t('console.topic'), row.destination, close),
    actions(action('topic-send', 'send', t('console.send'), () => send(row.destination))),
    facts([
      [t('console.mqtt'), row.mqtt], [t('console.in'), units.count(row.in)], [t('console.out'), units.count(row.out)],
      [t('console.subscribers'), units.count(row.subscribers)], [t('console.online'), units.count(row.online)],
    ]),
    subscribersSection(t('console.subscribers'), subscribers, t('console.nobody')),
    value ? section(t('console.retained'), bodyView(value.body, value.destination, api.retainedLink(row.name)), messageFacts(value)) : null,
  ];
}

// subscribersSection lists who gets what is sent somewhere; none says that nobody does.
export function subscribersSection(title, { rows, total }, none) {
  if (!rows.length) return section(title, make('p', 'console-quiet', none));
  return section(title, table(
    [t('console.destination'), t('console.client'), t('console.mode')],
    rows.map((s) => [s.destination, `${s.client || t('console.nameless')}${s.connection === null ? ` · ${t('console.away')}` : ''}`, s.mode || s.durable]),
  ), total > rows.length ? make('p', 'console-quiet', t('console.more', { n: total - rows.length })) : null);
}

async function subscription(row, { close, show }) {
  return [
    head(t('console.subscription'), row.destination, close),
    row.connection === null ? null : actions(toConnection('subscription-connection', row, show)),
    facts([
      [t('console.client'), row.client || t('console.nameless')], [t('console.protocol'), row.protocol.toUpperCase()],
      [t('console.user'), row.user || t('console.anonymous')], [t('console.address'), row.address], [t('console.id'), row.id],
      [t('console.mode'), row.mode], [t('console.selector'), row.selector], [t('console.durable'), row.durable], stateOf(row),
    ]),
  ];
}

async function session(row, { close, changed, show }) {
  return [
    head(t('console.session'), row.client, close),
    actions(
      row.connection === null
        ? action('session-end', 'close', t('console.endSession'), () => ask({
          title: t('console.endSessionSure', { client: row.client }), lead: t('console.endSessionWhy', { n: row.queued }), yes: t('console.endSession'),
          act: async () => { await api.endSession(row.client); close(); changed(); },
        }))
        : toConnection('session-connection', row, show),
    ),
    facts([
      stateOf(row), [t('console.user'), row.user || t('console.anonymous')], [t('console.keptFor'), units.span(row.expirySeconds)],
      [t('console.queued'), `${units.count(row.queued)} · ${units.bytes(row.queuedBytes)}`], [t('console.inflight'), units.count(row.inflight)],
      [t('console.dropped'), units.count(row.dropped), row.dropped ? 'bad' : ''],
    ]),
    listed(t('console.subscriptions'), [t('console.filter'), t('console.mode')], row.subscriptions.map((s) => [s.filter, `QoS ${s.qos}`]), t('console.noSubscriptions')),
    row.will ? will(row.will) : null,
  ];
}

async function retained(row, { close, changed, send }) {
  const value = await api.retained(row.name);
  return [
    head(t('console.retainedValue'), row.destination, close),
    actions(
      action('retained-send', 'send', t('console.send'), () => send(row.destination, true)),
      action('retained-clear', 'trash', t('console.clear', { n: 1 }), () => ask({
        title: t('console.clearSure', { n: 1 }), lead: t('console.clearWhy'), yes: t('console.clear', { n: 1 }),
        act: async () => { await api.clearRetained([row.name]); close(); changed(); },
      })),
    ),
    bodyView(value.body, value.destination, api.retainedLink(row.name)), headers(value), messageFacts(value), facts([[t('console.mqtt'), row.mqtt]]),
  ];
}

// message is a message of a queue; in is the page of that queue.
export async function message(row, { ref, close, remove, move }) {
  const m = await api.message(ref, row.key);
  const free = m.connection === null; // else a consumer has it
  return [
    head(free ? t('console.messageAt', { n: m.position + 1 }) : t('console.messageHeld'), m.id, close),
    free ? actions(
      action('message-move', 'forward', t('console.move'), () => move([row.key])),
      action('message-delete', 'trash', t('console.delete'), () => remove([row.key])),
    ) : null,
    bodyView(m.body, m.destination, api.bodyLink(ref, row.key)),
    headers(m), messageFacts(m),
    facts([
      [t('console.destination'), ref.durable ? m.destination : ''],
      [t('console.deliveries'), units.count(m.deliveries), m.deliveries ? 'warn' : ''], [t('console.persistent'), t(m.onDisk ? 'console.onDisk' : 'console.inMemory')],
      [t('console.heldBy'), free ? '' : t('console.connection', { id: m.connection })],
    ]),
  ];
}

const messageFacts = (m) => facts([
  [t('console.at'), units.moment(m.at)], [t('console.expires'), m.expires ? units.moment(m.expires) : t('console.never')], [t('console.sender'), m.sender],
  [t('console.size'), units.bytes(m.size)], [t('console.priority'), String(m.priority)], [t('console.persistentAsked'), yes(m.persistent)],
]);

const headers = (m) => listed(t('console.headers'), [t('console.header'), t('console.value')], m.headers, t('console.noHeaders'));

export const PANELS = { connections: connection, topics: topic, subscriptions: subscription, sessions: session, retained };
