// Opening on the fleet: the map goes where the first snapshot's devices are, once. While a fleet is only just starting up, it
// may go again (when devices begin to move, or many more appear), until the user touches the map.

import { MOVING } from '../fleet.js';
import { addTask } from '../scheduler.js';

const SETTLING = 15000; // ms after the first devices
const RETRY = 1000; // ms between two looks at the fleet

export class AutoView {
  #view;
  #fleet;
  #placed = null;
  #since = 0;
  #over = false;
  #task = addTask((now) => this.#check(now), RETRY);

  constructor(view, fleet) {
    this.#view = view;
    this.#fleet = fleet;
    view.addEventListener('touched', () => this.stop());
  }

  // stop leaves the map to the user, or to the place that a link names.
  stop() {
    this.#over = true;
  }

  // changed has the map go where the first devices are before it is drawn with them, and has further looks taken at the fleet.
  changed(now) {
    if (!this.#placed) this.#check(now);
    else if (!this.#over) this.#task.request();
  }

  #check(now) {
    if (this.#over || !this.#fleet.located) return;
    this.#since ||= now;
    if (now - this.#since > SETTLING) this.stop();
    else if (this.#due()) this.#placed = this.#view.fit({ wide: false, animate: false });
  }

  #due() {
    if (!this.#placed) return true;
    const beganToMove = this.#placed.moving === 0 && this.#fleet.counts[MOVING] > 0;
    return beganToMove || this.#fleet.located >= this.#placed.devices * 2;
  }
}
