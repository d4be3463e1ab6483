// Positions on their way to the server. Each stays here until the server has confirmed it, so what could not be sent, and
// what a dying connection swallowed, is sent again, in order and with its own time; also after the page was closed.

const MOST = 5000; // 80 minutes at one a second
const WINDOW = 25; // sent and not confirmed

export class Outbox {
  #waiting; // oldest first; the first #sent of them are on their way
  #sent = 0;
  #session = null;
  #confirmed = null;
  #save;

  // load returns what was saved last, save(reports) keeps what waits now.
  constructor({ load = () => [], save = () => {} } = {}) {
    this.#waiting = load().slice(-MOST);
    this.#save = save;
  }

  get size() {
    return this.#waiting.length;
  }

  // unsent counts those that are not even on their way.
  get unsent() {
    return this.#waiting.length - this.#sent;
  }

  add(report) {
    this.#waiting.push(report);
    if (this.#waiting.length > MOST) this.#thin();
    this.#changed();
    this.#pump();
  }

  clear() {
    this.#waiting = [];
    this.#sent = 0;
    this.#changed();
  }

  // connected begins to send with a session; confirmed() is called each time one has arrived.
  connected(session, confirmed) {
    this.#session = session;
    this.#sent = 0;
    this.#confirmed = confirmed;
    this.#pump();
  }

  disconnected() {
    this.#session = null;
    this.#sent = 0;
  }

  #pump() {
    const session = this.#session;
    while (session && this.#sent < Math.min(WINDOW, this.#waiting.length)) {
      const report = this.#waiting[this.#sent++];
      session.sendPosition(report, () => this.#arrived(session, report));
    }
  }

  #arrived(session, report) {
    const at = this.#waiting.indexOf(report);
    if (at < 0 || session !== this.#session) return;
    this.#waiting.splice(at, 1);
    this.#sent--;
    this.#changed();
    this.#confirmed?.();
    this.#pump();
  }

  // A long way without a connection is kept coarser rather than cut off: of its older half every second report goes.
  #thin() {
    const half = MOST >> 1;
    this.#waiting = this.#waiting.filter((_, i) => i < this.#sent || i > half || i % 2 === 0);
  }

  #changed() {
    this.#save(this.#waiting);
  }
}
