// A table of any length: virtual rows over pages of the server, columns that sort, as many as there is room for. One row may be open
// (aria-current), any number marked (aria-selected).

import $ from '../../vendor/jquery.js';
import { t } from '../i18n.js';
import { addTask } from '../scheduler.js';
import { make, icon, setAttribute, setText } from '../ui/dom.js';
import { Rows } from './rows.js';
import { Scroll } from './scroll.js';

const HEAD = 36; // px; css/console.css has the same
const ROW = 40;
const TOUCH_ROW = 48;
const OVERSCAN = 3;
const MARK = 40; // px, the column of boxes
const EDGE = 12; // px more at the right edge
const SHRINK = 0.64; // how narrow a column of texts may get
const SETTLE = 150; // ms without scrolling

const leastOf = ({ width, least, numeric }) => least ?? Math.round(numeric ? width : width * SHRINK);

const touch = matchMedia('(pointer: coarse)');

export class Grid {
  marks = new Set(); // keys
  #opt;
  #columns = [];
  #sort;
  #rows;
  #scroll = new Scroll(ROW);
  #slots = [];
  #active = -1;
  #anchor = -1;
  #open = null; // key
  #task;
  #idle = 0;
  #size = new ResizeObserver(() => this.#fit());

  // opt: label, testid; columns: [{name, title, width, least (how narrow it may get), numeric, weight, sort, show(row)}]: those with the
  // greatest weight go first when there is no room; sort: '-waiting'; load(sort)(offset, limit, signal); keyOf(row); empty(): what is said when there are no rows;
  // marks: whether rows can be marked; onOpen(row), onMarks(), onSort(sort), onTotal(total), onError(error or null)
  constructor(opt) {
    this.#opt = opt;
    this.#sort = opt.sort ?? '';
    this.#rows = new Rows((...args) => opt.load(this.#sort, ...args), () => this.#loaded());
    this.$root = make('div', 'grid').attr({ role: 'grid', tabindex: 0, 'aria-label': opt.label, 'data-testid': opt.testid });
    this.$head = make('div', 'grid-row grid-head').attr('role', 'row');
    this.$space = make('div', 'grid-space').attr('role', 'rowgroup');
    this.$note = make('div', 'grid-note').attr({ role: 'status', 'data-testid': `${opt.testid}-note` });
    this.$frame = make('div', 'grid-frame').append(this.$root.append(make('div', 'grid-heads').attr('role', 'rowgroup').append(this.$head), this.$space), this.$note);
    if (opt.marks) this.$root.attr('aria-multiselectable', true);
    this.#task = addTask(() => this.#render());
    this.$root.on('scroll', () => this.#scrolled()).on('keydown', (e) => this.#key(e)).on('focus', () => this.#focused());
    this.$space.on('click', '.grid-row', (e) => this.#click(e));
    this.#size.observe(this.$root[0]);
  }

  get total() {
    return this.#rows.total;
  }

  get sort() {
    return this.#sort;
  }

  // reload begins the list anew, from its first row.
  reload() {
    this.#rows.drop();
    this.#active = this.#anchor = -1;
    this.#scroll.top = 0;
    this.$root[0].scrollTop = 0;
    this.#task.request();
  }

  // refresh fetches anew what is in sight.
  refresh() {
    const { first, last } = this.#sight();
    return this.#rows.refresh(first, last);
  }

  // show marks a row as the open one; null: none is.
  show(key) {
    this.#open = key;
    this.#task.request();
  }

  // find returns the row with a key, if it is here.
  find(key) {
    return this.#rows.at(this.#rows.find((row) => this.#opt.keyOf(row) === key));
  }

  goTo(position) {
    if (!this.total) return;
    this.#activate(position);
    this.focus();
  }

  focus() {
    this.$root[0].focus({ preventScroll: true });
  }

  unmark() {
    if (!this.marks.size) return;
    this.marks.clear();
    this.#opt.onMarks?.();
    this.#task.request();
  }

  // forget takes what is gone off the marks.
  forget(keys) {
    for (const key of keys) this.marks.delete(key);
    this.#opt.onMarks?.();
    this.#task.request();
  }

  close() {
    this.#rows.drop();
    this.#size.disconnect();
    clearTimeout(this.#idle);
    this.#task.end();
    this.$frame.remove();
  }

  // ---- columns

  // #fit chooses the columns that there is room for.
  #fit() {
    const room = this.$root[0].clientWidth - (this.#opt.marks ? MARK : 0);
    if (room <= 0) return;
    const columns = [...this.#opt.columns];
    const width = () => columns.reduce((sum, c) => sum + leastOf(c), EDGE);
    while (width() > room && columns.length > 2) {
      const heaviest = columns.reduce((worst, c) => ((c.weight ?? 0) > (worst.weight ?? 0) ? c : worst), columns[0]);
      columns.splice(columns.indexOf(heaviest), 1);
    }
    const names = columns.map((c) => c.name).join();
    if (names !== this.#columns.map((c) => c.name).join()) {
      this.#columns = columns;
      this.#buildHead();
      for (const slot of this.#slots) slot.$row.remove();
      this.#slots = [];
    }
    const tight = width() > room; // the last two columns share what there is
    const tracks = columns.map((c, k) => (c.numeric ? `${c.width + (k === columns.length - 1 ? EDGE : 0)}px` : `minmax(${tight ? 0 : leastOf(c)}px, ${c.width}fr)`));
    this.$root[0].style.setProperty('--tracks', [...(this.#opt.marks ? [`${MARK}px`] : []), ...tracks].join(' '));
    this.#render(); // at once: without its rows, the grid would name an active one that is not there
  }

  #buildHead() {
    this.$head.empty();
    if (this.#opt.marks) this.$head.append(make('div', 'grid-cell').attr('role', 'columnheader').append(make('span', 'sr-only', t('console.selected'))));
    for (const column of this.#columns) {
      const $cell = make('div', column.numeric ? 'grid-cell numeric' : 'grid-cell').attr({ role: 'columnheader', 'data-column': column.name }).appendTo(this.$head);
      if (!column.sort) {
        $cell.append(make('span', 'grid-title', column.title)).attr('title', column.title);
        continue;
      }
      make('button', 'grid-sort').attr({ type: 'button', 'data-testid': `sort-${column.name}`, title: column.title })
        .append(make('span', '', column.title), icon('chevron')).appendTo($cell).on('click', () => this.#sortBy(column));
    }
    this.#showSort();
  }

  // A column of numbers begins with the greatest.
  #sortBy({ sort, numeric }) {
    const [first, second] = numeric ? [`-${sort}`, sort] : [sort, `-${sort}`];
    this.#sort = this.#sort === first ? second : first;
    this.#showSort();
    this.#opt.onSort?.(this.#sort);
    this.reload();
  }

  #showSort() {
    for (const cell of this.$head.children()) {
      const column = this.#columns.find((c) => c.name === cell.dataset.column);
      if (!column?.sort) continue;
      setAttribute(cell, 'aria-sort', this.#sort === column.sort ? 'ascending' : this.#sort === `-${column.sort}` ? 'descending' : 'none');
    }
  }

  // ---- rows

  #loaded() {
    const { total, error } = this.#rows;
    this.#opt.onError?.(error);
    if (total !== null) this.#opt.onTotal?.(total);
    this.#task.request();
  }

  #sight() {
    const height = Math.max(0, this.$root[0].clientHeight - HEAD);
    return { first: this.#scroll.first, last: this.#scroll.first + Math.ceil(height / this.#scroll.row) };
  }

  #render() {
    const root = this.$root[0];
    if (!root.clientHeight) return;
    const { total } = this.#rows;
    this.#scroll.resize(total ?? 0, root.clientHeight - HEAD, touch.matches ? TOUCH_ROW : ROW);
    const height = `${this.#scroll.height}px`;
    if (this.$space[0].style.height !== height) this.$space[0].style.height = height;
    const { first, last } = this.#sight();
    this.#rows.want(first, last);
    const room = last - first + 1 + 2 * OVERSCAN;
    while (this.#slots.length < room) this.#slots.push(this.#makeSlot(this.#slots.length));
    const from = Math.max(0, first - OVERSCAN);
    const size = this.#slots.length;
    for (let k = 0; k < size; k++) {
      const position = from + ((k - from % size) + size) % size; // a position keeps its element while it is in sight
      this.#fill(this.#slots[k], position < (total ?? 0) ? position : -1);
    }
    setAttribute(root, 'aria-rowcount', (total ?? 0) + 1);
    this.#renderNote(total);
    this.#renderActive();
  }

  #renderNote(total) {
    const { error } = this.#rows;
    let text = total === 0 ? this.#opt.empty() : '';
    if (total === null) text = error ? t('console.failed', { reason: error.message }) : t('console.loading');
    this.$note.prop('hidden', !text).attr('data-tone', total === null && error ? 'bad' : '');
    setText(this.$note[0], text);
  }

  #makeSlot(k) {
    const $row = make('div', 'grid-row').attr({ role: 'row', id: `${this.#opt.testid}-${k}`, 'data-testid': `${this.#opt.testid}-row` });
    if (this.#opt.marks) $row.append(make('div', 'grid-cell grid-mark').attr('role', 'gridcell').append(make('span', 'tick')));
    const cells = this.#columns.map((column) => {
      const $cell = make('div', column.numeric ? 'grid-cell numeric' : 'grid-cell').attr({ role: 'gridcell', 'data-column': column.name }).appendTo($row);
      return $cell[0];
    });
    $row.appendTo(this.$space);
    return { $row, element: $row[0], cells, position: -1, row: undefined };
  }

  #fill(slot, position) {
    const { element } = slot;
    slot.position = position;
    element.hidden = position < 0;
    if (position < 0) return;
    const transform = `translateY(${this.#scroll.yOf(position, this.$root[0].scrollTop)}px)`;
    if (element.style.transform !== transform) element.style.transform = transform;
    const row = this.#rows.at(position);
    const key = row && this.#opt.keyOf(row);
    setAttribute(element, 'aria-rowindex', position + 2);
    setAttribute(element, 'data-key', key ?? '');
    element.classList.toggle('waiting', !row);
    setAttribute(element, 'aria-current', row !== undefined && key === this.#open);
    if (this.#opt.marks) setAttribute(element, 'aria-selected', row !== undefined && this.marks.has(key));
    if (slot.row === row) return;
    slot.row = row;
    this.#columns.forEach((column, k) => {
      const shown = row ? column.show(row) : '';
      const text = typeof shown === 'string' ? shown : shown.text;
      setText(slot.cells[k], text);
      setAttribute(slot.cells[k], 'data-tone', shown.tone ?? '');
      setAttribute(slot.cells[k], 'title', column.numeric ? '' : text.slice(0, 300));
    });
  }

  #scrolled() {
    this.#scroll.moved(this.$root[0].scrollTop);
    this.#task.request();
    clearTimeout(this.#idle);
    this.#idle = setTimeout(() => {
      this.$root[0].scrollTop = this.#scroll.settled();
      this.#task.request();
    }, SETTLE);
  }

  // ---- keyboard and pointer

  #renderActive() {
    let found = '';
    for (const { element, position } of this.#slots) {
      const active = position >= 0 && position === this.#active;
      element.classList.toggle('active', active);
      if (active) found = element.id;
    }
    if (found) setAttribute(this.$root[0], 'aria-activedescendant', found);
    else this.$root[0].removeAttribute('aria-activedescendant');
  }

