// A connection that comes back: the states and the waiting that both protocols share.
//
// connect(events) begins a session and returns it; the session later calls up(), and down(), taken() or refused() at its end, and
// has close(), which says goodbye to the server, and drop(), which does not. The link fires 'state' when the state changes. States: 'off', 'connecting' (never been
// live), 'live', 'waiting' (lost; retryAt says when the next attempt is), 'retrying', 'taken' (another page is this
// device now: coming back by itself would throw that one out, and so on for ever), 'refused' (the credentials are not taken).
// From the last two it is started again.

import { Backoff } from '../feed/backoff.js';

const STEADY = 10000; // ms that a connection must have lasted for the waits to start from the shortest again

export class Link extends EventTarget {
  state = 'off';
  retryAt = 0;
  session = null;
  #connect;
  #backoff = new Backoff();
  #timer = 0;
  #liveSince = 0;

  constructor(connect) {
    super();
    this.#connect = connect;
  }

  get live() {
    return this.state === 'live';
  }

  start() {
    if (!['off', 'taken', 'refused'].includes(this.state)) return;
    this.#backoff.reset();
    this.#open('connecting');
  }

  // retry connects at once when a wait is on.
  retry() {
    if (this.state === 'waiting') this.#open('retrying');
  }

  // stop returns when the server has been told.
  async stop() {
    clearTimeout(this.#timer);
    const session = this.session;
    this.session = null;
    this.#set('off');
    await session?.close();
  }

  // drop leaves without a word, as a page does that goes: a last will is published. It comes back with retry.
  drop() {
    const { session } = this;
    if (session === null) return;
    this.session = null;
    this.#set('waiting');
    session.drop();
  }

  #open(state) {
    clearTimeout(this.#timer);
    let session = null;
    const ifMine = (act) => () => { if (session === this.session) act.call(this); };
    this.#set(state);
    session = this.#connect({ up: ifMine(this.#up), down: ifMine(this.#lost), taken: ifMine(this.#end('taken')), refused: ifMine(this.#end('refused')) });
    this.session = session;
  }

  #up() {
    this.#liveSince = Date.now();
    this.#set('live');
  }

  #lost() {
    this.session = null;
    if (this.live && Date.now() - this.#liveSince >= STEADY) this.#backoff.reset();
    const wait = this.#backoff.next();
    this.retryAt = Date.now() + wait;
    this.#timer = setTimeout(() => this.#open('retrying'), wait);
    this.#set('waiting');
  }

  // #end is for what waiting does not help against.
  #end(state) {
    return () => {
      this.session = null;
      this.#set(state);
    };
  }

  #set(state) {
    this.state = state;
    this.dispatchEvent(new Event('state'));
  }
}
