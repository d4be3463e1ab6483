// The texts: the one that waits for an answer in the dock, under the thumb, and the list of all that came.

import $ from '../../../vendor/jquery.js';
import { t, onLang } from '../../i18n.js';
import { clock } from '../../format.js';
import { make, button, icon } from '../../ui/dom.js';

const PAUSE = 400; // ms in which a new text's buttons do nothing: the thumb may still be answering the one before
const SIGNS = { null: 'clock', confirmed: 'checks', refused: 'refused' };

export class TextList {
  #inbox;

  constructor(inbox) {
    this.#inbox = inbox;
    inbox.addEventListener('change', () => this.#render());
    onLang(() => this.#render());
    this.#render();
  }

  #render() {
    const { texts } = this.#inbox;
    $('#texts .hs-none').prop('hidden', texts.length > 0);
    $('#texts .hs-received').prop('hidden', texts.length === 0).empty().append(texts.map((text) => this.#item(text)));
  }

  #item({ body, at, answer, settled }) {
    const known = t(`phone.text.${answer ?? 'open'}`);
    const words = answer === null || settled ? known : t('phone.text.later', { answer: known });
    return make('li', 'hs-text').attr({ 'data-answer': answer ?? 'open', 'data-testid': 'received-text' }).append(
      make('p', 'hs-text-body', body),
      make('p', 'hs-text-state').append(icon(SIGNS[answer]), make('span', '', words), make('time', '', clock(at))),
    );
  }
}

// textPanel builds the dock's panel for the oldest open text.
export function textPanel(inbox) {
  const [text] = inbox.open;
  const count = inbox.open.length;
  const answer = (testID, decision, className, iconName) => (
    button(`button ${className}`, iconName, t(`phone.text.${testID}`)).attr('data-testid', testID).prop('disabled', true).on('click', () => inbox.decide(text.key, decision))
  );
  const $answers = make('div', 'hs-answers').append(answer('refuse', 'refused', 'hs-refuse', 'refused'), answer('confirm', 'confirmed', 'button-primary', 'check'));
  setTimeout(() => $answers.children().prop('disabled', false), PAUSE);
  return make('section', 'hs-panel').attr({ 'data-testid': 'open-text', 'aria-labelledby': 'open-text-title' }).append(
    make('div', 'hs-panel-head').append(
      icon('text'), make('h2', '', t('phone.text.new')).attr({ id: 'open-text-title', tabindex: -1 }),
      count > 1 ? make('span', 'badge', t('phone.text.ofMany', { n: count })) : '', make('time', '', clock(text.at)),
    ),
    make('p', 'hs-panel-body', text.body).attr('tabindex', 0),
    $answers,
  );
}
