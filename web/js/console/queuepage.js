// A queue, or what a durable subscription keeps: its counts, its messages, who consumes it, and what an operator can do with it.

import { t } from '../i18n.js';
import { make, button, icon, setAttribute, setText } from '../ui/dom.js';
import * as api from './api.js';
import { ask, askTarget, sweep } from './dialogs.js';
import { Grid } from './grid.js';
import { MESSAGE_COLUMNS, columnsOf } from './lists.js';
import { action, input, searchField } from './parts.js';
import { deadFor } from './place.js';
import { message, subscribersSection } from './side.js';
import { SidePane } from './sidepane.js';
import { Search } from './steps.js';
import * as units from './units.js';

const STATS = ['waiting', 'unacknowledged', 'consumers', 'enqueued', 'delivered', 'consumed', 'expired', 'dead', 'removed', 'bytes'];
const TONES = { expired: 'warn', dead: 'bad' };
const AT_ONCE = 1000; // messages that one request may name

export class QueuePage {
  grid = null;
  #ref;
  #context;
  #state = 'waiting'; // or 'unacknowledged', 'consumers'
  #info = null;
  #search = null; // what is looked for
  #stats = {};
  #end = null; // the button that ends it
  #$consumers = make('div', 'console-consumers').attr({ 'data-testid': 'consumers', tabindex: 0, role: 'region', 'aria-label': t('console.consumers') });