  #focused() {
    if (this.#active >= 0 || !this.$root[0].matches(':focus-visible')) return;
    const open = this.#open === null ? -1 : this.#rows.find((row) => this.#opt.keyOf(row) === this.#open);
    this.#activate(open >= 0 ? open : this.#scroll.first);
  }

  #activate(position) {
    if (!this.total) return;
    this.#active = Math.max(0, Math.min(this.total - 1, position));
    this.$root[0].scrollTop = this.#scroll.reveal(this.#active);
    this.#task.request();
  }

  #key(e) {
    if (e.target !== this.$root[0] || e.altKey || e.ctrlKey || e.metaKey) return;
    const page = Math.max(1, Math.floor((this.$root[0].clientHeight - HEAD) / this.#scroll.row) - 1);
    const step = { ArrowDown: 1, ArrowUp: -1, PageDown: page, PageUp: -page, Home: -Infinity, End: Infinity }[e.key];
    const row = this.#rows.at(this.#active);
    if (step !== undefined) {
      if (!e.shiftKey) this.#anchor = -1;
      else if (this.#anchor < 0) this.#anchor = this.#active;
      this.#activate(this.#active < 0 ? this.#scroll.first : this.#active + step);
      if (e.shiftKey && this.#opt.marks) this.#markTo(this.#active);
    } else if (e.key === 'Enter' && row) {
      this.#opt.onOpen(row);
    } else if (e.key === ' ' && row && this.#opt.marks) {
      this.#toggle(this.#active);
    } else {
      return;
    }
    e.preventDefault();
  }

  #click(e) {
    const slot = this.#slots.find(({ element }) => element === e.currentTarget);
    if (!slot?.row) return;
    this.#active = slot.position;
    if (this.#opt.marks && e.shiftKey && this.#anchor >= 0) this.#markTo(slot.position);
    else if (this.#opt.marks && (e.ctrlKey || e.metaKey || $(e.target).closest('.grid-mark').length)) this.#toggle(slot.position);
    else this.#opt.onOpen(slot.row);
    this.#task.request();
  }

  #toggle(position) {
    this.#anchor = position;
    const key = this.#opt.keyOf(this.#rows.at(position));
    if (!this.marks.delete(key)) this.marks.add(key);
    this.#opt.onMarks?.();
    this.#task.request();
  }

  // #markTo marks all rows from the anchor to a position, as far as they are here.
  #markTo(position) {
    const [from, to] = [this.#anchor, position].sort((a, b) => a - b);
    for (let k = Math.max(0, from); k <= to; k++) {
      const row = this.#rows.at(k);
      if (row) this.marks.add(this.#opt.keyOf(row));
    }
    this.#opt.onMarks?.();
    this.#task.request();
  }
}
