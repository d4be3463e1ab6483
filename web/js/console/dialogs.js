// The console's dialogs: a question before something is lost, a queue's name, how far a long piece of work has come.

import $ from '../../vendor/jquery.js';
import { t } from '../i18n.js';
import { make, button, setText } from '../ui/dom.js';
import { dialogHead, showDialog, closeBeside } from '../ui/dialog.js';
import { input } from './parts.js';
import { Sweep } from './steps.js';
import * as units from './units.js';

let $dialog = null;

// dialog returns the console's dialog with new contents, not open yet.
export function dialog(testid, title, lead, ...content) {
  if (!$dialog) {
    $dialog = make('dialog', 'dialog').attr('aria-labelledby', 'console-dialog-title').appendTo(document.body);
    closeBeside($dialog);
    $dialog[0].addEventListener('close', keepKeyboard);
  }
  $dialog.off('close').attr('data-testid', testid).empty()
    .append(dialogHead($dialog, 'console-dialog-title', title, lead), make('div', 'dialog-body console-form').append(content));
  return $dialog;
}

// What was done may have taken away what had the keyboard before: then the list gets it. The button that was pressed may have it still,
// until the page is drawn without the dialog.
function keepKeyboard() {
  const held = document.activeElement;
  if (!$dialog[0].open && (held === document.body || $dialog[0].contains(held))) document.querySelector('.console-content .grid')?.focus({ preventScroll: true });
}

export const field = (label, $control, note = '') => {
  const $field = make('label', 'field').append(make('span', 'field-label', label), $control);
  return note ? $field.append(make('span', 'field-note', note)) : $field;
};

// ask asks before something is done. count: a number that has to be typed; act() resolves when it is done, and may say what happened.
export function ask({ title, lead, yes, count = null, danger = true, act }) {
  const $result = make('p', 'result').attr({ role: 'status', 'data-testid': 'ask-result' });
  const $yes = button(danger ? 'button button-danger' : 'button button-primary', null, yes).attr({ type: 'submit', 'data-testid': 'ask-yes' });
  const $no = button('button', null, t('console.cancel')).attr('data-testid', 'ask-no').on('click', () => $dialog[0].close());
  const $count = count === null ? null : input('ask-count', { inputmode: 'numeric' });
  const typed = () => count === null || $count.val().replace(/[\s.,'’_]/g, '') === String(count);
  if ($count) {
    $yes.prop('disabled', true);
    $count.on('input', () => $yes.prop('disabled', !typed()));
  }
  const $form = make('form', 'console-form').append(
    $count ? field(t('console.typeCount', { n: units.count(count) }), $count) : null, $result, make('div', 'compose-buttons').append($no, $yes),
  ).on('submit', async (e) => {
    e.preventDefault();
    if (!typed()) return;
    $yes.prop('disabled', true);
    try {
      await act();
      if ($form[0].isConnected) $dialog[0].close();
    } catch (err) {
      $result.text(t('console.notDone', { reason: err.message })).attr('data-tone', 'bad');
      $yes.prop('disabled', false);
    }
  });
  showDialog(dialog('ask', title, lead, $form));
  ($count ?? $no)[0].focus();
}

// askTarget asks for the queue that messages are to be moved to.
export function askTarget({ title, lead, value = '', act }) {
  const $to = input('move-to', { required: true }).val(value);
  const $result = make('p', 'result').attr({ role: 'status', 'data-testid': 'ask-result' });
  const $yes = button('button button-primary', 'forward', t('console.move')).attr({ type: 'submit', 'data-testid': 'ask-yes' });
  const $no = button('button', null, t('console.cancel')).on('click', () => $dialog[0].close());
  const $form = make('form', 'console-form').append(
    field(t('console.moveTo'), $to), $result, make('div', 'compose-buttons').append($no, $yes),
  ).on('submit', async (e) => {
    e.preventDefault();
    $yes.prop('disabled', true);
    try {
      await act($to.val().trim().replace(/^\/queue\//, ''));
      if ($form[0].isConnected) $dialog[0].close();
    } catch (err) {
      $result.text(t('console.notDone', { reason: err.message })).attr('data-tone', 'bad');
      $yes.prop('disabled', false);
    }
  });
  showDialog(dialog('move', title, lead, $form));
  $to[0].focus();
  $to[0].select();
}

// sweep shows how work on all messages of a queue goes on, until it is done; total: how many there were.
export function sweep({ title, total, words, step, done }) {
  const $bar = make('progress', 'compose-bar').attr({ max: Math.max(1, total), value: 0, 'aria-label': title });
  const $words = make('p', 'compose-words').attr({ role: 'status', 'data-testid': 'sweep-words' });
  const $stop = button('button', null, t('compose.stop')).attr('data-testid', 'sweep-stop');
  const $close = button('button button-primary', null, t('dialog.close')).attr('data-testid', 'sweep-close').on('click', () => $dialog[0].close());
  const work = new Sweep(step);
  const show = () => {
    $bar[0].value = work.running ? Math.min(work.done, total) : total;
    $bar.prop('hidden', !work.running);
    setText($words[0], work.error ? t('console.notDone', { reason: work.error.message }) : words(work.done, work.running));
    $stop.prop('hidden', !work.running);
    $close.prop('hidden', work.running);
  };
  show();
  $stop.on('click', () => work.stop());
  showDialog(dialog('sweep', title, null, $bar, $words, make('div', 'compose-buttons').append($stop, $close)));
  $dialog.on('close', () => { if (!$dialog[0].open) work.stop(); }); // the question before it may still tell that it was closed
  work.run(show).then(() => {
    show();
    done();
    if ($close[0].isConnected && $(document.activeElement).closest('.dialog').length) $close[0].focus();
  });
}
