// Telling a shake from a walk: the phone is thrown back and forth, hard, several times within a second.

const HARD = 12; // m/s², gravity not counted
const REVERSALS = 3;
const WITHIN = 1000; // ms
const REST = 1500; // ms until the next shake

export class ShakeDetector {
  #strokes = []; // times at which the direction was reversed
  #direction = null;
  #restUntil = -Infinity;

  // feel takes an acceleration without gravity at a time in ms; it returns true at the moment of a shake.
  feel({ x, y, z }, now) {
    if (!(Math.hypot(x, y, z) >= HARD) || now < this.#restUntil) return false;
    const before = this.#direction;
    this.#direction = { x, y, z };
    if (before && before.x * x + before.y * y + before.z * z >= 0) return false;
    this.#strokes = this.#strokes.filter((at) => now - at < WITHIN);
    this.#strokes.push(now);
    if (this.#strokes.length <= REVERSALS) return false;
    this.#strokes = [];
    this.#direction = null;
    this.#restUntil = now + REST;
    return true;
  }
}

// onShake calls a function at each shake; the browser must have allowed motion.
export function onShake(shaken) {
  const detector = new ShakeDetector();
  window.addEventListener('devicemotion', ({ acceleration, timeStamp }) => {
    if (acceleration && detector.feel(acceleration, timeStamp)) shaken();
  });
}
