// The rows of a long list, of which the server gives pages: those that are looked at are here, the rest is asked for when needed.

const SIZE = 100; // rows of a page
const MOST = 12; // pages kept

export class Rows {
  total = null; // null: not known yet
  error = null; // of the last request
  #load;
  #changed;
  #pages = new Map(); // by number, those used last at the end
  #asked = new Map(); // pages that are on their way
  #controller = new AbortController();

  // load(offset, limit, signal) resolves to {rows, total}; changed() is called when there is something new.
  constructor(load, changed) {
    this.#load = load;
    this.#changed = changed;
  }

  // at returns a row, or undefined if it has not come yet.
  at(position) {
    return this.#pages.get(Math.floor(position / SIZE))?.[position % SIZE];
  }

  // find returns the position of the first kept row that fits, or -1.
  find(fits) {
    for (const [page, rows] of this.#pages) {
      const k = rows.findIndex(fits);
      if (k >= 0) return page * SIZE + k;
    }
    return -1;
  }

  // want asks for the pages with the rows from first to last that are not here.
  want(first, last) {
    for (let page = Math.floor(Math.max(0, first) / SIZE); page <= Math.floor(last / SIZE); page++) {
      if (this.#pages.has(page)) this.#keep(page, this.#pages.get(page));
      else if (!this.#asked.has(page) && !this.error && (this.total === null || page * SIZE < this.total)) this.#ask(page);
    }
  }

  // refresh asks anew for the pages with these rows, forgets the others, and keeps showing what it has until the answer comes.
  async refresh(first, last) {
    const from = Math.floor(Math.max(0, first) / SIZE);
    const to = Math.floor(Math.max(0, last) / SIZE);
    for (const page of this.#pages.keys()) if (page < from || page > to) this.#pages.delete(page);
    const asked = [];
    for (let page = from; page <= to; page++) asked.push(this.#asked.get(page) ?? this.#ask(page));
    await Promise.all(asked);
  }

  // drop forgets everything: another list begins.
  drop() {
    this.#controller.abort();
    this.#controller = new AbortController();
    this.#pages.clear();
    this.#asked.clear();
    this.total = null;
    this.error = null;
  }

  #ask(page) {
    const { signal } = this.#controller;
    const answer = this.#load(page * SIZE, SIZE, signal).then(({ rows, total }) => {
      if (signal.aborted) return;
      this.error = null;
      this.total = total;
      this.#keep(page, rows);
    }, (err) => {
      if (!signal.aborted) this.error = err;
    }).finally(() => {
      if (signal.aborted) return;
      this.#asked.delete(page);
      this.#changed();
    });
    this.#asked.set(page, answer);
    return answer;
  }

  #keep(page, rows) {
    this.#pages.delete(page);
    this.#pages.set(page, rows);
    for (const oldest of this.#pages.keys()) {
      if (this.#pages.size <= MOST) break;
      this.#pages.delete(oldest);
    }
  }
}
