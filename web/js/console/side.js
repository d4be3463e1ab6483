// What stands beside a list: one connection, topic, subscription, session, retained value or message, and what can be done with it.

import { t } from '../i18n.js';
import * as appFormat from '../format.js';
import { make, icon } from '../ui/dom.js';
import * as api from './api.js';
import { ask } from './dialogs.js';
import { protocol } from './lists.js';
import { action, bodyView, facts, section, table, will } from './parts.js';
import * as units from './units.js';

const yes = (is) => t(is ? 'console.yes' : 'console.no');

// head is a panel's title, with what it is and a button that closes it.
function head(what, title, close) {
  return make('header', 'console-side-head').append(
    make('div').append(make('p', 'console-kind', what), make('h3', 'console-name', title).attr({ tabindex: -1, 'data-testid': 'side-title' })),
    make('button', 'tool').attr({ type: 'button', 'aria-label': t('dialog.close'), title: t('dialog.close'), 'data-testid': 'side-close' }).append(icon('close')).on('click', close),
  );
}

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
      [t('console.protocol'), protocol(c)], [t('console.address'), c.address], [t('console.user'), c.user || t('console.anonymous')], [t('console.since'), units.moment(c.since)],
      [t('console.messagesIn'), rate(c.messagesIn, c.rates.messagesIn)], [t('console.messagesOut'), rate(c.messagesOut, c.rates.messagesOut)],
      [t('console.bytesIn'), units.bytes(c.bytesIn)], [t('console.bytesOut'), units.bytes(c.bytesOut)],
      [t('console.pendingBytes'), units.bytes(c.pendingBytes), c.pendingBytes ? 'warn' : ''], [t('console.dropped'), units.count(c.dropped), c.dropped ? 'bad' : ''],
    ]),
    section(t('console.subscriptions'), subscriptions.length
      ? table([t('console.destination'), t('console.mode'), t('console.details')], subscriptions) : make('p', 'console-quiet', t('console.noSubscriptions'))),
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
    subscribersSection(subscribers),
    value ? section(t('console.retained'), bodyView(value.body, value.destination, api.retainedLink(row.name)), messageFacts(value)) : null,
  ];
}

// subscribersSection lists who gets what is sent somewhere.
export function subscribersSection({ rows, total }) {
  if (!rows.length) return section(t('console.subscribers'), make('p', 'console-quiet', t('console.nobody')));
  return section(t('console.subscribers'), table(
    [t('console.client'), t('console.destination'), t('console.mode')],
    rows.map((s) => [`${s.client || t('console.nameless')}${s.connection === null ? ` · ${t('console.away')}` : ''}`, s.destination, s.mode || s.durable]),
  ), total > rows.length ? make('p', 'console-quiet', t('console.more', { n: total - rows.length })) : null);
}

async function subscription(row, { close, show }) {
  return [
    head(t('console.subscription'), row.destination, close),
    row.connection === null ? null : actions(action('subscription-connection', 'connect', t('console.toConnection'), () => show('connection', row.connection)).removeClass('operator')),
    facts([
      [t('console.client'), row.client || t('console.nameless')], [t('console.protocol'), row.protocol.toUpperCase()], [t('console.user'), row.user || t('console.anonymous')],
      [t('console.address'), row.address], [t('console.id'), row.id], [t('console.mode'), row.mode], [t('console.selector'), row.selector], [t('console.durable'), row.durable],
      [t('console.state'), t(row.connection === null ? 'console.away' : 'console.online')],
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
        : action('session-connection', 'connect', t('console.toConnection'), () => show('connection', row.connection)).removeClass('operator'),
    ),
    facts([
      [t('console.state'), t(row.connection === null ? 'console.away' : 'console.online')], [t('console.user'), row.user || t('console.anonymous')], [t('console.keptFor'), units.span(row.expirySeconds)],
      [t('console.queued'), `${units.count(row.queued)} · ${units.bytes(row.queuedBytes)}`], [t('console.inflight'), units.count(row.inflight)],
      [t('console.dropped'), units.count(row.dropped), row.dropped ? 'bad' : ''],
    ]),
    section(t('console.subscriptions'), row.subscriptions.length
      ? table([t('console.filter'), t('console.mode')], row.subscriptions.map((s) => [s.filter, `QoS ${s.qos}`])) : make('p', 'console-quiet', t('console.noSubscriptions'))),
    row.will ? will(row.will) : null,
  ];
}

async function retained(row, { close, changed, send }) {
  const value = await api.retained(row.name);
  return [
    head(t('console.retainedValue'), row.destination, close),
    actions(
      action('retained-send', 'send', t('console.send'), () => send(row.destination, true)),
      action('retained-clear', 'close', t('console.clear'), () => ask({
        title: t('console.clearSure', { n: 1 }), lead: t('console.clearWhy'), yes: t('console.clear'),
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
    free ? actions(action('message-move', 'forward', t('console.move'), () => move([row.key])), action('message-delete', 'trash', t('console.delete'), () => remove([row.key]))) : null,
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

const headers = (m) => section(t('console.headers'), m.headers.length
  ? table([t('console.header'), t('console.value')], m.headers) : make('p', 'console-quiet', t('console.noHeaders')));

export const PANELS = { connections: connection, topics: topic, subscriptions: subscription, sessions: session, retained };
