// The page's connection to the live feed.
//
// What it receives goes to the handlers: hello(message) (when not resumed, what was known before is void), dir(message),
// frame(decoded batch) and message(texts, alerts, events, …). A handler that throws says that the feed contradicts
// what the page knows: the page then starts over with a connection that does not resume.
//
// The server says something at least every ten seconds. A link on which nothing has come for much longer is half open: the
// page gives it up and connects anew.
//
// It fires 'state' when its state changes. States: 'connecting' (never been live), 'live', 'waiting' (lost; retryAt says when the next
// attempt is), 'retrying' (an attempt is under way).

import { decode } from './decode.js';
import { Backoff } from './backoff.js';

const SUBPROTOCOL = 'mwm.feed.v1';
const HELLO_DEADLINE = 10000;
const SILENCE = 25000; // ms without a message after which the link counts as dead
const STEADY = 10000; // ms that a connection must have lasted for the waits to start from the shortest again

export class FeedClient extends EventTarget {
  state = 'connecting';
  retryAt = 0;
  epoch = '';
  seq = 0;
  #url;
  #socket = null;
  #backoff = new Backoff();
  #timer = 0;
  #ackTimer = 0;
  #watch = 0;
  #heardAt = 0;
  #named = 0; // devices of this epoch whose IDs are known
  #liveSince = 0;
  #handlers;

  constructor(url, handlers) {
    super();
    this.#url = url;
    this.#handlers = handlers;
  }

  start() {
    window.addEventListener('online', () => this.retry());
    window.addEventListener('pageshow', () => this.retry());
    document.addEventListener('visibilitychange', () => this.#visibility());
    this.#open();
  }

  // retry connects at once when a wait is on.
  retry() {
    if (this.state === 'waiting') this.#open();
  }

  #visibility() {
    if (!document.hidden) this.retry();
    this.#send({ type: document.hidden ? 'pause' : 'resume' });
  }

  #open() {
    clearTimeout(this.#timer);
    this.#setState(this.state === 'waiting' ? 'retrying' : 'connecting');
    const url = new URL(this.#url, location.href);
    url.protocol = location.protocol === 'https:' ? 'wss:' : 'ws:';
    if (this.epoch) {
      // A tick's frames share one seq and arrive one by one: the last seq may be half seen, so
      // ask from the one before. Values are absolute, getting one twice does no harm.
      url.searchParams.set('epoch', this.epoch);
      url.searchParams.set('seq', String(Math.max(0, this.seq - 1)));
      url.searchParams.set('dir', String(this.#named));
    }
    const socket = new WebSocket(url, SUBPROTOCOL);
    socket.binaryType = 'arraybuffer';
    socket.onmessage = (e) => this.#receive(socket, e.data);
    socket.onclose = () => this.#lost(socket);
    this.#socket = socket;
    this.#timer = setTimeout(() => this.#abandon(socket), HELLO_DEADLINE);
  }

  // A peer that accepts and then says nothing would hold the page in 'retrying' for ever.
  #abandon(socket) {
    socket.close();
    this.#lost(socket);
  }

  #lost(socket) {
    if (socket !== this.#socket) return;
    this.#socket = null;
    clearTimeout(this.#timer);
    clearTimeout(this.#watch);
    clearTimeout(this.#ackTimer);
    this.#ackTimer = 0;
    // A server that accepts and throws out at once must not be asked twice a second for ever.
    if (this.state === 'live' && Date.now() - this.#liveSince >= STEADY) this.#backoff.reset();
    const wait = this.#backoff.next();
    this.retryAt = Date.now() + wait;
    this.#timer = setTimeout(() => this.#open(), wait);
    this.#setState('waiting');
  }

  #receive(socket, data) {
    if (socket !== this.#socket) return;
    this.#heardAt = Date.now();
    try {
      if (typeof data === 'string') this.#json(JSON.parse(data));
      else this.#binary(data);
    } catch (err) {
      console.warn('feed:', err.message);
      this.epoch = '';
      this.#abandon(socket);
    }
  }

  #json(message) {
    if (message.type === 'hello') this.#hello(message);
    else if (message.type === 'dir') this.#directory(message);
    else if (message.type !== 'alive') this.#handlers.message(message);
  }

  #directory(message) {
    this.#handlers.dir(message);
    this.#named = Math.max(this.#named, message.first + message.ids.length);
  }

  #hello(message) {
    clearTimeout(this.#timer);
    this.#liveSince = this.#heardAt;
    this.#listen(SILENCE);
    if (!message.resumed) {
      this.seq = message.seq;
      this.#named = 0;
    }
    this.epoch = message.epoch;
    this.#handlers.hello(message);
    this.#setState('live');
    if (document.hidden) this.#send({ type: 'pause' });
  }

  // #listen looks after so many ms whether the server has been heard since. While the page was frozen it could hear nothing, but what
  // came meanwhile is handled before the timer.
  #listen(after) {
    const socket = this.#socket;
    this.#watch = setTimeout(() => {
      const left = this.#heardAt + SILENCE - Date.now();
      if (left > 0) this.#listen(left);
      else this.#abandon(socket);
    }, after);
  }

  #binary(buffer) {
    const frame = decode(buffer);
    if (!frame) return;
    this.#handlers.frame(frame);
    this.seq = Math.max(this.seq, frame.seq);
    // One acknowledgement for the frames of a tick; the timer runs when the main thread is free
    // again, so a page that cannot keep up is slow to answer and the server skips ticks.
    this.#ackTimer ||= setTimeout(() => {
      this.#ackTimer = 0;
      this.#send({ type: 'ack', seq: this.seq });
    }, 0);
  }

  #send(message) {
    if (this.#socket?.readyState === WebSocket.OPEN) this.#socket.send(JSON.stringify(message));
  }

  #setState(state) {
    this.state = state;
    this.dispatchEvent(new Event('state'));
  }
}
