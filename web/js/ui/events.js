// The feed of events, newest first, of the kinds that are wanted. Bounded; screen readers hear a digest, not every line of a busy fleet.

import $ from '../../vendor/jquery.js';
import { t, onLang } from '../i18n.js';
import { addTask } from '../scheduler.js';
import { remember, recall } from '../remember.js';
import * as format from '../format.js';
import { KINDS, wording } from '../eventtext.js';
import { EventLog, GROUPS } from '../eventlog.js';
import { colourOf } from './alerts.js';
import { make, icon, setAttribute } from './dom.js';

const MOST = 200;
const ANNOUNCE_EVERY = 4000; // ms
const ICONS = { online: 'in', offline: 'out', lastwill: 'lost', alert: 'alert', text: 'text', payload: 'payload', removed: 'close' };
const GROUP_ICONS = { presence: 'in', lastwill: 'lost', text: 'text', alert: 'alert', payload: 'payload' };

export class Events {
  count = 0; // of those that are shown
  #log = new EventLog();
  #unseen = 0;
  #lastSeq = 0;
  #unannounced = 0;
  #last = null; // event
  #open;
  #list = $('#events-list');
  #filter = $('#events-filter');
  #draw;
  #announce;

  constructor({ onOpen }) {
    this.#open = onOpen;
    this.#draw = addTask(() => this.#render(), 250);
    this.#announce = addTask(() => this.#say(), ANNOUNCE_EVERY);
    $('#events-toggle').on('click', () => this.#toggle(!this.#expanded()));
    this.#list.on('click', 'button.event', (e) => this.#open(e.currentTarget.dataset.device)).on('keydown', (e) => this.#key(e));
    for (const name of Object.keys(GROUPS)) {
      make('button', 'event-group').attr({ type: 'button', 'data-group': name, 'data-testid': `events-${name}` }).append(icon(GROUP_ICONS[name])).appendTo(this.#filter)
        .on('click', () => this.#show(name));
    }
    onLang(() => this.#rebuild());
    this.#toggle(recall('events') !== 'closed');
    this.#rebuild();
  }

  // add takes an event of the feed; one that was replayed after a reconnect is not taken twice.
  add(event) {
    if (event.seq <= this.#lastSeq) return;
    this.#lastSeq = event.seq;
    this.#log.add(event); // at once: nothing is drawn while the page is hidden
    this.#last = event;
    this.#unannounced++;
    if (!this.#expanded() && this.#log.shows(event)) this.#unseen++;
    this.#draw.request();
    this.#announce.request();
  }

  clear() {
    this.#log.clear();
    this.#last = null;
    this.#lastSeq = 0;
    this.#unannounced = 0;
    this.#rebuild();
  }

  #expanded() {
    return $('#events-toggle').attr('aria-expanded') === 'true';
  }

  #toggle(open) {
    $('#events-toggle').attr('aria-expanded', open);
    remember('events', open ? 'open' : 'closed');
    this.#unseen = 0;
    this.#badge();
  }

  // #show shows a group, too, or not; all when none is chosen.
  #show(name) {
    this.#log.toggle(name);
    this.#rebuild();
  }

  #rebuild() {
    for (const element of this.#filter.children()) {
      const { group } = element.dataset;
      setAttribute(element, 'aria-pressed', this.#log.shown.has(group));
      for (const attribute of ['aria-label', 'title']) setAttribute(element, attribute, t(`events.group.${group}`));
    }
    const events = this.#log.list();
    this.count = events.length;
    this.#list.empty().append(events.map((event) => this.#item(event)).reverse());
    if (!events.length) this.#list.append(make('li', 'events-none', t(this.#log.size ? 'events.noneOfKind' : 'events.none')));
  }

  #render() {
    const fresh = this.#log.take();
    this.#badge();
    if (!fresh.length) return;
    this.#list.children('.events-none').remove();
    const atTop = this.#list[0].scrollTop < 8;
    const before = this.#list[0].scrollHeight;
    this.#list.prepend(fresh.map((event) => this.#item(event)).reverse());
    this.#list.children().slice(MOST).remove();
    // Somebody who reads further down keeps what they read in place.
    if (!atTop) this.#list[0].scrollTop += this.#list[0].scrollHeight - before;
    this.count = this.#list.children().length;
  }

  #item(event) {
    const { kind, device, at } = event;
    const { title, why } = wording(event);
    const $text = make('span', 'event-text');
    if (device) $text.append(make('b', '', device), document.createTextNode(' '));
    $text.append(document.createTextNode(title));
    if (why) $text.append(this.#why(why, event.params?.color));
    const time = make('time', '', format.clock(at)).attr('datetime', new Date(at).toISOString());
    const $event = make(device ? 'button' : 'div', 'event').attr({ 'data-kind': kind, 'data-testid': 'event' })
      .append(icon(KINDS.includes(kind) ? ICONS[kind] : 'events'), $text, time);
    if (device) $event.attr({ type: 'button', tabindex: -1, 'data-device': device });
    return make('li').append($event);
  }

  // #key moves the keyboard among the events that lead to a device. For the tabulator the list is one stop: behind it comes the map.
  #key(e) {
    const events = this.#list.find('button.event');
    const at = events.index(e.target); // -1: the list itself
    const next = events[{ ArrowDown: at + 1, ArrowUp: at - 1, Home: 0, End: events.length - 1 }[e.key]];
    if (!next) return;
    e.preventDefault();
    next.focus();
  }

  #why(why, colour) {
    const $why = make('span', 'event-detail');
    if (colour) $why.append(make('span', 'event-colour').css('background-color', colourOf(colour)));
    return $why.append(document.createTextNode(why));
  }

  #badge() {
    $('#events-badge').prop('hidden', this.#unseen === 0).text(this.#unseen > 99 ? '99+' : this.#unseen);
  }

  #say() {
    const last = this.#last;
    if (!last || !this.#unannounced) return;
    const text = `${last.device ?? ''} ${wording(last).title}`;
    $('#announcer').text(this.#unannounced > 1 ? t('events.announce', { n: this.#unannounced, text }) : text);
    this.#unannounced = 0;
  }
}
