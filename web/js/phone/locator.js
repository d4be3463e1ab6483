// The phone's own position. It fires 'fix' with a fix that is fresh, and 'state' when its state changes: 'off', 'asking'
// (the browser asks the user), 'searching' (allowed, no fix yet), 'live', 'lost' (no fix for a while), 'refused', 'missing', 'insecure'.

import { fixOf, tooOld } from './position.js';

const ACCURATE = { enableHighAccuracy: true, maximumAge: 0, timeout: 27000 };
const QUIET = 10000; // ms without a fix, after which the phone is asked: browsers are silent while it stands still
const DENIED = 1; // GeolocationPositionError.PERMISSION_DENIED

export class Locator extends EventTarget {
  state = 'off';
  #watch = null;
  #quiet = 0;
  #lastFix = 0;

  start() {
    if (this.#watch !== null) return;
    if (!window.isSecureContext) return void this.#set('insecure');
    if (!navigator.geolocation) return void this.#set('missing');
    this.#set('asking');
    this.#permission();
    this.#watch = navigator.geolocation.watchPosition((p) => this.#found(p), (err) => this.#failed(err), ACCURATE);
    this.#quiet = setInterval(() => this.#askAgain(), QUIET / 2);
  }

  stop() {
    if (this.#watch !== null) navigator.geolocation.clearWatch(this.#watch);
    this.#watch = null;
    clearInterval(this.#quiet);
    this.#set('off');
  }

  // The permission tells searching from asking, and when a refusal was taken back. Not all browsers say.
  async #permission() {
    try {
      const permission = await navigator.permissions.query({ name: 'geolocation' });
      const heard = () => {
        if (permission.state === 'granted' && this.state === 'asking') this.#set('searching');
        if (permission.state !== 'denied' && this.state === 'refused') this.start();
      };
      heard();
      permission.onchange = heard;
    } catch {
      // it will show by itself
    }
  }

  #found(position) {
    if (this.#watch === null) return;
    const fix = fixOf(position);
    if (tooOld(fix)) return;
    this.#lastFix = Date.now();
    this.#set('live');
    this.dispatchEvent(new CustomEvent('fix', { detail: fix }));
  }

  #failed(err) {
    if (this.#watch === null) return;
    if (err.code !== DENIED) return void this.#set(this.state === 'live' ? 'lost' : this.state === 'asking' ? 'searching' : this.state);
    this.stop();
    this.#set('refused');
  }

  #askAgain() {
    if (document.hidden || this.state === 'asking' || Date.now() - this.#lastFix < QUIET) return;
    navigator.geolocation.getCurrentPosition((p) => this.#found(p), (err) => this.#failed(err), ACCURATE);
  }

  #set(state) {
    if (this.state === state) return;
    this.state = state;
    this.dispatchEvent(new Event('state'));
  }
}
