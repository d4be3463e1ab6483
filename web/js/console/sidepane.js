// The pane beside a list, and what is in it.

import { t } from '../i18n.js';
import { make } from '../ui/dom.js';
import { closeButton } from './parts.js';

export class SidePane {
  $root = make('aside', 'console-side').attr({ 'data-testid': 'console-side', 'aria-label': t('console.details') }).prop('hidden', true);
  key = null; // of what is shown
  #closed;
  #turn = 0;

  // closed(within) is called when the pane is closed; within: the keyboard was in it.
  constructor(closed) {
    this.#closed = closed;
    this.$root.on('keydown', (e) => {
      if (e.key !== 'Escape') return;
      e.stopPropagation();
      this.close();
    });
  }

  get isOpen() {
    return this.key !== null;
  }

  // open shows what a promise brings; what has been opened since comes first, and the keyboard stays where it has gone since.
  async open(key, contents) {
    const turn = ++this.#turn;
    const held = document.activeElement;
    const again = this.key === key;
    this.key = key;
    const slow = setTimeout(() => this.#fill(turn, [this.#words(t('console.loading'))]), 150);
    try {
      const parts = await contents;
      this.#fill(turn, parts);
      if (turn === this.#turn && !again && [held, document.body].includes(document.activeElement)) this.$root.find('h3')[0]?.focus({ preventScroll: true });
    } catch (err) {
      this.#fill(turn, [err.status === 404 ? this.#words(t('console.gone')) : this.#words(t('console.failed', { reason: err.message }), 'bad')]);
    } finally {
      clearTimeout(slow);
    }
  }

  // update brings the counts at the top up to date, and leaves the rest, where somebody may be reading, alone.
  async update(contents) {
    const turn = this.#turn;
    try {
      const fresh = (await contents).filter(Boolean).map(($part) => $part[0]).find((element) => element.matches('.console-facts'));
      if (turn === this.#turn && fresh) this.$root.children('.console-facts').first().replaceWith(fresh);
    } catch (err) {
      if (err.status === 404) this.#fill(turn, [this.$root.children('header'), make('p', 'console-quiet', t('console.gone'))]);
    }
  }

  // #words stand where there is nothing to show. They can be closed, too: on a phone they cover the list.
  #words(text, tone = '') {
    return make('header', 'console-side-head').append(make('div').append(make('p', 'console-quiet', text).attr('data-tone', tone)), closeButton(() => this.close()));
  }

  #fill(turn, parts) {
    if (turn !== this.#turn) return;
    const kept = parts.filter(Boolean).map(($part) => $part.detach());
    this.$root.prop('hidden', false).empty().append(kept).scrollTop(0);
  }

  close() {
    if (!this.isOpen) return;
    this.#turn++;
    this.key = null;
    const within = this.$root[0].contains(document.activeElement);
    this.$root.prop('hidden', true).empty();
    this.#closed(within);
  }
}
