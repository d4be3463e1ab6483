// The events that the page remembers: the newest of each group, so that a flood of one leaves the others to be found.

const MOST = 200; // of a group

// GROUPS are what events are filtered by.
export const GROUPS = { presence: ['online', 'offline', 'removed'], lastwill: ['lastwill'], text: ['text'], alert: ['alert'], payload: ['payload'] };

const groupOf = ({ kind }) => Object.keys(GROUPS).find((name) => GROUPS[name].includes(kind)) ?? 'presence';

export class EventLog {
  shown = new Set(); // groups; empty: all
  #fresh = []; // of those that are to be shown, what was not handed out yet
  #groups = new Map(Object.keys(GROUPS).map((name) => [name, []])); // newest last

  add(event) {
    const group = this.#groups.get(groupOf(event));
    group.push(event);
    if (group.length > MOST) group.shift();
    if (!this.shows(event)) return;
    this.#fresh.push(event);
    if (this.#fresh.length > MOST) this.#fresh.shift();
  }

  clear() {
    for (const group of this.#groups.values()) group.length = 0;
    this.#fresh = [];
  }

  toggle(name) {
    if (!this.shown.delete(name)) this.shown.add(name);
  }

  shows(event) {
    return !this.shown.size || this.shown.has(groupOf(event));
  }

  // take returns the events that are to be shown and that neither it nor list has returned yet, newest last.
  take() {
    const fresh = this.#fresh;
    this.#fresh = [];
    return fresh;
  }

  // list returns all events that are to be shown, newest last.
  list() {
    this.#fresh = [];
    const all = [...this.#groups].filter(([name]) => !this.shown.size || this.shown.has(name)).flatMap(([, events]) => events);
    return all.sort((a, b) => a.seq - b.seq).slice(-MOST);
  }

  get size() {
    return [...this.#groups.values()].reduce((sum, { length }) => sum + length, 0);
  }
}
