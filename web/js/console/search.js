// A search through the messages of a queue: the server looks for a moment at a time and says where to go on. Pure.

const MOST = 1000; // messages found

export class Search {
  found = [];
  running = true;
  error = null;
  #step;
  #changed;

  // step(after) resolves to {messages, next}; changed() is called whenever there is progress.
  constructor(step, changed) {
    this.#step = step;
    this.#changed = changed;
  }

  // full: there may be more than what was found.
  get full() {
    return this.found.length >= MOST;
  }

  async run() {
    try {
      for (let after; this.running && !this.full;) {
        const { messages, next } = await this.#step(after);
        if (!this.running) return;
        this.found.push(...messages.slice(0, MOST - this.found.length));
        after = next;
        if (!next) break;
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
