// The parts of a form that writes a text: what it says, and how long it is kept for its device.

import { t } from '../i18n.js';
import * as format from '../format.js';
import { make } from './dom.js';

const MAX_BYTES = 4096; // the server's limit
const WARN = 0.8; // of it: the form begins to count
const LIFETIMES = [0, 5, 60, 1440]; // minutes; 0: kept until it is fetched

const encoder = new TextEncoder();

export class TextForm {
  $area = make('textarea').attr({ rows: 3, required: true, 'data-testid': 'text-body' });
  $lifetime = make('select').attr({ 'aria-label': t('text.expires'), 'data-testid': 'text-expires' });
  $count = make('p', 'text-count').attr('role', 'status').prop('hidden', true);

  // onSubmit is called when the user presses Enter; Shift+Enter makes a new line.
  constructor({ label, testid = 'text-body', onSubmit }) {
    this.$area.attr({ placeholder: label, 'aria-label': label, 'data-testid': testid });
    for (const minutes of LIFETIMES) this.$lifetime.append(make('option', '', t(`text.expires.${minutes}`)).val(minutes));
    this.$area.on('input', () => this.#count()).on('keydown', (e) => {
      if (e.key !== 'Enter' || e.shiftKey || e.originalEvent.isComposing) return;
      e.preventDefault();
      if (!e.originalEvent.repeat) onSubmit(); // a key that is held down sends once
    });
  }

  get body() {
    return this.$area.val().trim();
  }

  set body(text) {
    this.$area.val(text);
    this.#count();
  }

  get lifetime() {
    return Number(this.$lifetime.val()) * 60000;
  }

  // draft is what has been entered, to be had again in another form.
  get draft() {
    return [this.$area.val(), this.$lifetime.val()];
  }

  set draft([body, lifetime]) {
    this.body = body;
    this.$lifetime.val(lifetime);
  }

  // tooLong returns why the text cannot be sent, or ''.
  tooLong() {
    const bytes = encoder.encode(this.body).length;
    return bytes > MAX_BYTES ? t('text.tooLong', { n: bytes, most: MAX_BYTES }) : '';
  }

  #count() {
    const bytes = encoder.encode(this.body).length;
    this.$count.prop('hidden', bytes < MAX_BYTES * WARN).toggleClass('over', bytes > MAX_BYTES)
      .text(t('text.bytes', { n: format.number(bytes), most: format.number(MAX_BYTES) }));
  }
}

// message returns what the API is to be asked for: a lifetime in ms counts from now, 0 is for ever.
export const message = (body, lifetime) => (lifetime ? { body, expires: Date.now() + lifetime } : { body });
