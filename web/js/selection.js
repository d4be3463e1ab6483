// The selected device, with its trail, its texts and how exact its position is.
//
// Selection is by ID, not by index: a link may name a device that has not been heard of yet, and indexes change
// with the server's epoch. Fires 'change' (another device), 'texts' and 'trail'.

import * as api from './api.js';
import { worldX, worldY } from './geo.js';

const MAX_TRAIL = 500; // points
const MAX_TEXTS = 50;
const AGAIN = 5000; // ms after which a device that moves is asked for its accuracy again: the feed does not carry it

export class Selection extends EventTarget {
  id = null;
  trail = []; // world x, y, …
  texts = [];
  problem = null; // why the server does not say which texts there are: '' when it has, null before
  accuracy = NaN; // m; NaN when the device does not say
  #fleet;
  #lastAt = 0;
  #askedAt = 0;
  #timer = 0;

  constructor(fleet) {
    super();
    this.#fleet = fleet;
  }

  get index() {
    return this.id === null ? -1 : this.#fleet.indexOf(this.id);
  }

  select(id) {
    if (id === this.id) return;
    this.id = id;
    this.trail = [];
    this.texts = [];
    this.problem = null;
    this.accuracy = NaN;
    this.#lastAt = 0;
    clearTimeout(this.#timer);
    this.dispatchEvent(new CustomEvent('change', { detail: id }));
    this.refresh();
  }

  // refresh fetches what the feed does not carry; again after every reconnect.
  async refresh() {
    const { id } = this;
    if (id === null || this.index < 0) return;
    this.#askedAt = this.#fleet.at[this.index];
    try {
      const device = await api.getDevice(id);
      if (id !== this.id) return;
      this.accuracy = device.location?.accuracy ?? NaN;
      this.trail = (device.trail ?? []).slice(-MAX_TRAIL).flatMap(([lat, lng]) => [worldX(lng), worldY(lat)]);
      this.problem = '';
      this.#merge(device.texts ?? []);
      this.dispatchEvent(new Event('trail'));
    } catch (err) {
      console.warn(`device ${id}: ${err.message}`);
      if (id !== this.id) return;
      this.problem = err.message;
      this.dispatchEvent(new Event('texts'));
    }
    if (id === this.id) this.#askAgain();
  }

  // #askAgain keeps up with a device that says how exact its position is, while it moves and somebody looks.
  #askAgain() {
    clearTimeout(this.#timer);
    if (Number.isNaN(this.accuracy)) return;
    this.#timer = setTimeout(() => {
      if (document.hidden || this.#fleet.at[this.index] === this.#askedAt) this.#askAgain();
      else this.refresh();
    }, AGAIN);
  }

  // heard takes a text's new state from the feed or from the answer to our own request.
  heard(text) {
    if (text.device === this.id) this.#merge([text]);
  }

  // A text's states may arrive by two ways and out of order: the one updated last counts.
  #merge(texts) {
    const known = new Map(this.texts.map((text) => [text.id, text]));
    for (const text of texts) {
      const before = known.get(text.id);
      if (!before || (text.updated ?? 0) >= (before.updated ?? 0)) known.set(text.id, text);
    }
    this.texts = [...known.values()].sort((a, b) => a.at - b.at).slice(-MAX_TEXTS);
    this.dispatchEvent(new Event('texts'));
  }

  // grow appends the newest position to the trail, when there is one.
  grow() {
    const i = this.index;
    if (i < 0 || this.#fleet.at[i] === this.#lastAt) return;
    this.#lastAt = this.#fleet.at[i];
    const { trail } = this;
    const x = this.#fleet.x[i];
    const y = this.#fleet.y[i];
    if (trail.length && trail[trail.length - 2] === x && trail[trail.length - 1] === y) return;
    trail.push(x, y);
    if (trail.length > MAX_TRAIL * 2) trail.splice(0, trail.length - MAX_TRAIL * 2);
  }
}
