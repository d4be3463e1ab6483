// Which devices the list shows, and in which order.
//
// Names are sorted once, when they become known; every other order is a stable counting sort over that one, so
// 50,000 rows are filtered and ordered in a few milliseconds.

import { STATUS_NAMES, NO_SPEED } from './fleet.js';

export const ALL_STATUSES = 0b1111;
export const SORTS = ['id', 'seen', 'speed', 'status'];

const BUCKETS = 1 << 16;

// sortKey makes names compare as people expect: without case, and numbers by their value (truck-9 before truck-10).
export const sortKey = (id) => (
  id.toLowerCase().replace(/\d+/g, (digits) => digits.padStart(8, '0'))
);

export class DeviceOrder {
  rows = new Uint32Array(0);
  shown = null; // per device 0 or 1; null while everything is shown
  query = '';
  statuses = ALL_STATUSES;
  sort = 'id';
  #fleet;
  #keys = [];
  #lower = [];
  #byName = [];
  #ids = null;
  #made = ''; // what the rows were computed from, if nothing else can change them

  constructor(fleet) {
    this.#fleet = fleet;
  }

  get filtered() {
    return this.query !== '' || this.statuses !== ALL_STATUSES;
  }

  // toggleStatus filters by one status more or less; with none left all are shown.
  toggleStatus(status) {
    const bit = 1 << status;
    if (this.statuses === ALL_STATUSES) this.statuses = bit;
    else this.statuses ^= bit;
    if (this.statuses === 0) this.statuses = ALL_STATUSES;
  }

  // refresh recomputes rows and shown, where they can have changed.
  refresh() {
    const fresh = this.#learnNames();
    const made = this.sort === 'id' && this.statuses === ALL_STATUSES ? `id/${this.query}` : '';
    if (made && made === this.#made && !fresh) return; // devices that come and go move no row
    this.#made = made;
    const kept = this.#filter();
    this.rows = this.sort === 'id' ? kept : countingSort(kept, this.#bucket());
  }

  // #learnNames reports whether there are new ones.
  #learnNames() {
    const { ids } = this.#fleet;
    if (ids !== this.#ids) { // a new epoch
      this.#made = '';
      this.#ids = ids;
      this.#keys = [];
      this.#lower = [];
      this.#byName = [];
    }
    const known = this.#keys.length;
    if (known === ids.length) return false;
    const fresh = [];
    for (let i = known; i < ids.length; i++) {
      this.#keys.push(sortKey(ids[i]));
      this.#lower.push(ids[i].toLowerCase());
      fresh.push(i);
    }
    const keys = this.#keys;
    fresh.sort((a, b) => (keys[a] < keys[b] ? -1 : keys[a] > keys[b] ? 1 : a - b));
    this.#byName = merge(this.#byName, fresh, keys);
    return true;
  }

  #filter() {
    const { status, count } = this.#fleet;
    const query = this.query.toLowerCase();
    const all = !this.filtered;
    const shown = all ? null : new Uint8Array(count);
    const kept = new Uint32Array(this.#byName.length);
    let n = 0;
    for (const i of this.#byName) {
      if (!all) {
        if (!(this.statuses >> status[i] & 1) || (query && !this.#lower[i].includes(query))) continue;
        shown[i] = 1;
      }
      kept[n++] = i;
    }
    this.shown = shown;
    return kept.subarray(0, n);
  }

  // #bucket returns the order's key per device: 0 comes first.
  #bucket() {
    const { seen, speed, status } = this.#fleet;
    if (this.sort === 'speed') return (i) => (speed[i] === NO_SPEED ? 256 : 255 - speed[i]);
    if (this.sort === 'status') return (i) => STATUS_NAMES.length - 1 - status[i];
    const now = this.#fleet.serverNow();
    return (i) => (seen[i] === 0 ? BUCKETS - 1 : Math.max(0, Math.min(BUCKETS - 2, Math.floor((now - seen[i]) / 1000))));
  }
}

function merge(a, b, keys) {
  if (!a.length) return b;
  const out = new Array(a.length + b.length);
  let i = 0;
  let j = 0;
  for (let k = 0; k < out.length; k++) {
    out[k] = j >= b.length || (i < a.length && keys[a[i]] <= keys[b[j]]) ? a[i++] : b[j++];
  }
  return out;
}

function countingSort(items, bucket) {
  const start = new Uint32Array(BUCKETS + 1);
  const keys = new Uint16Array(items.length);
  for (let k = 0; k < items.length; k++) {
    keys[k] = bucket(items[k]);
    start[keys[k] + 1]++;
  }
  for (let b = 0; b < BUCKETS; b++) start[b + 1] += start[b];
  const out = new Uint32Array(items.length);
  for (let k = 0; k < items.length; k++) out[start[keys[k]]++] = items[k];
  return out;
}
