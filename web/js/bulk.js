// One text to many devices: a part of them at a time, what failed remembered, what became of the others counted.

const PART = 200; // devices in a request: the server takes more, but the user shall see it go on, and be able to stop it
export const OUTCOMES = ['accepted', 'waiting', 'delivered', 'consumed', 'refused', 'expired', 'deleted'];

export class BulkSend {
  failed = new Map(); // device → {code, detail}, or the detail alone when a request has failed
  stopped = false;
  running; // until it is known what became of the last request
  #devices;
  #send;
  #next = 0;
  #texts = new Map(); // ID → text, of those that the server has taken
  #heard = new Map(); // the same for texts that the feed told of before the answer came
  #changed;

  // send(devices) resolves to {texts, refused: [{device, code, detail}]}; changed is called whenever there is something new to show.
  constructor(devices, send, changed) {
    this.#devices = devices;
    this.#send = send;
    this.#changed = changed;
    this.running = devices.length > 0;
  }

  get total() {
    return this.#devices.length;
  }

  // handled counts the devices that the server has answered for.
  get handled() {
    return this.#texts.size + this.failed.size;
  }

  // left lists the devices that have got nothing: those that failed, and after a stop those whose turn never came.
  get left() {
    return [...this.failed.keys(), ...this.#devices.slice(this.#next)];
  }

  // counts returns how many texts are in which state.
  get counts() {
    const counts = Object.fromEntries(OUTCOMES.map((state) => [state, 0]));
    for (const { state } of this.#texts.values()) counts[state]++;
    return counts;
  }

  async run() {
    while (!this.stopped && this.#next < this.total) {
      const part = this.#devices.slice(this.#next, this.#next + PART);
      this.#next += part.length;
      try {
        const { texts, refused } = await this.#send(part);
        for (const text of texts) this.#accepted(text);
        for (const { device, ...why } of refused) this.failed.set(device, why);
      } catch (err) {
        for (const device of part) this.failed.set(device, { detail: err.message });
      }
      this.running = !this.stopped && this.#next < this.total;
      this.#changed();
    }
    this.#heard.clear();
  }

  // stop lets no further request begin.
  stop() {
    this.stopped = true;
    this.#changed();
  }

  // heard takes a text's new state from the feed.
  heard(text) {
    if (this.#texts.has(text.id)) this.#take(this.#texts, text);
    else if (this.running && this.#heard.size < this.total * 2) this.#take(this.#heard, text);
    else return;
    this.#changed();
  }

  #accepted(text) {
    this.#take(this.#texts, text);
    if (this.#heard.has(text.id)) this.#take(this.#texts, this.#heard.get(text.id));
  }

  #take(into, text) {
    const before = into.get(text.id);
    if (!before || text.updated >= before.updated) into.set(text.id, text);
  }
}
