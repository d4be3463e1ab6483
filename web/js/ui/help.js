// Keys and symbols.

import $ from '../../vendor/jquery.js';
import { t, onLang } from '../i18n.js';
import { OFFLINE, STALE, IDLE, MOVING } from '../fleet.js';
import { make, glyph } from './dom.js';
import { closeBeside, dialogHead, showDialog } from './dialog.js';

const KEYS = [
  ['/', 'search'], ['l', 'list'], ['f', 'fit'], ['m', 'view'], ['t', 'text'], ['a', 'alert'], ['o', 'follow'], ['w', 'wire'], ['h', 'history'], ['c', 'console'], ['?', 'help'], ['Esc', 'escape'],
];
const LIST_KEYS = [[['↑', '↓'], 'arrows'], [['⏎'], 'open'], [[' '], 'mark'], [['⇧', '↓'], 'markMore'], [['Ctrl', 'A'], 'markAll']];
const SHAPES = [[MOVING, 'moving'], [IDLE, 'idle'], [STALE, 'stale'], [OFFLINE, 'offline']];

export class Help {
  #dialog = $('#help');

  constructor() {
    closeBeside(this.#dialog);
    onLang(() => { if (this.#dialog[0].open) this.#build(); });
  }

  open() {
    this.#build();
    showDialog(this.#dialog);
  }

  #build() {
    const $keys = make('dl', 'keys');
    for (const [key, name] of KEYS) $keys.append(this.#row([key], name));
    const $list = make('dl', 'keys');
    for (const [keys, name] of LIST_KEYS) $list.append(this.#row(keys, name));
    const $shapes = make('div', 'shapes');
    for (const [status, name] of SHAPES) $shapes.append(make('span').append(glyph(status), document.createTextNode(t(`help.${name}`))));
    this.#dialog.empty().append(
      dialogHead(this.#dialog, 'help-title', t('help.title')),
      make('div', 'dialog-body').append(
        make('div', 'key-columns').append(
          make('section').append(make('h3', '', t('help.everywhere')), $keys), make('section').append(make('h3', '', t('help.inList')), $list),
        ),
        $shapes, make('p', 'dialog-note', t('help.note')),
      ),
    );
  }

  #row(keys, name) {
    const $keys = keys.map((key) => make('kbd', '', key === ' ' ? t('key.space') : key));
    return make('div').append(make('dt').append($keys), make('dd', '', t(`key.${name}`)));
  }
}
