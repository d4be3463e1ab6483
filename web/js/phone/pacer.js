// How often a value is sent: at most every 100 ms however often it changes, at least every second however long it does not.

const LEAST = 100;
const MOST = 1000;

export class Pacer {
  #send;
  #value = null;
  #last = -Infinity;
  #timer = 0;
  #clock;

  constructor(send, clock = () => performance.now()) {
    this.#send = send;
    this.#clock = clock;
  }

  offer(value) {
    this.#value = value;
    const wait = this.#last + LEAST - this.#clock();
    if (wait <= 0) this.#now();
    else this.#plan(wait);
  }

  // stop forgets the value: nothing is sent until the next one.
  stop() {
    clearTimeout(this.#timer);
    this.#value = null;
  }

  #plan(wait) {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#now(), wait);
  }

  #now() {
    if (this.#value === null) return;
    this.#last = this.#clock();
    this.#send(this.#value);
    this.#plan(MOST - LEAST / 2);
  }
}
