// The broker's console: what is in it, who is connected to it, and what an operator does with that. Everything is read from the API, page
// by page; what is in sight is asked for anew every two seconds.

import { addTexts, t, onLang } from '../i18n.js';
import { make, button } from '../ui/dom.js';
import { openSend } from './send.js';
import { ListPage } from './listpage.js';
import { SECTIONS, format, parse } from './place.js';
import { QueuePage } from './queuepage.js';
import * as api from './api.js';
import en from '../i18n/console.en.js';
import ko from '../i18n/console.ko.js';

addTexts({ en, ko });

const EVERY = 2000; // ms
const SPARE = 10; // of the time, at most one part in so many is spent waiting for answers,
const LATEST = 10_000; // ms, but one slow answer does not let the page stand still for longer

export class Console {
  visible = false;
  #context;
  #place = parse('');
  #page = null;
  #timer = 0;
  #failed = false;

  // context: $root, feed, onPlace(text), wire(client), notify(text)
  constructor(context) {
    this.#context = context;
    context.feed.addEventListener('state', () => this.#connected());
    onLang(() => this.#build());
    document.addEventListener('visibilitychange', () => this.#connected());
    this.#build();
  }

  get place() {
    return format(this.#place);
  }

  show(visible) {
    this.visible = visible;
    this.#plan(0);
  }

  // open goes to a place as the address bar has it.
  open(text) {
    const place = parse(text);
    if (format(place) !== this.place) this.#go(place);
  }

  focusSearch() {
    this.#page.focusSearch();
  }

  escape() {
    return this.#page.escape();
  }

  refresh() {
    return this.#page.refresh();
  }

  #go(place) {
    const back = this.#place.ref !== null && place.ref === null;
    this.#place = place;
    this.#open();
    this.#context.onPlace();
    if (place.ref) this.#page.$root.find('h3')[0].focus({ preventScroll: true });
    else if (back) this.#page.grid.focus();
  }

  #build() {
    this.$state = make('p', 'console-state').attr({ role: 'status', 'data-testid': 'console-state' });
    this.$tabs = make('nav', 'console-tabs').attr('aria-label', t('console.sections')).append(SECTIONS.map((name) => (
      make('button', 'console-tab', t(`console.${name}`)).attr({ type: 'button', 'data-section': name, 'data-testid': `console-${name}` })
        .on('click', () => this.#go({ section: name, ref: null }))
    )));
    this.$body = make('div', 'console-content');
    this.#context.$root.empty().append(
      make('div', 'console-top').append(
        make('h2', '', t('console.title')),
        button('button button-primary operator', 'send', t('console.sendOne')).attr('data-testid', 'console-send').on('click', () => this.#send()),
      ),
      this.$tabs, this.$state, this.$body,
    );
    this.#open();
  }

  #open() {
    this.#page?.close();
    const { section, ref } = this.#place;
    for (const element of this.$tabs.children()) {
      if (element.dataset.section === section) element.setAttribute('aria-current', 'page');
      else element.removeAttribute('aria-current');
    }
    this.$tabs.children('[aria-current]')[0].scrollIntoView({ block: 'nearest', inline: 'nearest' });
    const context = {
      go: (place) => this.#go(place), show: (what, id) => this.#lead(what, id), send: (to, retain) => this.#send(to, retain), notify: this.#context.notify,
      failed: (err) => this.#told(err),
    };
    this.#page = ref ? new QueuePage(ref, context) : new ListPage(section, context);
    this.$body.empty().append(this.#page.$root);
    this.#plan(EVERY);
  }

  // #lead goes to a connection of the list, or to what crosses the wire of a client.
  async #lead(what, id) {
    if (what === 'wire') {
      this.#context.wire(id);
      return;
    }
    const row = await api.connection(id).catch(() => null);
    if (!row) {
      this.#context.notify(t('console.connectionGone'));
      return;
    }
    this.#go({ section: 'connections', ref: null });
    this.#page.openRow(row);
  }

  #send(destination, retain) {
    openSend({ destination, retain, sent: () => this.refresh() });
  }

  // ---- staying up to date

  #live() {
    return this.visible && !document.hidden && this.#context.feed.state === 'live';
  }

  #connected() {
    this.#told(null);
    if (this.#live()) this.#plan(0);
  }

  #plan(ms) {
    clearTimeout(this.#timer);
    if (this.#live()) this.#timer = setTimeout(() => this.#tick(), ms);
  }

  async #tick() {
    const began = performance.now();
    const page = this.#page;
    await page.refresh().catch((err) => this.#told(err));
    if (page === this.#page) this.#plan(Math.max(EVERY, Math.min(LATEST, SPARE * (performance.now() - began))));
  }

  #told(err) {
    const offline = this.#context.feed.state !== 'live';
    if (!err && !offline && !this.#failed) return;
    this.#failed = Boolean(err) || offline;
    this.$state.text(offline ? t('console.offline') : err ? t('console.failed', { reason: err.message }) : '');
  }
}
