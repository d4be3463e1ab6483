// Waiting times between attempts to connect: 0.5 s doubling to 15 s, with jitter so that the pages of a
// restarted server do not all come back in the same moment. And a wait that can be broken off.

const FIRST = 500;
const LONGEST = 15000;

export class Backoff {
  #next = FIRST;

  // next returns the ms to wait before the coming attempt: between half of the step and all of it.
  next(random = Math.random) {
    const step = this.#next;
    this.#next = Math.min(step * 2, LONGEST);
    return step * (0.5 + random() / 2);
  }

  reset() {
    this.#next = FIRST;
  }
}

// pause waits, less when the signal says so. Nothing of it stays with the signal, which may see many.
export const pause = (ms, signal) => new Promise((resolve) => {
  const over = () => {
    clearTimeout(timer);
    signal.removeEventListener('abort', over);
    resolve();
  };
  const timer = setTimeout(over, ms);
  signal.addEventListener('abort', over);
});
