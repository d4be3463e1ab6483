// A field that finds a device by its name: a combobox with the first matches below (WAI-ARIA: combobox with a listbox popup).

import { t } from '../i18n.js';
import { OFFLINE } from '../fleet.js';
import { candidates } from '../deviceid.js';
import { make, glyph, icon, setAttribute } from './dom.js';

const MOST = 6;
let made = 0;

export class DevicePicker {
  #fleet;
  #choose;
  #list;
  #input;
  #found = [];
  #active = -1;

  // choose(id) is called for each device that is picked, also for one that has never reported: a text may wait for it.
  constructor(fleet, choose) {
    this.#fleet = fleet;
    this.#choose = choose;
    const listID = `picker-${++made}`;
    this.#list = make('ul', 'picker-list').attr({ id: listID, role: 'listbox', 'aria-label': t('list.devices') }).prop('hidden', true)
      .on('pointerdown', (e) => e.preventDefault()) // the field keeps the keyboard
      .on('click', '[role=option]', (e) => this.#take(this.#found[Array.prototype.indexOf.call(this.#list[0].children, e.currentTarget)]));
    this.#input = make('input').attr({
      type: 'search', role: 'combobox', autocomplete: 'off', spellcheck: false, maxlength: 128, placeholder: t('picker.placeholder'), 'aria-label': t('picker.placeholder'),
      'aria-controls': listID, 'aria-expanded': false, 'aria-autocomplete': 'list', 'data-testid': 'picker',
    }).on('input', () => this.#search()).on('keydown', (e) => this.#key(e)).on('blur', () => this.#show([]));
    this.$root = make('div', 'search picker').append(icon('search'), this.#input, this.#list);
  }

  #search() {
    this.#show(candidates(this.#fleet, this.#input.val().trim(), MOST));
  }

  #show(found) {
    this.#found = found;
    const options = found.map((id, k) => {
      const i = this.#fleet.indexOf(id);
      return make('li', 'picker-option').attr({ id: `${this.#list.attr('id')}-${k}`, role: 'option', 'data-device': id })
        .append(glyph(i < 0 ? OFFLINE : this.#fleet.status[i]), make('span', '', id), i < 0 ? make('small', '', t('picker.unknown')) : null);
    });
    this.#list.empty().append(options).prop('hidden', !found.length);
    setAttribute(this.#input[0], 'aria-expanded', found.length > 0);
    this.#activate(found.length ? 0 : -1);
  }

  #activate(k) {
    this.#active = k;
    for (const [n, option] of [...this.#list[0].children].entries()) setAttribute(option, 'aria-selected', n === k);
    setAttribute(this.#input[0], 'aria-activedescendant', k < 0 ? '' : `${this.#list.attr('id')}-${k}`);
  }

  #key(e) {
    const n = this.#found.length;
    if (e.key === 'ArrowDown' && n) this.#activate((this.#active + 1) % n);
    else if (e.key === 'ArrowUp' && n) this.#activate((this.#active + n - 1) % n);
    else if (e.key === 'Enter') this.#take(this.#found[this.#active]);
    else if (e.key === 'Escape' && n) this.#show([]);
    else return;
    e.preventDefault();
  }

  #take(id) {
    if (id === undefined) return;
    this.#input.val('');
    this.#show([]);
    this.#choose(id);
  }
}
