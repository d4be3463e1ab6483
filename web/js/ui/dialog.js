// What all dialogs share.

import { t } from '../i18n.js';
import { make, icon } from './dom.js';

export function dialogHead($dialog, titleID, title, lead) {
  const $close = make('button', 'tool').attr({ type: 'button', 'aria-label': t('dialog.close'), title: t('dialog.close') }).append(icon('close'))
    .on('click', () => $dialog[0].close());
  const $words = make('div').append(make('h2', '', title).attr({ id: titleID, tabindex: -1 }));
  if (lead) $words.append(make('p', '', lead));
  return make('div', 'dialog-head').append($words, $close);
}

// showDialog opens a dialog with the keyboard on its main action, or on its title when it has none: not on the close button.
export function showDialog($dialog) {
  if ($dialog[0].open) return;
  $dialog[0].showModal();
  ($dialog[0].querySelector('.button-primary:enabled') ?? $dialog[0].querySelector('h2')).focus();
}

// closeBeside lets a click beside a dialog close it.
export const closeBeside = ($dialog) => $dialog.on('click', (e) => { if (e.target === $dialog[0]) $dialog[0].close(); });
