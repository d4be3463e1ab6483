// The device list: a listbox of virtual rows. It is the map's accessible equivalent, so whatever can be done
// to a device by pointing at the map starts here with the keyboard, too.
//
// One device is open (its card is shown, aria-current); any number can be marked (aria-selected), to be written to together.

import $ from '../../vendor/jquery.js';
import { t, onLang } from '../i18n.js';
import { addTask } from '../scheduler.js';
import { LOCATED, HAS_MOTION, MOVING, STATUS_NAMES } from '../fleet.js';
import * as format from '../format.js';
import { flash, stopFlash } from './alerts.js';
import { make, glyph, setAttribute, setGlyph, setText } from './dom.js';

const ROW = 48;
const OVERSCAN = 4;

export class DeviceList {
  active = -1; // device under the keyboard
  #fleet;
  #order;
  #selection;
  #marks;
  #onOrder;
  #loading;
  #list = $('#list')[0];
  #space = $('#list .list-space')[0];
  #rows = [];
  #revision = -1;
  #anchor = -1; // device from which a range of marks runs
  #task;
  #tick;

  // onOrder: the rows have been computed anew, for whatever reason.
  constructor({ fleet, order, selection, marks, onOrder, loading }) {
    this.#fleet = fleet;
    this.#order = order;
    this.#selection = selection;
    this.#marks = marks;
    this.#onOrder = onOrder;
    this.#loading = loading;
    this.#task = addTask(() => this.#render());
    this.#tick = addTask(() => this.#seconds(), 1000);
    this.#tick.request();
    $(this.#list).on('scroll', () => this.#task.request())
      .on('keydown', (e) => this.#key(e))
      .on('focus', () => this.#focused())
      .on('click', '.row', (e) => this.#click(e));
    new ResizeObserver(() => this.#task.request()).observe(this.#list);
    onLang(() => {
      this.#revision = -1;
      this.#task.request();
    });
    selection.addEventListener('change', () => this.#selected());
    marks.addEventListener('change', () => this.#task.request());
  }

  // restart forgets where the keyboard is: after the server's restart an index is another device.
  restart() {
    this.active = this.#anchor = -1;
  }

  // changed asks for a redraw of the rows in view.
  changed() {
    this.#task.request();
  }

  // refilter recomputes which rows there are, after the filter or the order was changed, and shows the first ones.
  refilter() {
    this.#list.scrollTop = 0;
    this.#revision = -1;
    this.#task.request();
  }

  focus() {
    this.#list.focus();
  }

  // flash lights a device's row in the colour that its phone has now.
  flash(device, colour) {
    const row = this.#rows.find((r) => r.device === device);
    if (row) flash(row.element, colour);
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
      this.#renderEmpty();
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
    const $mark = make('div', 'row-mark').append(symbol, make('span', 'tick'));
    const $name = make('div').append(make('div', 'row-id'), make('div', 'row-kind'));
    const $end = make('div', 'row-end').append(make('b'), make('span'));
    $row.append($mark, $name, $end).appendTo(this.#space);
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
      stopFlash(element);
    }
    if (device < 0) return;
    if (row.position !== position) {
      row.position = position;
      element.style.transform = `translateY(${position * ROW}px)`;
    }
    const fleet = this.#fleet;
    const status = fleet.status[device];
    const id = fleet.ids[device];
    setText(row.id, id);
    setText(row.kind, this.#kind(device));
    setText(row.speed, status === MOVING ? format.speed(fleet.speed[device]) : '');
    setText(row.seen, format.lastSeen(fleet, device));
    setGlyph(row.symbol, status);
    setAttribute(element, 'data-status', status);
    setAttribute(element, 'data-device', id);
    setAttribute(element, 'aria-posinset', position + 1);
    setAttribute(element, 'aria-setsize', this.#order.rows.length);
    setAttribute(element, 'aria-selected', this.#marks.has(id));
    setAttribute(element, 'aria-current', id === this.#selection.id);
  }

  #kind(device) {
    const located = this.#fleet.has(device, LOCATED);
    const motion = this.#fleet.has(device, HAS_MOTION);
    const status = t(`status.${STATUS_NAMES[this.#fleet.status[device]]}`);
    if (located && motion) return `${status} · ${t('kind.both')}`;
    if (motion) return `${status} · ${t('kind.motion')}`;
    return located ? `${status} · ${t('kind.location')}` : `${status} · ${t('kind.nothing')}`;
  }

  #renderEmpty() {
    const shown = this.#order.rows.length;
    // A listbox without options is none.
    setAttribute(this.#list, 'role', shown ? 'listbox' : 'group');
    if (shown) setAttribute(this.#list, 'aria-multiselectable', true);
    else for (const name of ['aria-multiselectable', 'aria-activedescendant']) this.#list.removeAttribute(name);
    const $empty = $('#list-empty').prop('hidden', shown > 0);
    if (shown === 0) $empty.text(t(this.#fleet.count ? 'list.nothingFound' : this.#loading() ? 'list.loading' : 'list.empty'));
  }

  #markActive() {
    let found = '';
    for (const { element, device } of this.#rows) {
      const active = device >= 0 && device === this.active;
      element.classList.toggle('active', active);
      if (active) found = element.id;
    }
    if (found) setAttribute(this.#list, 'aria-activedescendant', found);
    else this.#list.removeAttribute('aria-activedescendant');
  }

  // The keyboard starts at the open device, or at the first one in sight. A pointer that presses a row focuses the
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
    if (e.altKey || e.metaKey && e.key !== 'a') return;
    const page = Math.max(1, Math.floor(this.#list.clientHeight / ROW) - 1);
    const step = { ArrowDown: 1, ArrowUp: -1, PageDown: page, PageUp: -page, Home: -Infinity, End: Infinity }[e.key];
    if (step !== undefined) {
      if (e.shiftKey && this.#position(this.#anchor) < 0) this.#anchor = this.active;
      this.#activate(this.#position(this.active) + step);
      if (e.shiftKey) this.#markTo(this.active);
    } else if (e.key === 'Enter' && this.active >= 0) {
      this.#selection.select(this.#fleet.ids[this.active]);
    } else if (e.key === ' ' && this.active >= 0) {
      this.#toggle(this.active);
    } else if (e.key === 'a' && (e.ctrlKey || e.metaKey)) {
      const { ids } = this.#fleet;
      this.#marks.set(Array.from(this.#order.rows, (device) => ids[device]), true);
    } else {
      return;
    }
    e.preventDefault();
  }

  #click(e) {
    const row = this.#rows.find((r) => r.element === e.currentTarget);
    if (!row || row.device < 0) return;
    this.active = row.device;
    if (e.shiftKey && this.#position(this.#anchor) >= 0) this.#markTo(row.device);
    else if (e.ctrlKey || e.metaKey || e.target.closest('.row-mark')) this.#toggle(row.device);
    else this.#selection.select(this.#fleet.ids[row.device]);
    this.#task.request();
  }

  #toggle(device) {
    this.#anchor = device;
    this.#marks.toggle(this.#fleet.ids[device]);
  }

  // #markTo marks all rows from the anchor to a device.
  #markTo(device) {
    const { rows } = this.#order;
    const [from, to] = [this.#position(this.#anchor), this.#position(device)].sort((a, b) => a - b);
    this.#marks.set(Array.from(rows.subarray(from, to + 1), (d) => this.#fleet.ids[d]), true);
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
