// What is copied. A page that comes over plain HTTP from another machine has no clipboard, but may press the keys for it.

import { t } from '../i18n.js';
import { make } from './dom.js';
import { notify } from './notices.js';

export async function copy(text) {
  try {
    await (navigator.clipboard ? navigator.clipboard.writeText(text) : copySelected(text));
    notify(t('copy.done'));
  } catch {
    notify(t('copy.failed'));
  }
}

// copySelected copies as its user would: what is selected in a field, which has to be in the dialog if there is one.
function copySelected(text) {
  const focused = document.activeElement;
  const $field = make('textarea', 'sr-only').val(text).appendTo(document.querySelector('dialog:modal') ?? document.body);
  $field[0].focus({ preventScroll: true });
  $field[0].select();
  const copied = document.execCommand('copy');
  $field.remove();
  focused?.focus({ preventScroll: true });
  if (!copied) throw new Error('the browser did not copy');
}
