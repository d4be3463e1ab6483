// One of the two things that the phone reports, from its sensor or simulated, or not at all. The choice is kept.
//
// Sources have start(), stop(), state and the event 'state', and an event with each value. The channel fires 'state', 'switch'
// when another source takes over, and 'value' with what the source gave.

import { recall, remember } from '../remember.js';

const MODES = ['off', 'sensor', 'simulated'];

export class Channel extends EventTarget {
  mode = 'off';
  chosen; // before: null if the user has never been asked
  #name;
  #sources;
  #last = 'sensor';

  constructor(name, event, sources) {
    super();
    this.#name = name;
    this.#sources = sources;
    const kept = recall(`phone.${name}`);
    this.chosen = MODES.includes(kept) ? kept : null;
    for (const [mode, source] of Object.entries(sources)) {
      source.addEventListener('state', () => { if (mode === this.mode) this.dispatchEvent(new Event('state')); });
      source.addEventListener(event, ({ detail }) => {
        if (mode === this.mode) this.dispatchEvent(new CustomEvent('value', { detail }));
      });
    }
  }

  get on() {
    return this.mode !== 'off';
  }

  get state() {
    return this.on ? this.#sources[this.mode].state : 'off';
  }

  // usual is the mode that the switch turns on: the one of last time.
  get usual() {
    return this.#last;
  }

  // source returns what serves a mode, to be set.
  source(mode) {
    return this.#sources[mode];
  }

  // resume starts what was chosen at the last visit.
  resume() {
    if (this.chosen) this.switchTo(this.chosen);
  }

  // switchTo changes the mode; the one that is on already is started again, which is what "try again" means.
  switchTo(mode) {
    const before = this.mode;
    this.mode = mode;
    this.chosen = mode;
    if (mode !== 'off' && mode !== this.#last) this.dispatchEvent(new Event('switch'));
    if (mode !== 'off') this.#last = mode;
    remember(`phone.${this.#name}`, mode);
    if (before !== 'off') this.#sources[before].stop();
    if (mode !== 'off') this.#sources[mode].start();
    this.dispatchEvent(new Event('state'));
  }
}
