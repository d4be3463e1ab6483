// The form that sends a message anywhere.

import { t } from '../i18n.js';
import { make, button, icon } from '../ui/dom.js';
import { showDialog } from '../ui/dialog.js';
import * as api from './api.js';
import { dialog, field } from './dialogs.js';
import { input } from './parts.js';

const LIFETIMES = [0, 5, 60, 1440]; // minutes; 0: for ever

const encoder = new TextEncoder();

// openSend opens the form; sent() is called after each message.
export function openSend({ destination = '', retain = false, sent }) {
  const $to = input('send-to', { required: true, placeholder: '/queue/orders', pattern: '/(topic|queue)/.+', title: t('console.toForm') }).val(destination);
  const $body = make('textarea').attr({ rows: 6, spellcheck: false, 'data-testid': 'send-body' });
  const $size = make('span', 'field-note').text(t('wire.bytes', { n: 0 }));
  const $headers = make('div', 'send-headers');
  const $type = input('send-type').val('text/plain');
  const $priority = make('select').attr('data-testid', 'send-priority').append(Array.from({ length: 10 }, (_, n) => make('option', '', String(n)).val(n))).val(4);
  const lifetimes = LIFETIMES.map((m) => make('option', '', t(m ? `text.expires.${m}` : 'console.never')).val(m));
  const $lifetime = make('select').attr('data-testid', 'send-expires').append(lifetimes);
  const $persistent = box('send-persistent', true);
  const $retain = box('send-retain', retain);
  const $result = make('p', 'result').attr({ role: 'status', 'data-testid': 'send-result' });
  const $send = button('button button-primary', 'send', t('console.send')).attr({ type: 'submit', 'data-testid': 'send-now' });
  const $retainField = check(t('console.retain'), t('console.retainWhy'), $retain);
  const toTopic = () => $to.val().startsWith('/topic/');
  const kind = () => {
    $retainField.prop('hidden', !toTopic());
  };
  kind();
  $to.on('input', kind);
  $body.on('input', () => $size.text(t('wire.bytes', { n: encoder.encode($body.val()).length })))
    .on('keydown', (e) => { if (e.key === 'Enter' && (e.ctrlKey || e.metaKey)) $form.trigger('submit'); });

  const $add = button('button', 'plus', t('console.addHeader')).attr('data-testid', 'send-add').on('click', () => addHeader($headers).find('input')[0].focus());

  const $form = make('form', 'console-form').append(
    field(t('console.destination'), $to),
    make('div', 'field').append(field(t('console.body'), $body), $size),
    make('div', 'send-options').append(
      field('content-type', $type), field(t('console.priority'), $priority), field(t('console.expires'), $lifetime),
    ),
    make('div', 'send-checks').append(check(t('console.persistentAsked'), t('console.persistentWhy'), $persistent), $retainField),
    make('fieldset', 'send-set').append(make('legend', 'field-label', t('console.headers')), $headers, $add),
    $result, make('div', 'compose-buttons').append($send),
  ).on('submit', async (e) => {
    e.preventDefault();
    $send.prop('disabled', true);
    try {
      const minutes = Number($lifetime.val());
      const type = $type.val().trim();
      const answer = await api.send({
        destination: $to.val().trim(), body: $body.val(), priority: Number($priority.val()), persistent: $persistent[0].checked,
        retain: toTopic() && $retain[0].checked, expires: minutes ? Date.now() + minutes * 60000 : 0,
        headers: [...(type ? [['content-type', type]] : []), ...headersOf($headers)],
      });
      $result.text(answer.listeners ? t('console.sent', { n: answer.listeners, id: answer.id })
        : t(toTopic() ? 'console.sentNobody' : 'console.sentWaits', { id: answer.id })).attr('data-tone', answer.listeners || !toTopic() ? 'good' : 'warn');
      sent();
    } catch (err) {
      $result.text(t('text.failed', { reason: err.message })).attr('data-tone', 'bad');
    }
    $send.prop('disabled', false);
  });
  showDialog(dialog('send', t('console.sendTitle'), t('console.sendLead'), $form));
  (destination ? $body : $to)[0].focus();
}

const box = (testid, checked) => make('input').attr({ type: 'checkbox', 'data-testid': testid }).prop('checked', checked);

const check = (label, why, $box) => make('label', 'check').append($box, make('span').append(make('b', '', label), make('small', '', why)));

function addHeader($headers) {
  const part = (testid, name) => input(testid, { placeholder: t(name), 'aria-label': t(name) });
  const $header = make('div', 'send-header').append(part('header-name', 'console.header'), part('header-value', 'console.value'));
  make('button', 'icon-button').attr({ type: 'button', 'aria-label': t('console.dropHeader'), title: t('console.dropHeader') }).append(icon('close'))
    .on('click', () => {
      $header.remove();
      $headers.next().trigger('focus'); // the button that adds one
    }).appendTo($header);
  return $header.appendTo($headers);
}

const headersOf = ($headers) => (
  Array.from($headers.children(), (row) => [...row.querySelectorAll('input')].map(({ value }) => value)).filter(([name]) => name !== '')
);
