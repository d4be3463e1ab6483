// The texts that came, each with what the user answered. A text that the server sends again, because an answer was lost or a
// connection ended, is the same text: it is not shown twice, and gets the answer that it had.
//
// A text is {key, body, at, answer, answeredAt, settled}: answer is null, 'confirmed' or 'refused', settled says that the
// server knows. It fires 'change'.

const MOST = 50;
const LONGEST = 4096; // characters kept of a body: headquarters sends no more

export class Inbox extends EventTarget {
  #texts; // oldest first
  #deliveries = new Map(); // of this connection, by key: what to answer with
  #save;

  constructor({ load = () => [], save = () => {} } = {}) {
    super();
    this.#texts = load().filter((text) => typeof text?.body === 'string').slice(-MOST);
    this.#save = save;
  }

  // newest first
  get texts() {
    return this.#texts.toReversed();
  }

  // open are those that wait for the user, oldest first.
  get open() {
    return this.#texts.filter((text) => text.answer === null);
  }

  // receive takes a delivery; it returns the text if it is a new one.
  receive({ key, body, at, answer }) {
    this.#deliveries.set(key, answer);
    const known = this.#texts.find((text) => text.key === key);
    if (known) {
      if (known.answer !== null) this.#tell(known);
      return null;
    }
    const text = { key, body: body.slice(0, LONGEST), at, answer: null, answeredAt: 0, settled: false };
    this.#texts.push(text);
    this.#bound();
    this.#changed();
    return text;
  }

  // decide takes the user's answer. While the server cannot be told, it is kept for when the text comes again.
  decide(key, answer) {
    const text = this.#texts.find((one) => one.key === key);
    if (!text || text.answer !== null) return;
    Object.assign(text, { answer, answeredAt: Date.now() });
    this.#tell(text);
    this.#changed();
  }

  // disconnected forgets the deliveries: the server will deliver again what was not answered.
  disconnected() {
    this.#deliveries.clear();
  }

  clear() {
    this.#texts = [];
    this.#deliveries.clear();
    this.#changed();
  }

  #tell(text) {
    const reply = this.#deliveries.get(text.key);
    this.#deliveries.delete(text.key);
    reply?.(text.answer === 'confirmed', () => {
      text.settled = true;
      this.#changed();
    });
  }

  // Of too many the oldest go that are answered: one that is not still waits on the server, and would come back.
  #bound() {
    while (this.#texts.length > MOST) {
      const at = this.#texts.findIndex((text) => text.answer !== null);
      this.#texts.splice(Math.max(0, at), 1);
    }
  }

  #changed() {
    this.#save(this.#texts);
    this.dispatchEvent(new Event('change'));
  }
}