  constructor(ref, context) {
    this.#ref = ref;
    this.#context = context;
    this.pane = new SidePane((within) => {
      this.grid.show(null);
      if (within) this.grid.focus();
    });
    this.$split = make('div', 'console-split');
    this.$root = make('div', 'console-page').append(this.#head(), this.#counts(), this.#bar(), this.$split);
    this.#list();
  }

  get destination() {
    return this.#ref.durable ? '' : `/queue/${this.#ref.queue}`;
  }

  #head() {
    const { queue, client, durable } = this.#ref;
    const $back = make('button', 'tool').attr({ type: 'button', 'aria-label': t('console.back'), title: t('console.back'), 'data-testid': 'console-back' })
      .append(icon('back')).on('click', () => this.#context.go({ section: durable ? 'durables' : 'queues', ref: null }));
    const home = deadFor(this.#ref);
    return make('div', 'console-head').append(
      $back,
      make('div', 'console-title').append(
        make('p', 'console-kind', durable ? t('console.durableOf', { client }) : t('console.queue')),
        make('h3', 'console-name', durable || queue).attr({ 'data-testid': 'queue-name', tabindex: -1 }),
      ),
      make('div', 'console-actions').append(
        this.destination ? action('queue-send', 'send', t('console.send'), () => this.#context.send(this.destination)) : null,
        home ? action('queue-retry', 'again', t('console.retryAll'), () => this.#moveAll(home), 'button button-primary') : null,
        action('queue-move', 'forward', t('console.moveAll'), () => this.#askMoveAll()),
        action('queue-purge', 'trash', t('console.purge'), () => this.#purge()),
        this.#end = durable ? action('durable-end', 'close', t('console.endDurable'), () => this.#endDurable())
          : action('queue-forget', 'close', t('console.forget'), () => this.#forget()).prop('hidden', true),
      ),
    );
  }

  #counts() {
    const $counts = make('dl', 'console-stats').attr('data-testid', 'queue-counts');
    for (const name of STATS) {
      const $value = make('dd', '', '–').attr('data-testid', `count-${name}`);
      make('div').append(make('dt', '', t(`console.${name}`)), $value).appendTo($counts);
      this.#stats[name] = $value[0];
    }
    return $counts;
  }

  #bar() {
    const states = ['waiting', 'unacknowledged', ...(this.#ref.durable ? [] : ['consumers'])];
    this.$states = make('div', 'segmented').attr({ role: 'group', 'aria-label': t('console.show') }).append(states.map((state) => {
      const attributes = { type: 'button', 'data-state': state, 'aria-pressed': state === this.#state, 'data-testid': `show-${state}` };
      return make('button', '', t(`console.show.${state}`)).attr(attributes).on('click', () => this.#turn(state));
    }));
    const goTo = t('console.goTo');
    const $to = input('go-to', { inputmode: 'numeric', 'aria-label': goTo, placeholder: goTo });
    this.$goTo = make('form', 'console-goto').append($to).on('submit', (e) => {
      e.preventDefault();
      const position = Number($to.val().replace(/\D/g, ''));
      if (!(position > 0)) return;
      $to.val('');
      this.grid.goTo(position - 1);
    });
    const findMessage = t('console.findMessage');
    this.$find = input('find-message', { type: 'search', maxlength: 256, placeholder: findMessage, 'aria-label': findMessage });
    this.$finding = searchField('form', this.$find).addClass('console-find').on('submit', (e) => {
      e.preventDefault();
      this.#find(this.$find.val());
      this.grid.focus();
    }).on('input', () => { if (!this.$find.val() && this.#search) this.#find(''); });
    this.$summary = make('p', 'console-summary').attr({ role: 'status', 'data-testid': 'found' });
    this.$marked = make('span', 'console-marked').attr('data-testid', 'marked');
    const home = deadFor(this.#ref);
    this.$marks = make('div', 'console-marks').prop('hidden', true).append(
      this.$marked,
      home ? action('marks-retry', 'again', t('console.retry'), () => this.#move(this.#marked(), home)) : null,
      action('marks-move', 'forward', t('console.move'), () => this.#askMove(this.#marked())),
      action('marks-delete', 'trash', t('console.delete'), () => this.#remove(this.#marked())),
      button('button', null, t('marks.clear')).attr('data-testid', 'marks-none').on('click', () => {
        this.grid.unmark();
        this.grid.focus();
      }),
    );
    return make('div', 'console-bar').append(this.$states, this.$finding, this.$goTo, this.$summary, this.$marks);
  }

  // ---- what is shown

  #list() {
    this.grid?.close();
    const waiting = this.#state === 'waiting';
    this.grid = new Grid({
      label: t(`console.show.${waiting ? 'waiting' : 'unacknowledged'}`), testid: 'messages',
      columns: columnsOf(MESSAGE_COLUMNS), keyOf: ({ key }) => key, marks: waiting,
      load: (_, ...part) => this.#load(...part),
      empty: () => t(this.#search ? (this.#search.running ? 'console.searching' : 'console.nothingFound') : waiting ? 'console.none.messages' : 'console.none.held'),
      onOpen: (row) => this.#open(row), onMarks: () => this.#showMarks(), onError: this.#context.failed,
    });
    this.$split.children().detach();
    this.$split.append(this.grid.$frame, this.#$consumers, this.pane.$root);
    this.grid.$frame.prop('hidden', this.#state === 'consumers');
    this.#$consumers.prop('hidden', this.#state !== 'consumers');
  }

  async #load(...part) {
    if (this.#search) return this.#loadFound(...part);
    const answer = await api.messages(this.#ref, this.#state, ...part);
    this.#show(answer.queue);
    return answer;
  }

  // ---- what is looked for

  async #loadFound(offset, limit) {
    const { found } = this.#search;
    this.#show(await api.queue(this.#ref));
    return { rows: found.slice(offset, offset + limit), total: found.length };
  }

  // #find shows the messages that say something; '': all.
  #find(text) {
    this.#search?.stop();
    this.#search = null;
    this.pane.close();
    this.grid.unmark();
    setText(this.$summary[0], text ? t('console.searching') : '');
    if (text) {
      const search = this.#search = new Search((after) => api.search(this.#ref, text, after));
      const found = () => { if (search === this.#search) this.#found(); };
      search.run(found).then(found);
    }
    this.$goTo.prop('hidden', text !== '');
    this.grid.reload();
  }

  #found() {
    const { found, running, full, error } = this.#search;
    setText(this.$summary[0], error ? t('console.failed', { reason: error.message }) : running ? t('console.searching')
      : t(full ? 'console.foundFirst' : 'console.found', { n: found.length }));
    this.grid.refresh();
  }

  #show(info) {
    this.#info = info;
    for (const name of STATS) {
      const element = this.#stats[name];
      setText(element, name === 'bytes' ? units.bytes(info[name]) : units.count(info[name]));
      setAttribute(element, 'data-tone', info[name] ? TONES[name] ?? '' : 'none');
    }
    const empty = info.waiting + info.unacknowledged === 0;
    this.$root.find('[data-testid=queue-purge], [data-testid=queue-move], [data-testid=queue-retry]').prop('disabled', info.waiting === 0);
    if (this.#ref.durable) this.#end.prop('disabled', info.consumers > 0);
    else this.#end.prop('hidden', !empty || info.consumers > 0);
  }

  async refresh() {
    if (this.#state !== 'consumers') return this.grid.refresh();
    const [info, subscribers] = await Promise.all([api.queue(this.#ref), api.list('subscriptions', { destination: this.destination, sort: 'client' }, 0, 200)]);
    this.#show(info);
    this.#$consumers.empty().append(subscribersSection(t('console.consumers'), subscribers, t('console.noConsumers')));
    return undefined;
  }

  #turn(state) {
    this.#state = state;
    for (const element of this.$states.children()) element.setAttribute('aria-pressed', element.dataset.state === state);
    this.$find.val('');
    this.#find('');
    this.$goTo.add(this.$finding).prop('hidden', state !== 'waiting');
    this.$marks.prop('hidden', true);
    this.#list();
    if (state === 'consumers') this.refresh().catch(this.#context.failed);
  }

  focusSearch() {
    this.$find.trigger('focus').trigger('select');
  }

  escape() {
    if (this.pane.isOpen) this.pane.close();
    else if (this.grid.marks.size) this.grid.unmark();
    else if (this.#search) {
      this.$find.val('');
      this.#find('');
    } else this.#context.go({ section: this.#ref.durable ? 'durables' : 'queues', ref: null });
    return true;
  }

  close() {
    this.#search?.stop();
    this.#search = null;
    this.grid.close();
  }

  #open(row) {
    this.grid.show(row.key);
    this.pane.open(row.key, message(row, {
      ref: this.#ref, close: () => this.pane.close(), remove: (keys) => this.#remove(keys), move: (keys) => this.#askMove(keys),
    }));
  }

  #marked() {
    return [...this.grid.marks];
  }

  #showMarks() {
    const n = this.grid.marks.size;
    this.$marks.prop('hidden', n === 0);
    this.$goTo.prop('hidden', n > 0 || this.#search !== null);
    this.$finding.add(this.$summary).prop('hidden', n > 0);
    this.$marked.text(t('marks.count', { n }));
  }

  // ---- what is done

  // #each lets the server work on messages, as many at a time as it allows.
  async #each(keys, act) {
    for (let k = 0; k < keys.length; k += AT_ONCE) await act(keys.slice(k, k + AT_ONCE));
    this.grid.forget(keys);
    if (keys.includes(this.pane.key)) this.pane.close();
    if (this.#search) this.#search.found = this.#search.found.filter(({ key }) => !keys.includes(key));
    await this.grid.refresh();
  }

  #remove(keys) {
    ask({
      title: t('console.deleteSure', { n: keys.length }), lead: t('console.deleteWhy'), yes: t('console.deleteN', { n: keys.length }),
      act: () => this.#each(keys, (part) => api.deleteMessages(this.#ref, { keys: part })),
    });
  }

  #askMove(keys) {
    askTarget({
      title: t('console.moveSure', { n: keys.length }), lead: t('console.moveWhy'), value: deadFor(this.#ref), act: (to) => this.#move(keys, to),
    });
  }

  async #move(keys, to) {
    try {
      await this.#each(keys, (part) => api.moveMessages(this.#ref, { keys: part }, to));
      this.#context.notify(t('console.moved', { n: keys.length, to }));
    } catch (err) {
      this.#context.notify(t('console.notDone', { reason: err.message }));
      throw err;
    }
  }

  #askMoveAll() {
    askTarget({
      title: t('console.moveSure', { n: this.#info?.waiting ?? 0 }), lead: t('console.moveWhy'), value: deadFor(this.#ref),
      act: async (to) => { setTimeout(() => this.#moveAll(to)); },
    });
  }

  #moveAll(to) {
    const words = (n, running) => t(running ? 'console.movedSoFar' : 'console.moved', { n, to });
    this.#all(t('console.movingTo', { to }), words, () => api.moveMessages(this.#ref, { all: true }, to));
  }

  #purge() {
    const n = this.#info?.waiting ?? 0;
    const words = (done, running) => t(running ? 'console.deletedSoFar' : 'console.deleted', { n: done });
    ask({
      title: t('console.purgeSure', { n }), lead: t('console.purgeWhy', { name: this.#ref.durable || this.#ref.queue }), yes: t('console.deleteN', { n }), count: n,
      act: async () => {
        setTimeout(() => this.#all(t('console.purging'), words, () => api.deleteMessages(this.#ref, { all: true })));
      },
    });
  }

  #all(title, words, step) {
    sweep({
      title, total: this.#info?.waiting ?? 0, words, step, done: () => {
        this.grid.marks.clear();
        this.#showMarks();
        this.pane.close();
        this.grid.reload();
      },
    });
  }

  #forget() {
    ask({
      title: t('console.forgetSure', { name: this.#ref.queue }), lead: t('console.forgetWhy'), yes: t('console.forget'),
      act: async () => { await api.forgetQueue(this.#ref.queue); this.#context.go({ section: 'queues', ref: null }); },
    });
  }

  #endDurable() {
    const { client, durable } = this.#ref;
    ask({
      title: t('console.endDurableSure', { durable, client }), lead: t('console.endDurableWhy', { n: this.#info?.waiting ?? 0 }), yes: t('console.endDurable'),
      act: async () => { await api.endDurable({ client, durable }); this.#context.go({ section: 'durables', ref: null }); },
    });
  }
}
