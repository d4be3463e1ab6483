// What crosses the wire: the frames and packets of one device's own connections, or those about it of a gateway's, as they come, and one of
// them byte by byte.
//
// The server records only while somebody looks: the first request begins it, and the page asks again while it shows this.

import $ from '../../vendor/jquery.js';
import { t, onLang } from '../i18n.js';
import * as api from '../api.js';
import * as format from '../format.js';
import { pause } from '../feed/backoff.js';
import { addressOf, hexOf, parts } from '../wire.js';
import { make, icon, setAttribute, setText } from './dom.js';

const MOST = 300; // frames kept
const WAIT = 15; // s that the server may let a request wait for frames
const PAUSE = 250; // ms between two requests: a lively phone does not make one each
const RETRY = 2000; // ms after a request that failed

export class WireView {
  visible = false;
  #selection;
  #fleet;
  #frames = []; // {frame, $row}, newest last
  #chosen = null; // frame that the user looks at; null: always the newest
  #after = 0;
  #made = 0; // rows
  #running = null; // AbortController of the watch
  #list = $('#wire-list');
  #detail = $('#wire-detail');

  constructor({ selection, fleet }) {
    this.#selection = selection;
    this.#fleet = fleet;
    selection.addEventListener('change', () => this.restart());
    this.#list.on('click', '.wire-row', (e) => this.#choose([...this.#list[0].children].indexOf(e.currentTarget)))
      .on('keydown', (e) => this.#key(e));
    $('#wire-newest').on('click', () => this.#choose(-1));
    $('#wire-clear').on('click', () => this.#clear());
    onLang(() => { if (this.visible) this.restart(); });
  }

  show(visible) {
    this.visible = visible;
    $('#wire-view').prop('hidden', !visible);
    $('#stage').toggleClass('view-wire', visible);
    this.restart();
  }

  // restart begins to watch the device that is selected, from nothing; the server that numbered the frames may be another one now.
  restart() {
    this.#running?.abort();
    this.#running = null;
    this.#after = 0;
    this.#clear();
    const { id } = this.#selection;
    $('#wire-empty').prop('hidden', !this.visible || id !== null);
    $('#wire-body').prop('hidden', id === null);
    setText($('#wire-title')[0], id === null ? t('wire.title') : t('wire.of', { id }));
    setText($('#wire-state')[0], id === null ? t('wire.none') : t('wire.waiting'));
    if (this.visible && id !== null) this.#watch(id, this.#running = new AbortController());
  }

  async #watch(id, controller) {
    const { signal } = controller;
    for (let wait = 0; !signal.aborted; wait = WAIT) {
      try {
        const { frames, next, connections, gateways } = await api.wire(id, this.#after, wait, { signal });
        if (signal.aborted) return;
        this.#after = next;
        this.#add(frames);
        this.#state(id, connections, gateways);
        await pause(wait ? PAUSE : 0, signal);
      } catch (err) {
        if (signal.aborted) return;
        setText($('#wire-state')[0], t('wire.failed', { reason: err.message }));
        await pause(RETRY, signal);
      }
    }
  }

  #state(id, connections, gateways) {
    if (connections) setText($('#wire-state')[0], t('wire.connections', { n: connections }));
    else if (gateways) setText($('#wire-state')[0], t('wire.gateways', { n: gateways }));
    else setText($('#wire-state')[0], t(this.#fleet.status[this.#fleet.indexOf(id)] ? 'wire.gateway' : 'wire.offline'));
  }

  #add(frames) {
    if (!frames.length) return;
    const list = this.#list[0];
    const atEnd = list.scrollTop + list.clientHeight > list.scrollHeight - 24;
    for (const frame of frames) this.#frames.push({ frame, $row: this.#row(frame).appendTo(list) });
    for (const { $row } of this.#frames.splice(0, this.#frames.length - MOST)) $row.remove();
    if (this.#chosen && !this.#frames.includes(this.#chosen)) this.#chosen = null;
    if (atEnd && !this.#chosen) list.scrollTop = list.scrollHeight;
    this.#show();
  }

  #row(frame) {
    const inwards = frame.direction === 'in';
    return make('div', 'wire-row').attr({ id: `wire-row-${++this.#made}`, role: 'option', 'aria-selected': false, 'data-direction': frame.direction, 'data-testid': 'wire-row' }).append(
      make('time', '', clock(frame.at)),
      make('span', 'wire-way').attr({ title: t(inwards ? 'wire.in' : 'wire.out') }).append(icon(inwards ? 'up' : 'down'), make('span', 'sr-only', t(inwards ? 'wire.in' : 'wire.out'))),
      make('b', '', frame.type),
      make('span', 'wire-about', addressOf(frame) || summary(frame)),
      make('span', 'wire-size', t('wire.bytes', { n: frame.size })),
    );
  }

  // #show puts the chosen frame, or the newest one, beside the list.
  #show() {
    const entry = this.#chosen ?? this.#frames[this.#frames.length - 1];
    $('#wire-newest').prop('hidden', !this.#chosen);
    for (const other of this.#frames) setAttribute(other.$row[0], 'aria-selected', other === entry);
    // A listbox without options is none.
    setAttribute(this.#list[0], 'role', entry ? 'listbox' : 'group');
    if (entry) setAttribute(this.#list[0], 'aria-activedescendant', entry.$row[0].id);
    else this.#list.removeAttr('aria-activedescendant');
    this.#detail.empty();
    if (entry) this.#detail.append(this.#head(entry.frame), this.#table(entry.frame));
  }

  #head({ direction, type, at, protocol, version, address, size }) {
    const { id } = this.#selection;
    return make('header', 'wire-head').append(
      make('h3', '', type),
      make('p', '', t(direction === 'in' ? 'wire.came' : 'wire.went', { id, size: format.number(size), time: clock(at) })),
      make('p', 'wire-link', `${protocol.toUpperCase()} ${version} · ${address}`),
    );
  }

  #table(frame) {
    const $table = make('table', 'wire-table').append(make('thead').append(make('tr').append(
      make('th', '', t('wire.hex')).attr('scope', 'col'), make('th', '', t('wire.meaning')).attr('scope', 'col'),
    )));
    const $rows = make('tbody').appendTo($table);
    for (const { bytes, kind, meaning } of parts(frame)) {
      $rows.append(make('tr').attr('data-kind', kind).append(make('td', 'wire-hex', hexOf(bytes)), make('td', 'wire-meaning', meaning)));
    }
    return $table;
  }

  // #choose looks at one frame of the list and stays with it; -1: at the newest one, always.
  #choose(index) {
    this.#chosen = this.#frames[index] ?? null;
    this.#show();
    if (this.#chosen) this.#chosen.$row[0].scrollIntoView({ block: 'nearest' });
    else this.#list[0].scrollTop = this.#list[0].scrollHeight;
  }

  #key(e) {
    const { length } = this.#frames;
    const at = this.#chosen ? this.#frames.indexOf(this.#chosen) : length - 1;
    const to = { ArrowDown: at + 1, ArrowUp: at - 1, Home: 0, End: length }[e.key];
    if (to === undefined || !length) return;
    e.preventDefault();
    this.#choose(to >= length ? -1 : Math.max(0, to));
  }

  #clear() {
    this.#frames = [];
    this.#chosen = null;
    this.#list.empty();
    this.#show();
  }
}

const clock = (ms) => `${format.clock(ms)}.${String(ms % 1000).padStart(3, '0')}`;

// summary says in a few words what a frame without an address is about.
const summary = ({ fields, error }) => error || fields.slice(0, 3).map(([name, value]) => `${name}: ${value}`).join(', ');
