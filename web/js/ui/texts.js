// The texts of a device, with what has become of them, and the form that sends one.

import { t } from '../i18n.js';
import * as api from '../api.js';
import * as format from '../format.js';
import { make, button, icon } from './dom.js';
import { TextForm, message } from './textform.js';

const STATES = {
  accepted: 'clock', waiting: 'clock', delivered: 'check', consumed: 'checks', expired: 'lost', refused: 'refused', deleted: 'trash',
};

export class TextsSection {
  #id;
  #heard;
  #forward;
  #items = new Map(); // by the text's ID
  #sending = null; // {answer, body} until the server has answered
  #list = make('ol', 'texts').attr({ 'data-testid': 'texts', tabindex: 0, 'aria-label': t('text.history') });
  #none = make('p', 'texts-none').attr('data-testid', 'texts-none');
  #result = make('p', 'result').attr({ role: 'status', 'data-testid': 'text-result' });
  #form = new TextForm({ label: t('text.placeholder'), onSubmit: () => this.#submit() });
  #send = button('button button-primary', 'send', t('text.send')).attr({ type: 'submit', 'data-testid': 'text-send' });

  // heard(text) takes what the server has accepted; forward(text) lets the user choose who else gets it.
  constructor(id, { heard, forward }) {
    this.#id = id;
    this.#heard = heard;
    this.#forward = forward;
    const $form = make('form', 'text-form').append(this.#form.$area, this.#form.$count, this.#form.$lifetime, this.#send).on('submit', (e) => {
      e.preventDefault();
      this.#submit();
    });
    this.$root = make('section', 'card-section').append(make('h3', '', t('text.title')), this.#none, this.#list, $form, this.#result);
  }

  // goOn takes over from the section that this one is made to replace: what is written there, and what is on its way.
  goOn(before) {
    this.#form.draft = before.#form.draft;
    if (before.#sending) this.#await(before.#sending);
  }

  focus() {
    this.#form.$area[0].focus({ preventScroll: true });
    this.$root[0].scrollIntoView({ block: 'nearest' });
  }

  // show lists the texts, oldest first, and keeps the newest in view, or says why there are none to show: see Selection.problem. An item
  // stays the same element while its text changes, so that the keyboard can stay on it.
  show(texts, problem) {
    this.#none.prop('hidden', texts.length > 0).text(reasonForNone(problem));
    this.#list.prop('hidden', texts.length === 0);
    const newest = texts.length && !this.#items.has(texts[texts.length - 1].id);
    const wanted = new Set(texts.map(({ id }) => id));
    for (const [id, { $root }] of this.#items) {
      if (wanted.has(id)) continue;
      $root.remove();
      this.#items.delete(id);
    }
    const list = this.#list[0];
    texts.forEach((text, k) => {
      let item = this.#items.get(text.id);
      if (!item) this.#items.set(text.id, item = this.#makeItem(text));
      this.#fill(item, text);
      if (list.children[k] !== item.$root[0]) list.insertBefore(item.$root[0], list.children[k] ?? null);
    });
    if (newest) list.scrollTop = list.scrollHeight;
  }

  #makeItem({ id, body }) {
    const action = (name, iconName, act) => make('button', 'icon-button')
      .attr({ type: 'button', 'aria-label': t(`text.${name}`), title: t(`text.${name}`), 'data-testid': `text-${name}` }).append(icon(iconName))
      .on('click', act);
    const item = { $root: make('li', 'text').attr({ 'data-testid': 'text', 'data-text': id }), state: '' };
    item.$state = make('span', 'text-what');
    item.$time = make('time');
    item.$root.append(make('p', 'text-body', body), make('div', 'text-state').append(
      item.$state, item.$time,
      make('div', 'text-actions').append(action('again', 'again', () => this.#again(item.text)), action('forward', 'forward', () => this.#forward(item.text))),
    ));
    return item;
  }

  #fill(item, text) {
    item.text = text;
    const { state, at, updated } = text;
    if (item.state === state) return;
    item.state = state;
    item.$root.attr('data-state', state);
    item.$root.find('.text-actions').prop('hidden', text.cut === true); // the server remembers its beginning only
    item.$state.empty().append(icon(STATES[state] ?? 'clock'), make('span', '', t(`text.state.${state}`)));
    item.$time.text(format.clock(updated || at)).attr('datetime', new Date(updated || at).toISOString());
  }

  #again({ id }) {
    if (this.#sending) return;
    this.#say('');
    this.#await({ answer: api.resendText(id), body: '' });
  }

  #submit() {
    const { body, lifetime } = this.#form;
    if (!body || this.#sending) return;
    const fault = this.#form.tooLong();
    this.#say(fault);
    if (!fault) this.#await({ answer: api.sendText(this.#id, message(body, lifetime)), body });
  }

  // #await lets nothing else be sent until the server has answered, and then takes out of the form what it has accepted.
  async #await(sending) {
    this.#sending = sending;
    this.#send.prop('disabled', true);
    try {
      this.#heard(await sending.answer);
      if (this.#form.body === sending.body) this.#form.body = ''; // else the user is writing the next one already
    } catch (err) {
      this.#say(t('text.failed', { reason: err.message }));
    } finally {
      this.#sending = null;
      this.#send.prop('disabled', false);
    }
  }

  #say(fault) {
    this.#result.text(fault).attr('data-tone', fault ? 'bad' : '');
  }
}

// reasonForNone is an empty line until the server has answered, so that what stands below does not move under a finger when it does.
function reasonForNone(problem) {
  if (problem === null) return '\u00a0';
  return problem ? t('text.unknown', { reason: problem }) : t('text.none');
}
