// How well the device layer may draw, from how long its redraws take.
//
//   3  everything
//   2  no interpolation: devices step from report to report
//   1  one canvas pixel per CSS pixel, symbols of 12 pixels at most
//   0  at most five redraws a second
//
// Alerts and the selected device are drawn at every level. A redraw counts as slow by the median of the last ones: one that
// was interrupted by something else says nothing about the drawing.

import { median } from '../geo.js';

export const BEST = 3;
export const WORST = 0;
const SLOW = 8; // ms
const FAST = 2.5;
const SETTLE = 20; // redraws between two steps
const LAST = 15; // redraws of which the median is taken
const PATIENCE = 15000; // ms before trying a better level again

export class Quality {
  level = BEST;
  usual = 0; // ms that a redraw takes, the median
  #draws = 0;
  #last = [];
  #loweredAt = -Infinity;

  // record takes a redraw's duration and reports whether the level has changed.
  record(ms, now) {
    this.#last.push(ms);
    if (this.#last.length > LAST) this.#last.shift();
    this.usual = median(this.#last);
    this.#draws++;
    if (this.#draws < SETTLE) return false;
    if (this.usual > SLOW && this.level > WORST) return this.#change(-1, now);
    if (this.usual < FAST && this.level < BEST && now - this.#loweredAt > PATIENCE) return this.#change(1, now);
    return false;
  }

  #change(step, now) {
    this.level += step;
    this.#draws = 0;
    this.#last = [];
    if (step < 0) this.#loweredAt = now;
    return true;
  }
}
