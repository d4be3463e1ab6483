// A field that finds a device by its name: a combobox with the first matches below (WAI-ARIA: combobox with a listbox popup).

import { t } from '../i18n.js';
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
    const query = this.#input.val().trim().toLowerCase();
    const { ids } = this.#fleet;
    const found = [];
    for (let i = 0; query && i < ids.length && found.length < MOST; i++) {
      if (ids[i].toLowerCase().includes(query)) found.push(i);
    }
    this.#show(found);
  }

  #show(found) {
    this.#found = found;
    const options = found.map((i, k) => (
      make('li', 'picker-option').attr({ id: `${this.#list.attr('id')}-${k}`, role: 'option', 'data-device': this.#fleet.ids[i] })
        .append(glyph(this.#fleet.status[i]), make('span', '', this.#fleet.ids[i]))
    ));
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

  #take(device) {
    if (device === undefined) return;
    this.#input.val('');
    this.#show([]);
    this.#choose(this.#fleet.ids[device]);
  }
}
