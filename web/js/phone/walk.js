// A simulated position: a walk around a place, with the interface of the locator.

import { moved, metresFrom } from './position.js';

export const PACES = { stand: 0, walk: 1.4, ride: 5.5, drive: 14 }; // m/s
const RADIUS = 40; // s: how far the walk goes from its place, at its pace
const STEP = 1000; // ms

// step returns the next point of a walk: it turns a little at random, and the more towards home the further away it is.
export function step(at, home, pace, seconds, random = Math.random) {
  const speed = pace * (0.85 + 0.3 * random());
  const { east, north } = metresFrom(home, at);
  const out = Math.min(1, Math.hypot(east, north) / Math.max(1, pace * RADIUS));
  const homewards = Math.atan2(-east, -north);
  const wander = at.heading * Math.PI / 180 + (random() - 0.5) * 0.9;
  const off = Math.atan2(Math.sin(homewards - wander), Math.cos(homewards - wander));
  const heading = wander + off * out ** 3 * 0.6;
  const way = speed * seconds;
  return {
    ...moved(at, Math.sin(heading) * way, Math.cos(heading) * way),
    heading: (heading * 180 / Math.PI % 360 + 360) % 360, speed,
  };
}

export class Walk extends EventTarget {
  state = 'off';
  pace = 'walk';
  #home;
  #at;
  #timer = 0;
  #last = 0;

  constructor(place) {
    super();
    this.home = place;
  }

  set home({ lat, lng }) {
    this.#home = { lat, lng };
    this.#at = { lat, lng, heading: Math.random() * 360, speed: 0 };
    if (this.state === 'live') this.#report();
  }

  get home() {
    return this.#home;
  }

  start() {
    if (this.state === 'live') return;
    this.#set('live');
    this.#last = Date.now();
    this.#report();
    this.#timer = setInterval(() => this.#go(), STEP);
  }

  stop() {
    clearInterval(this.#timer);
    this.#set('off');
  }

  // A hidden page's timer runs seldom: the walk then has gone on meanwhile, in strides of a few seconds.
  #go() {
    const now = Date.now();
    for (let left = Math.min(60, (now - this.#last) / 1000); left > 0; left -= 5) {
      this.#at = step(this.#at, this.#home, PACES[this.pace], Math.min(5, left));
    }
    this.#last = now;
    this.#report();
  }

  #report() {
    const { lat, lng, heading, speed } = this.#at;
    const standing = PACES[this.pace] === 0;
    const detail = { lat, lng, ts: Date.now(), accuracy: 5, speed: standing ? 0 : speed, heading: standing ? null : heading };
    this.dispatchEvent(new CustomEvent('fix', { detail }));
  }

  #set(state) {
    this.state = state;
    this.dispatchEvent(new Event('state'));
  }
}
