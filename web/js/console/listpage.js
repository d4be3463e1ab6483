// A list of the console with its filter, and what stands beside it.

import { t } from '../i18n.js';
import { make, button, setText } from '../ui/dom.js';
import * as api from './api.js';
import { ask } from './dialogs.js';
import { Grid } from './grid.js';
import { LISTS, columnsOf } from './lists.js';
import { action, input, searchField } from './parts.js';
import { PANELS } from './side.js';
import { SidePane } from './sidepane.js';

const TYPING = 200; // ms after the last letter
const remembered = new Map(); // section → {q, sort}: coming back finds what was left

export class ListPage {
  #section;
  #context;
  #list;
  #state;
  #typing = 0;
  #shown = null; // row beside the list

  // context: go(place), show(what, id), send(destination, retain), failed(error or null)
  constructor(section, context) {
    this.#section = section;
    this.#context = context;
    this.#list = LISTS[section];
    this.#state = remembered.get(section) ?? { q: '', sort: this.#list.sort };
    remembered.set(section, this.#state);
    this.pane = new SidePane((within) => {
      this.grid.show(null);
      if (within) this.grid.focus();
    });
    this.grid = new Grid({
      label: t(`console.${section}`), testid: section, columns: columnsOf(this.#list.columns), sort: this.#state.sort, keyOf: this.#list.keyOf, marks: this.#list.marks,
      load: (sort, ...part) => api.list(section, { sort, q: this.#state.q }, ...part),
      empty: () => t(this.#state.q ? 'console.nothingFound' : `console.none.${section}`),
      onOpen: (row) => this.#open(row), onSort: (sort) => { this.#state.sort = sort; }, onMarks: () => this.#showMarks(),
      onTotal: (total) => setText(this.$summary[0], t(this.#state.q ? 'console.found' : `console.count.${section}`, { n: total })),
      onError: context.failed,
    });
    this.$root = make('div', 'console-page').append(this.#bar(), make('div', 'console-split').append(this.grid.$frame, this.pane.$root));
  }

  #bar() {
    const label = t(this.#list.search);
    this.$search = input('console-search', { type: 'search', maxlength: 256, placeholder: label, 'aria-label': label }).val(this.#state.q);
    this.$search.on('input', () => this.#filter()).on('keydown', (e) => {
      if (e.key !== 'ArrowDown' && e.key !== 'Enter') return;
      e.preventDefault();
      this.grid.focus();
    });
    this.$summary = make('p', 'console-summary').attr({ role: 'status', 'data-testid': 'console-summary' });
    this.$marks = make('div', 'console-marks').prop('hidden', true);
    if (this.#list.marks) {
      this.$marked = make('span', 'console-marked');
      this.$clear = action('marks-clear-retained', 'trash', t('console.clear', { n: 0 }), () => this.#clearMarked());
      this.$marks.append(
        this.$marked, this.$clear,
        button('button', null, t('marks.clear')).attr('data-testid', 'marks-none').on('click', () => {
          this.grid.unmark();
          this.grid.focus();
        }),
      );
    }
    const $key = make('kbd', 'search-key', '/').attr('aria-hidden', true);
    return make('div', 'console-bar').append(searchField('div', this.$search, $key), this.$summary, this.$marks);
  }

  focusSearch() {
    this.$search.trigger('focus').trigger('select');
  }

  async refresh() {
    await this.grid.refresh();
    if (!this.pane.isOpen) return;
    this.#shown = this.grid.find(this.pane.key) ?? this.#shown;
    await this.pane.update(this.#panel(this.#shown));
  }

  // escape closes what is open; false: nothing is.
  escape() {
    if (this.pane.isOpen) this.pane.close();
    else if (this.grid.marks.size) this.grid.unmark();
    else return false;
    return true;
  }

  close() {
    clearTimeout(this.#typing);
    this.grid.close();
  }

  // openRow opens what a link inside the console leads to.
  openRow(row) {
    this.#open(row);
  }

  #filter() {
    clearTimeout(this.#typing);
    this.#typing = setTimeout(() => {
      this.#state.q = this.$search.val().trim();
      this.grid.reload();
    }, TYPING);
  }

  #open(row) {
    if (this.#list.opens) {
      this.#context.go({ section: this.#section, ref: this.#list.opens(row) });
      return;
    }
    const key = this.#list.keyOf(row);
    this.#shown = row;
    this.grid.show(key);
    this.pane.open(key, this.#panel(row));
  }

  #panel(row) {
    return PANELS[this.#section](row, {
      close: () => this.pane.close(), changed: () => this.grid.refresh(), show: this.#context.show, send: this.#context.send,
    });
  }

  #showMarks() {
    const n = this.grid.marks.size;
    this.$marks.prop('hidden', n === 0);
    this.$summary.prop('hidden', n > 0);
    this.$marked?.text(t('marks.count', { n }));
    this.$clear?.children('span').text(t('console.clear', { n }));
  }

  #clearMarked() {
    const topics = [...this.grid.marks].slice(0, 1000); // the most that one request may name
    ask({
      title: t('console.clearSure', { n: topics.length }), lead: t('console.clearWhy'), yes: t('console.clear', { n: topics.length }),
      act: async () => {
        await api.clearRetained(topics);
        this.grid.forget(topics);
        this.pane.close();
        await this.grid.refresh();
      },
    });
  }
}
