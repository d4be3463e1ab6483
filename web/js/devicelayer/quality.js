// How well the device layer may draw, from how long its redraws take.
//
//   3  everything
//   2  no interpolation: devices step from report to report
//   1  one canvas pixel per CSS pixel, small symbols
//   0  at most five redraws a second
//
// Alerts and the selected device are drawn at every level.

export const BEST = 3;
export const WORST = 0;
const SLOW = 8; // ms
const FAST = 2.5;
const SETTLE = 20; // redraws between two steps
const PATIENCE = 15000; // ms before trying a better level again

export class Quality {
  level = BEST;
  average = 0;
  #draws = 0;
  #loweredAt = -Infinity;

  // record takes a redraw's duration and reports whether the level has changed.
  record(ms, now) {
    this.average += (ms - this.average) * (this.#draws < 5 ? 0.5 : 0.1);
    this.#draws++;
    if (this.#draws < SETTLE) return false;
    if (this.average > SLOW && this.level > WORST) return this.#change(-1, now);
    if (this.average < FAST && this.level < BEST && now - this.#loweredAt > PATIENCE) return this.#change(1, now);
    return false;
  }

  #change(step, now) {
    this.level += step;
    this.#draws = 0;
    if (step < 0) this.#loweredAt = now;
    return true;
  }
}
