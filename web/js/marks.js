// The devices that are marked in the list, to be written to together. Kept by ID: marks outlive filters, and a restart of the server.
// Fires 'change'.

export class Marks extends EventTarget {
  #ids = new Set();

  get size() {
    return this.#ids.size;
  }

  has(id) {
    return this.#ids.has(id);
  }

  // list returns the IDs in the order in which they were marked.
  list() {
    return [...this.#ids];
  }

  toggle(id) {
    this.set([id], !this.#ids.has(id));
  }

  // set marks or unmarks devices.
  set(ids, marked) {
    for (const id of ids) {
      if (marked) this.#ids.add(id);
      else this.#ids.delete(id);
    }
    this.dispatchEvent(new Event('change'));
  }

  clear() {
    if (!this.#ids.size) return;
    this.#ids.clear();
    this.dispatchEvent(new Event('change'));
  }
}
