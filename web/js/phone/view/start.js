// The dock's first panel: what the phone will tell, what the browser will ask, and one button for it.

import { t } from '../../i18n.js';
import { make, button, icon } from '../../ui/dom.js';

// startPanel builds it. actions: start, simulate, later; questions is what the browser will ask; secureURL is where the page
// can be had over HTTPS, or null, selfSigned that the browser will warn of it, and command what makes it possible.
export function startPanel({ actions, questions, secureURL, selfSigned, command }) {
  const secure = window.isSecureContext;
  const $words = make('div', 'hs-panel-words').append(make('p', '', t(secure ? 'phone.start.lead' : 'phone.start.insecure')));
  if (secure && questions) $words.append(make('p', 'hs-asks').append(icon('help'), make('span', '', t(`phone.start.asks.${questions}`))));
  if (!secure && secureURL && selfSigned) $words.append(make('p', 'hs-asks').append(icon('help'), make('span', '', t('phone.start.selfSigned'))));
  if (!secure && !secureURL) $words.append(make('p', '', t('phone.start.wayOut')), make('code', 'hs-command', command));
  return make('section', 'hs-panel').attr({ 'data-testid': 'start-panel', 'aria-labelledby': 'start-title' }).append(
    make('div', 'hs-panel-head').append(icon(secure ? 'phone' : 'lock'), make('h2', '', t(secure ? 'phone.start.title' : 'phone.start.insecureTitle')).attr({ id: 'start-title', tabindex: -1 })),
    $words,
    make('div', 'hs-starts').append(main(secure, secureURL, actions), others(secure || secureURL, actions)),
  );
}

function main(secure, secureURL, { start, simulate }) {
  if (secure) return button('button button-primary', '', t('phone.start.button')).attr('data-testid', 'start').on('click', start);
  if (secureURL) return make('a', 'button button-primary').attr({ href: secureURL, 'data-testid': 'open-secure' }).append(icon('lock'), make('span', '', t('phone.start.secureHere')));
  return button('button button-primary', '', t('phone.start.simulate')).attr('data-testid', 'start-simulated').on('click', simulate);
}

function others(offerSimulation, { simulate, later }) {
  return [
    offerSimulation ? button('button', '', t('phone.start.simulate')).attr('data-testid', 'start-simulated').on('click', simulate) : null,
    button('button', '', t('phone.start.later')).attr('data-testid', 'start-later').on('click', later),
  ].filter(Boolean);
}
