// The texts of a device, with what has become of them, and the form that sends one.

import { t } from '../i18n.js';
import * as api from '../api.js';
import * as format from '../format.js';
import { make, button, icon } from './dom.js';

const LONGEST = 2000; // characters
const STATES = {
  accepted: 'clock', waiting: 'clock', delivered: 'check', consumed: 'checks', expired: 'lost', refused: 'refused',
};
const LIFETIMES = [0, 5, 60, 1440]; // minutes; 0: kept until it is fetched

export class TextsSection {
  #id;
  #heard;
  #list = make('ol', 'texts').attr({ 'data-testid': 'texts', tabindex: 0, 'aria-label': t('text.history') });
  #none = make('p', 'texts-none', t('text.none'));
  #result = make('p', 'result').attr({ role: 'status', 'data-testid': 'text-result' });
  #area = make('textarea').attr({
    maxlength: LONGEST, rows: 2, required: true, placeholder: t('text.placeholder'), 'aria-label': t('text.placeholder'), 'data-testid': 'text-body',
  });
  #lifetime = make('select').attr('aria-label', t('text.expires'));
  #send = button('button button-primary', 'send', t('text.send')).attr({ type: 'submit', 'data-testid': 'text-send' });

  constructor(id, heard) {
    this.#id = id;
    this.#heard = heard;
    for (const minutes of LIFETIMES) this.#lifetime.append(make('option', '', t(`text.expires.${minutes}`)).val(minutes));
    const $form = make('form', 'text-form').append(this.#area, this.#lifetime, this.#send).on('submit', (e) => {
      e.preventDefault();
      this.#submit();
    });
    this.#area.on('keydown', (e) => {
      if (e.key === 'Enter' && !e.shiftKey && !e.originalEvent.isComposing) {
        e.preventDefault();
        this.#submit();
      }
    });
    this.$root = make('section', 'card-section').append(make('h3', '', t('text.title')), this.#none, this.#list, $form, this.#result);
  }

  focus() {
    this.#area[0].focus({ preventScroll: true });
    this.$root[0].scrollIntoView({ block: 'nearest' });
  }

  // show lists the texts, oldest first, and keeps the newest in view.
  show(texts) {
    this.#none.prop('hidden', texts.length > 0);
    this.#list.empty().prop('hidden', texts.length === 0).append(texts.map((text) => this.#item(text)));
    this.#list[0].scrollTop = this.#list[0].scrollHeight;
  }

  #item({ id, body, state, at, updated }) {
    const $state = make('p', 'text-state').append(
      icon(STATES[state] ?? 'clock'), make('span', '', t(`text.state.${state}`)), make('time', '', format.clock(updated || at)),
    );
    return make('li', 'text').attr({ 'data-state': state, 'data-testid': 'text', 'data-text': id }).append(make('p', 'text-body', body), $state);
  }

  async #submit() {
    const body = this.#area.val().trim();
    if (!body) return;
    this.#send.prop('disabled', true);
    this.#result.text('').attr('data-tone', '');
    try {
      const minutes = Number(this.#lifetime.val());
      const text = await api.sendText(this.#id, minutes ? { body, expires: Date.now() + minutes * 60000 } : { body });
      this.#area.val('');
      this.#heard(text);
    } catch (err) {
      this.#result.text(t('text.failed', { reason: err.message })).attr('data-tone', 'bad');
    } finally {
      this.#send.prop('disabled', false);
    }
  }
}
