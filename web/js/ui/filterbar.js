// Above the list: search, counts that filter, how many are shown, the order; and, while devices are marked, what can be done to them
// together.

import $ from '../../vendor/jquery.js';
import { t } from '../i18n.js';
import { ALL_STATUSES, SORTS } from '../order.js';
import * as format from '../format.js';
import { setAttribute, setText } from './dom.js';

export class FilterBar {
  #fleet;
  #order;
  #marks;
  #list;
  #loading;
  #onFilter;

  // onFilter: the user has changed what is shown; onWrite: wants to write to what is marked.
  constructor({ fleet, order, marks, list, loading, onFilter, onWrite }) {
    this.#fleet = fleet;
    this.#order = order;
    this.#marks = marks;
    this.#list = list;
    this.#loading = loading;
    this.#onFilter = onFilter;
    $('#search').on('input', (e) => this.#refilter(() => { order.query = e.target.value.trim(); }))
      .on('keydown', (e) => {
        if (e.key !== 'ArrowDown' && e.key !== 'Enter') return;
        e.preventDefault();
        if (order.rows.length) list.focus();
      });
    $('#counts').on('click', '.count', (e) => this.#refilter(() => order.toggleStatus(Number(e.currentTarget.dataset.status))));
    $('#filter-clear').on('click', (e) => {
      const byKeyboard = e.currentTarget.matches(':focus-visible');
      this.clearFilter();
      if (byKeyboard) list.focus(); // the button goes
    });
    $('#sort').on('change', (e) => this.#refilter(() => { order.sort = SORTS.includes(e.target.value) ? e.target.value : 'id'; }));
    $('#mark-all').on('click', () => this.markAll());
    $('#marks-write').on('click', () => onWrite());
    $('#marks-clear').on('click', () => {
      marks.clear();
      list.focus();
    });
    marks.addEventListener('change', () => this.render());
  }

  clearFilter() {
    this.#refilter(() => Object.assign(this.#order, { query: '', statuses: ALL_STATUSES }));
    $('#search').val('');
  }

  // showFilter puts a filter that came from a link into the controls.
  showFilter() {
    $('#search').val(this.#order.query);
    $('#sort').val(this.#order.sort);
    this.#refilter(() => {});
  }

  #refilter(change) {
    change();
    this.#list.refilter();
    this.#onFilter();
  }

  // markAll marks all that the filter shows; if they are, none.
  markAll() {
    const { ids } = this.#fleet;
    const shown = Array.from(this.#order.rows, (device) => ids[device]);
    this.#marks.set(shown, this.#allMarked() !== 'true');
  }

  // #allMarked returns the state of the box that stands for all shown.
  #allMarked() {
    const { rows } = this.#order;
    const { ids } = this.#fleet;
    if (!this.#marks.size || !rows.length) return 'false';
    return this.#marks.size >= rows.length && rows.every((device) => this.#marks.has(ids[device])) ? 'true' : 'mixed';
  }

  // render writes what the order, which has just been refreshed, and the marks say.
  render() {
    const { rows, filtered, statuses } = this.#order;
    const { count, counts } = this.#fleet;
    const marked = this.#marks.size;
    setText($('#list-summary')[0], marked ? t('marks.count', { n: marked }) : this.#summary(rows.length, count, filtered));
    $('#filter-clear').prop('hidden', !filtered || marked > 0);
    $('#marks').prop('hidden', !marked);
    $('.sort').prop('hidden', marked > 0);
    $('#devices').toggleClass('marking', marked > 0);
    const $all = $('#mark-all').prop('hidden', !rows.length && !marked);
    setAttribute($all[0], 'aria-checked', this.#allMarked());
    for (const element of $('#counts .count')) {
      const status = Number(element.dataset.status);
      setText(element.querySelector('b'), format.number(counts[status]));
      element.toggleAttribute('data-zero', counts[status] === 0);
      setAttribute(element, 'aria-pressed', statuses !== ALL_STATUSES && (statuses >> status & 1) === 1);
    }
  }

  #summary(shown, n, filtered) {
    if (n === 0 && this.#loading()) return '';
    return filtered ? t('list.someOf', { n, shown }) : t('list.count', { n });
  }
}
