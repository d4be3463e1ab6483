// The phone's own attitude. It fires 'attitude' with {pitch, roll, yaw} in radians, and 'state' when its state changes: 'off',
// 'asking', 'tap' (the browser asks only after a tap), 'searching', 'live', 'refused', 'missing', 'insecure'.

import { attitudeOf } from './attitude.js';

const PATIENCE = 2500; // ms: a phone with sensors has spoken by then

export class Orientation extends EventTarget {
  state = 'off';
  #on = false;
  #timer = 0;

  // start is called from a tap where the browser asks for permission. Events are believed whatever the browser answered: some
  // say no before they have asked, and send them all the same.
  async start() {
    if (this.#on) return;
    if (!window.isSecureContext) return void this.#set('insecure');
    if (!window.DeviceOrientationEvent) return void this.#set('missing');
    this.#on = true;
    this.#set('asking');
    window.addEventListener('deviceorientation', this.#heard);
    const answer = await askPermission();
    if (!this.#on || this.state !== 'asking') return;
    this.#set({ granted: 'searching', denied: 'refused', tap: 'tap' }[answer]);
    this.#timer = setTimeout(() => { if (this.state === 'searching') this.#set('missing'); }, PATIENCE);
  }

  stop() {
    this.#on = false;
    clearTimeout(this.#timer);
    window.removeEventListener('deviceorientation', this.#heard);
    this.#set('off');
  }

  #heard = (event) => {
    const attitude = attitudeOf(event);
    if (!attitude) return;
    this.#set('live');
    this.dispatchEvent(new CustomEvent('attitude', { detail: attitude }));
  };

  #set(state) {
    if (this.state === state) return;
    this.state = state;
    this.dispatchEvent(new Event('state'));
  }
}

// askPermission asks where the browser wants to be asked (iOS), for motion as well: shaking is one.
async function askPermission() {
  const kinds = [window.DeviceOrientationEvent, window.DeviceMotionEvent].filter((kind) => kind?.requestPermission);
  try {
    const answers = await Promise.all(kinds.map((kind) => kind.requestPermission()));
    return answers.every((answer) => answer === 'granted') ? 'granted' : 'denied';
  } catch {
    return 'tap'; // asked without a tap
  }
}
