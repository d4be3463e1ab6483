// What is done to all messages of a queue: the server works for a moment and says whether some are left, until none are.

export class Sweep {
  done = 0;
  running = false;
  error = null;
  #step;
  #changed;

  // step() resolves to {count, more}; changed() is called whenever there is progress.
  constructor(step, changed) {
    this.#step = step;
    this.#changed = changed;
  }

  async run() {
    this.running = true;
    this.error = null;
    this.#changed();
    try {
      for (let more = true; more && this.running;) {
        const answer = await this.#step();
        this.done += answer.count;
        more = answer.more;
        this.#changed();
      }
    } catch (err) {
      this.error = err;
    }
    this.running = false;
    this.#changed();
  }

  stop() {
    this.running = false;
  }
}
