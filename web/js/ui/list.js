// The device list: a listbox of virtual rows. It is the map's accessible equivalent, so whatever can be done
// to a device by pointing at the map starts here with the keyboard, too.

import $ from '../../vendor/jquery.js';
import { t, onLang } from '../i18n.js';
import { addTask } from '../scheduler.js';
import { LOCATED, HAS_MOTION, MOVING } from '../fleet.js';
import { ALL_STATUSES, SORTS } from '../order.js';
import * as format from '../format.js';
import { make, glyph, setGlyph, setText } from './dom.js';

const ROW = 48;
const OVERSCAN = 4;

export class DeviceList {
  active = -1; // device under the keyboard
  #fleet;
  #order;
  #selection;
  #onFilter;
  #onOrder;
  #loading;
  #list = $('#list')[0];
  #space = $('#list .list-space')[0];
  #rows = [];
  #revision = -1;
  #task;
  #tick;

  // onFilter: the user has changed what is shown; onOrder: the rows have been computed anew, for whatever reason.
  constructor({ fleet, order, selection, onFilter, onOrder, loading }) {
    this.#loading = loading;
    this.#fleet = fleet;
    this.#order = order;
    this.#selection = selection;
    this.#onFilter = onFilter;
    this.#onOrder = onOrder;
    this.#task = addTask(() => this.#render());
    this.#tick = addTask(() => this.#seconds(), 1000);
    this.#tick.request();
    $(this.#list).on('scroll', () => this.#task.request())
      .on('keydown', (e) => this.#key(e))
      .on('focus', () => this.#focused())
      .on('click', '.row', (e) => this.#click(e.currentTarget));
    new ResizeObserver(() => this.#task.request()).observe(this.#list);
    this.#bindFilters();
    onLang(() => this.refilter());
    selection.addEventListener('change', () => this.#selected());
  }

  // changed asks for a redraw of the rows in view.
  changed() {
    this.#task.request();
  }

  // refilter recomputes which rows there are, after the filter or the order was changed.
  refilter() {
    this.#revision = -1;
    this.#task.request();
    this.#onFilter();
  }

  #bindFilters() {
    $('#search').on('input', (e) => {
      this.#order.query = e.target.value.trim();
      this.#list.scrollTop = 0;
      this.refilter();
    }).on('keydown', (e) => {
      if (e.key !== 'ArrowDown' && e.key !== 'Enter') return;
      e.preventDefault();
      if (this.#order.rows.length) this.#list.focus();
    });
    $('#counts').on('click', '.count', (e) => {
      this.#order.toggleStatus(Number(e.currentTarget.dataset.status));
      this.#list.scrollTop = 0;
      this.refilter();
    });
    $('#filter-clear').on('click', () => this.clearFilter());
    $('#sort').on('change', (e) => {
      this.#order.sort = SORTS.includes(e.target.value) ? e.target.value : 'id';
      this.refilter();
    });
  }

  clearFilter() {
    this.#order.query = '';
    this.#order.statuses = ALL_STATUSES;
    $('#search').val('');
    this.refilter();
  }

  // showFilter puts a filter that came from a link into the controls.
  showFilter() {
    $('#search').val(this.#order.query);
    $('#sort').val(this.#order.sort);
    this.refilter();
  }

  #seconds() {
    if (this.#order.sort !== 'id') this.#revision = -1; // ages and speeds move rows
    this.#task.request();
    return 1000;
  }

  #render() {
    if (this.#revision !== this.#fleet.revision) {
      this.#revision = this.#fleet.revision;
      this.#order.refresh();
      this.#space.style.height = `${this.#order.rows.length * ROW}px`;
      this.#renderHead();
      this.#onOrder();
    }
    if (!this.#list.clientHeight) return;
    const { rows } = this.#order;
    const first = Math.max(0, Math.floor(this.#list.scrollTop / ROW) - OVERSCAN);
    const room = Math.ceil(this.#list.clientHeight / ROW) + 2 * OVERSCAN;
    while (this.#rows.length < room) this.#rows.push(this.#makeRow(this.#rows.length));
    for (let slot = 0; slot < this.#rows.length; slot++) {
      // A position keeps its element while it is in view: only elements that scrolled out are filled anew.
      const size = this.#rows.length;
      const position = first + ((slot - first % size) + size) % size;
      this.#fill(this.#rows[slot], position, position < rows.length ? rows[position] : -1);
    }
    this.#markActive();
  }

  #makeRow(slot) {
    const $row = make('div', 'row').attr({ id: `row-${slot}`, role: 'option', 'data-testid': 'device-row' });
    const symbol = glyph(0);
    const $name = make('div').append(make('div', 'row-id'), make('div', 'row-kind'));
    const $end = make('div', 'row-end').append(make('b'), make('span'));
    $row.append(symbol, $name, $end).appendTo(this.#space);
    return {
      element: $row[0], symbol, id: $name[0].firstChild, kind: $name[0].lastChild,
      speed: $end[0].firstChild, seen: $end[0].lastChild, position: -1, device: undefined,
    };
  }

  #fill(row, position, device) {
    const { element } = row;
    if (row.device !== device) {
      row.device = device;
      element.hidden = device < 0;
    }
    if (device < 0) return;
    if (row.position !== position) {
      row.position = position;
      element.style.transform = `translateY(${position * ROW}px)`;
    }
    const fleet = this.#fleet;
    const status = fleet.status[device];
    setText(row.id, fleet.ids[device]);
    setText(row.kind, this.#kind(device));
    setText(row.speed, status === MOVING ? format.speed(fleet.speed[device]) : '');
    setText(row.seen, format.lastSeen(fleet, device));
    setGlyph(row.symbol, status);
    setAttribute(element, 'data-status', status);
    setAttribute(element, 'data-device', fleet.ids[device]);
    setAttribute(element, 'aria-posinset', position + 1);
    setAttribute(element, 'aria-setsize', this.#order.rows.length);
    setAttribute(element, 'aria-selected', fleet.ids[device] === this.#selection.id);
  }

  #kind(device) {
    const located = this.#fleet.has(device, LOCATED);
    const motion = this.#fleet.has(device, HAS_MOTION);
    const status = t(`status.${['offline', 'stale', 'idle', 'moving'][this.#fleet.status[device]]}`);
    if (located && motion) return `${status} · ${t('kind.both')}`;
    if (motion) return `${status} · ${t('kind.motion')}`;
    return located ? `${status} · ${t('kind.location')}` : `${status} · ${t('kind.nothing')}`;
  }

  #renderHead() {
    const fleet = this.#fleet;
    const shown = this.#order.rows.length;
    setText($('#list-summary')[0], this.#summary(shown));
    $('#filter-clear').prop('hidden', !this.#order.filtered);
    for (const element of $('#counts .count')) {
      const status = Number(element.dataset.status);
      const n = fleet.counts[status];
      setText(element.querySelector('b'), format.number(n));
      element.toggleAttribute('data-zero', n === 0);
      setAttribute(element, 'aria-pressed', this.#order.statuses !== ALL_STATUSES && (this.#order.statuses >> status & 1) === 1);
    }
    const $empty = $('#list .list-empty').prop('hidden', shown > 0);
    if (shown === 0) $empty.text(t(fleet.count ? 'list.nothingFound' : this.#loading() ? 'list.loading' : 'list.empty'));
  }

  #summary(shown) {
    const n = this.#fleet.count;
    if (n === 0 && this.#loading()) return '';
    return this.#order.filtered ? t('list.someOf', { n, shown }) : t('list.count', { n });
  }

  #markActive() {
    let found = '';
    for (const { element, device } of this.#rows) {
      const active = device >= 0 && device === this.active;
      element.classList.toggle('active', active);
      if (active) found = element.id;
    }
    setAttribute(this.#list, 'aria-activedescendant', found);
  }

  // The keyboard starts at the selected device, or at the first one in sight. A pointer that presses a row focuses the
  // list, too: nothing may move under it then.
  #focused() {
    if (this.#position(this.active) >= 0 || !this.#list.matches(':focus-visible')) return;
    const selected = this.#position(this.#selection.index);
    this.#activate(selected >= 0 ? selected : Math.ceil(this.#list.scrollTop / ROW));
  }

  #position(device) {
    return device < 0 ? -1 : this.#order.rows.indexOf(device);
  }

  #activate(position) {
    const { rows } = this.#order;
    if (!rows.length) return;
    const at = Math.max(0, Math.min(rows.length - 1, position));
    this.active = rows[at];
    const top = at * ROW;
    if (top < this.#list.scrollTop) this.#list.scrollTop = top;
    else if (top + ROW > this.#list.scrollTop + this.#list.clientHeight) this.#list.scrollTop = top + ROW - this.#list.clientHeight;
    this.#task.request();
  }

  #key(e) {
    const page = Math.max(1, Math.floor(this.#list.clientHeight / ROW) - 1);
    const step = { ArrowDown: 1, ArrowUp: -1, PageDown: page, PageUp: -page, Home: -Infinity, End: Infinity }[e.key];
    if (step !== undefined) {
      e.preventDefault();
      this.#activate(this.#position(this.active) + step);
    } else if ((e.key === 'Enter' || e.key === ' ') && this.active >= 0) {
      e.preventDefault();
      this.#selection.select(this.#fleet.ids[this.active]);
    }
  }

  #click(element) {
    const row = this.#rows.find((r) => r.element === element);
    if (!row || row.device < 0) return;
    this.active = row.device;
    this.#selection.select(this.#fleet.ids[row.device]);
  }

  #selected() {
    const device = this.#selection.index;
    if (device >= 0) {
      const position = this.#position(device);
      if (position >= 0) this.#activate(position);
    }
    this.#task.request();
  }
}

function setAttribute(element, name, value) {
  const text = String(value);
  if (element.getAttribute(name) !== text) element.setAttribute(name, text);
}
