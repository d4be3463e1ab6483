// What takes the server long: it works on the messages of a queue for a moment at a time and says whether there is more. Pure.

const MOST = 1000; // messages found

class Steps {
  running = true;
  error = null;

  // run takes step after step until none is left, one fails or it is stopped; progress() is called in between.
  async run(progress) {
    try {
      while (await this.step() && this.running) progress();
    } catch (err) {
      this.error = err;
    }
    this.running = false;
  }

  stop() {
    this.running = false;
  }
}

// A Search looks for messages.
export class Search extends Steps {
  found = [];
  #look;
  #after;

  // look(after) resolves to {messages, next}.
  constructor(look) {
    super();
    this.#look = look;
  }

  // full: there may be more than what was found.
  get full() {
    return this.found.length >= MOST;
  }

  async step() {
    const { messages, next } = await this.#look(this.#after);
    this.found.push(...messages.slice(0, MOST - this.found.length));
    this.#after = next;
    return next && !this.full;
  }
}

// A Sweep does something to all messages.
export class Sweep extends Steps {
  done = 0;
  #act;

  // act() resolves to {count, more}.
  constructor(act) {
    super();
    this.#act = act;
  }

  async step() {
    const { count, more } = await this.#act();
    this.done += count;
    return more;
  }
}
