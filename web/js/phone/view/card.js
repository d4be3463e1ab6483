// What the cards of position and motion have in common: the switch, the choice of the source, and what stands in the way.

import $ from '../../../vendor/jquery.js';
import { t } from '../../i18n.js';
import { make, button, icon } from '../../ui/dom.js';

// States of a source that are explained, with the ways out of each.
const TROUBLES = {
  asking: [], searching: [], lost: [], tap: ['allow'],
  refused: ['again', 'simulate'], missing: ['simulate'], insecure: ['secure', 'simulate'],
};

export class CardFrame {
  #name;
  #channel;
  #secureURL;
  #shown = '';
  $root;

  // secureURL() returns where the page can be had over HTTPS, or null.
  constructor(name, channel, secureURL) {
    this.#name = name;
    this.#channel = channel;
    this.#secureURL = secureURL;
    this.$root = $(`#${name}`);
    this.$root.find('.hs-switch').on('click', () => channel.switchTo(channel.on ? 'off' : channel.usual));
    this.$root.find('[data-mode]').filter('button').on('click', (e) => {
      if (channel.mode !== e.currentTarget.dataset.mode) channel.switchTo(e.currentTarget.dataset.mode);
    });
  }

  render() {
    const { mode, on, state } = this.#channel;
    this.$root.attr({ 'data-mode': mode, 'data-state': state });
    this.$root.find('.hs-switch').attr('aria-checked', on);
    for (const element of this.$root.find('.hs-foot [data-mode]')) element.setAttribute('aria-pressed', element.dataset.mode === mode);
    const trouble = Object.hasOwn(TROUBLES, state) ? `${state} ${t(`phone.${this.#name}.${state}`)} ${this.#secureURL()}` : '';
    if (trouble === this.#shown) return;
    this.#shown = trouble;
    const $trouble = this.$root.find('.hs-trouble').empty().prop('hidden', !trouble).attr('data-kind', TROUBLES[state]?.length ? 'blocked' : 'waiting');
    if (!trouble) return;
    $trouble.append(
      icon(state === 'insecure' ? 'lock' : TROUBLES[state].length ? 'lost' : 'clock'),
      make('p', '', t(`phone.${this.#name}.${state}`)),
      make('div', 'hs-ways').append(TROUBLES[state].map((way) => this.#way(way)).filter(Boolean)),
    );
  }

  #way(way) {
    const channel = this.#channel;
    switch (way) {
      case 'again': return button('button', 'again', t('phone.again')).on('click', () => channel.switchTo('sensor'));
      case 'allow': return button('button button-primary', 'check', t('phone.motion.allow')).attr('data-testid', 'allow-motion').on('click', () => channel.switchTo('sensor'));
      case 'secure': return this.#secureURL() && make('a', 'button button-primary').attr('href', this.#secureURL()).append(icon('lock'), make('span', '', t('phone.start.secureHere')));
      default: return button('button', '', t('phone.simulate')).attr('data-testid', `${this.#name}-simulate`).on('click', () => channel.switchTo('simulated'));
    }
  }
}
