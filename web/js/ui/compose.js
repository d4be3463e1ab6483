// One text to many devices, or to another one: who gets it, what it says, a look at both before it goes out, and then what
// became of it.

import $ from '../../vendor/jquery.js';
import { t, onLang } from '../i18n.js';
import * as api from '../api.js';
import { OFFLINE } from '../fleet.js';
import { BulkSend, OUTCOMES } from '../bulk.js';
import { addTask } from '../scheduler.js';
import * as format from '../format.js';
import { make, button, icon, glyph, setText } from './dom.js';
import { dialogHead, showDialog } from './dialog.js';
import { DevicePicker } from './picker.js';
import { TextForm, message } from './textform.js';

const MOST_CHIPS = 12;
const MOST_REASONS = 3;

export class Compose {
  #fleet;
  #dialog = $('#compose');
  #devices = [];
  #form = null;
  #bulk = null;
  #parts = null; // of the progress page
  #task;
  #onSent;

  // onSent(text) hears of each text that the server has accepted.
  constructor({ fleet, onSent }) {
    this.#fleet = fleet;
    this.#onSent = onSent;
    this.#task = addTask(() => this.#progress(), 100);
    this.#dialog.on('close', () => this.#bulk?.stop());
    onLang(() => { if (this.#dialog[0].open && !this.#bulk) this.#write(); });
  }

  // open begins a text to devices; body may say already what it is to say.
  open(devices, body = '') {
    this.#devices = [...devices];
    this.#bulk = null;
    this.#form = null;
    this.#write(body);
    showDialog(this.#dialog);
    (this.#devices.length ? this.#form.$area[0] : this.#dialog.find('input')[0]).focus();
  }

  // heard takes a text's new state from the feed.
  heard(text) {
    this.#bulk?.heard(text);
  }

  #page(title, lead, ...content) {
    this.#dialog.empty().append(dialogHead(this.#dialog, 'compose-title', title, lead), make('div', 'dialog-body compose').append(content));
  }

  // ---- who and what

  #write(body = this.#form?.body ?? '') {
    const $to = make('div', 'compose-to');
    const chosen = () => {
      this.#dialog.find('h2').text(this.#title());
      this.#chips($to, chosen);
      $next.find('span').text(this.#devices.length > 1 ? t('compose.review') : t('text.send'));
      $next.prop('disabled', !this.#devices.length);
    };
    const picker = new DevicePicker(this.#fleet, (id) => {
      if (!this.#devices.includes(id)) this.#devices.push(id);
      chosen();
    });
    const lifetime = this.#form?.$lifetime.val();
    this.#form = new TextForm({ label: t('compose.placeholder'), testid: 'compose-body', onSubmit: () => this.#submit() });
    this.#form.body = body;
    if (lifetime !== undefined) this.#form.$lifetime.val(lifetime);
    const $next = button('button button-primary', 'send', t('text.send')).attr({ type: 'submit', 'data-testid': 'compose-next' });
    const $form = make('form', 'text-form compose-form').append(this.#form.$area, this.#form.$count, this.#form.$lifetime, $next).on('submit', (e) => {
      e.preventDefault();
      this.#submit();
    });
    this.#page(this.#title(), null, $to, picker.$root, $form, make('p', 'result').attr({ role: 'status', 'data-testid': 'compose-result' }));
    chosen();
  }

  #title() {
    const n = this.#devices.length;
    return n === 1 ? t('compose.titleOne', { id: this.#devices[0] }) : n ? t('compose.title', { n }) : t('compose.titleNobody');
  }

  #chips($to, changed) {
    const shown = this.#devices.slice(0, MOST_CHIPS);
    $to.empty().prop('hidden', !this.#devices.length).append(shown.map((id) => {
      const $drop = make('button', 'chip-drop').attr({ type: 'button', 'aria-label': t('compose.drop', { id }), title: t('compose.drop', { id }) })
        .append(icon('close')).on('click', () => {
          this.#devices = this.#devices.filter((other) => other !== id);
          changed();
          this.#dialog.find('.picker input')[0].focus();
        });
      return make('span', 'chip').attr('data-device', id).append(glyph(this.#status(id)), make('span', 'chip-id', id), $drop);
    }));
    const more = this.#devices.length - shown.length;
    if (more > 0) $to.append(make('span', 'chip chip-more', t('compose.more', { n: more })));
  }

  #status(id) {
    const i = this.#fleet.indexOf(id);
    return i < 0 ? OFFLINE : this.#fleet.status[i];
  }

  #submit() {
    const { body } = this.#form;
    const fault = this.#form.tooLong();
    this.#dialog.find('.result').text(fault).attr('data-tone', fault ? 'bad' : '');
    if (!body || fault || !this.#devices.length) return;
    if (this.#devices.length > 1) this.#confirm();
    else this.#deliver(this.#devices);
  }

  // ---- sure?

  #confirm() {
    const n = this.#devices.length;
    const away = this.#devices.filter((id) => this.#status(id) === OFFLINE).length;
    const $back = button('button', '', t('compose.back')).attr('data-testid', 'compose-back').on('click', () => {
      this.#write();
      this.#form.$area[0].focus();
    });
    const $send = button('button button-primary', 'send', t('compose.send', { n })).attr('data-testid', 'compose-send').on('click', () => this.#deliver(this.#devices))
      .on('keydown', (e) => { if (e.originalEvent.repeat) e.preventDefault(); }); // the key that led here is still held down
    const $away = away ? make('p', 'compose-away', t('compose.away', { n: away })) : null;
    this.#page(
      t('compose.sure', { n }), null,
      make('blockquote', 'text-body compose-quote', this.#form.body), $away, make('div', 'compose-buttons').append($back, $send),
    );
    $send[0].focus();
  }

  // ---- on its way

  #deliver(devices) {
    const text = message(this.#form.body, this.#form.lifetime);
    const send = async (part) => {
      const answer = await api.sendTexts(part, text);
      for (const accepted of answer.texts) this.#onSent(accepted);
      return answer;
    };
    this.#bulk = new BulkSend(devices, send, () => this.#task.request());
    this.#buildProgress();
    this.#bulk.run();
  }

  #buildProgress() {
    const { total } = this.#bulk;
    const $bar = make('progress', 'compose-bar').attr({ max: total, value: 0, 'aria-label': t('compose.progress') });
    const $counts = make('ul', 'outcomes').attr('data-testid', 'compose-counts');
    const counts = Object.fromEntries([...OUTCOMES, 'failed'].map((state) => {
      const $n = make('b', '', '0');
      const $item = make('li', '').attr({ 'data-state': state }).append($n, make('span', '', t(`outcome.${state}`))).appendTo($counts);
      return [state, { $item, n: $n[0] }];
    }));
    const $reasons = make('ul', 'reasons');
    const $stop = button('button', '', t('compose.stop')).attr('data-testid', 'compose-stop').on('click', () => this.#bulk.stop());
    const $again = button('button', 'again', t('compose.again')).attr('data-testid', 'compose-again').on('click', () => this.#deliver(this.#bulk.left));
    const $close = button('button button-primary', '', t('dialog.close')).attr('data-testid', 'compose-close').on('click', () => this.#dialog[0].close());
    const $words = make('p', 'compose-words').attr({ role: 'status', 'data-testid': 'compose-words' });
    this.#parts = { bar: $bar[0], counts, $reasons, $stop, $again, $close, words: $words[0] };
    this.#page(t('compose.sending', { n: total }), null, $bar, $words, $counts, $reasons, make('div', 'compose-buttons').append($stop, $again, $close));
    this.#progress();
    this.#dialog.find('h2')[0].focus();
  }

  #progress() {
    if (!this.#bulk || !this.#parts?.bar.isConnected) return;
    const { total, handled, running, stopped, failed, counts, left } = this.#bulk;
    const parts = this.#parts;
    parts.bar.value = handled;
    for (const [state, { $item, n }] of Object.entries(parts.counts)) {
      const count = state === 'failed' ? failed.size : counts[state];
      setText(n, format.number(count));
      $item.toggleClass('none', count === 0);
    }
    parts.$stop.prop('hidden', !running || stopped);
    parts.$again.prop('hidden', running || !left.length);
    parts.$close.prop('hidden', running);
    setText(parts.words, running ? t('compose.soFar', { n: handled, total }) : left.length ? t('compose.partly', { n: left.length }) : t('compose.all', { n: total }));
    const reasons = [...new Set([...failed.values()].map(api.refusal))].slice(0, MOST_REASONS);
    if (reasons.join() !== parts.reasons) {
      parts.reasons = reasons.join();
      parts.$reasons.empty().append(reasons.map((reason) => make('li', '', reason)));
    }
  }
}
