// The way that the phone has come: its last fixes, and how much of the world they take.

import { metresFrom } from './position.js';

const KEPT = 600; // fixes
const NICE = [10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10000, 20000, 50000, 100000];

export class Track {
  #fixes = [];

  add(fix) {
    this.#fixes.push(fix);
    if (this.#fixes.length > KEPT) this.#fixes.shift();
  }

  clear() {
    this.#fixes = [];
  }

  get last() {
    return this.#fixes.at(-1) ?? null;
  }

  // around returns the way in metres east and north of the last fix.
  around() {
    return this.#fixes.map((fix) => metresFrom(this.last, fix));
  }
}

// radiusFor returns the smallest of the nice radii that holds most of the way; an accuracy of some size wants room, too.
export function radiusFor(points, accuracy) {
  const far = points.map(({ east, north }) => Math.hypot(east, north)).sort((a, b) => a - b);
  const most = Math.max((far[Math.floor(far.length * 0.9)] ?? 0) * 1.15, Math.min(accuracy ?? 0, 1000) * 1.2);
  return NICE.find((radius) => radius >= most) ?? NICE.at(-1);
}
