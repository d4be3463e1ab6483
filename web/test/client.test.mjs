import test from 'node:test';
import assert from 'node:assert/strict';
import { positions } from './frames.mjs';

// A browser's worth of globals, and a WebSocket whose other end the test holds.
class Socket {
  static OPEN = 1;
  static all = [];
  readyState = 1;
  sent = [];

  constructor(url, protocol) {
    this.url = new URL(url);
    this.protocol = protocol;
    Socket.all.push(this);
  }

  send(text) { this.sent.push(JSON.parse(text)); }
  close() { this.readyState = 3; }
  say(message) { this.onmessage({ data: message instanceof ArrayBuffer ? message : JSON.stringify(message) }); }
  drop() {
    this.readyState = 3;
    this.onclose();
  }
}

globalThis.WebSocket = Socket;
globalThis.window = new EventTarget();
globalThis.document = Object.assign(new EventTarget(), { hidden: false });
globalThis.location = { href: 'http://fleet.example:8080/', protocol: 'http:' };
const { FeedClient } = await import('../js/feed/client.js');

const HELLO = { type: 'hello', epoch: 'E1', seq: 10, now: 0, resumed: false };
const latest = () => Socket.all[Socket.all.length - 1];

function start(t) {
  t.mock.timers.enable({ apis: ['setTimeout', 'Date'] });
  t.mock.method(console, 'warn', () => {});
  document.hidden = false;
  const got = [];
  const note = (name) => (message) => got.push([name, message]);
  const handlers = { hello: note('hello'), dir: note('dir'), frame: note('frame'), message: note('message') };
  const feed = new FeedClient('api/v1/feed', handlers);
  feed.start();
  return { feed, got, handlers, tick: (ms) => t.mock.timers.tick(ms) };
}

const batch = (seq) => positions([{ index: 0, lat: 1, lng: 1 }], { seq });

test('connects to the page’s own server, and is live with the hello', (t) => {
  const { feed, got } = start(t);
  assert.equal(latest().url.href, 'ws://fleet.example:8080/api/v1/feed');
  assert.equal(latest().protocol, 'mwm.feed.v1');
  assert.equal(feed.state, 'connecting');
  latest().say(HELLO);
  latest().say({ type: 'dir', first: 0, ids: ['A'] });
  latest().say({ type: 'event', seq: 1 });
  assert.equal(feed.state, 'live');
  assert.deepEqual(got.map(([name]) => name), ['hello', 'dir', 'message']);
});

test('acknowledges once for the frames of a tick', (t) => {
  const { tick } = start(t);
  const socket = latest();
  socket.say(HELLO);
  socket.say(batch(11));
  socket.say(batch(11));
  assert.deepEqual(socket.sent, []);
  tick(1);
  assert.deepEqual(socket.sent, [{ type: 'ack', seq: 11 }]);
});

test('comes back with what it has, from before a tick that may be half seen', (t) => {
  const { feed, tick } = start(t);
  latest().say(HELLO);
  latest().say({ type: 'dir', first: 0, ids: ['A', 'B'] });
  latest().say({ type: 'dir', first: 2, ids: ['C'] });
  latest().say(batch(42));
  latest().drop();
  assert.equal(feed.state, 'waiting');
  tick(500);
  assert.equal(feed.state, 'retrying');
  assert.equal(latest().url.search, '?epoch=E1&seq=41&dir=3');
  latest().say({ ...HELLO, seq: 50, resumed: true });
  assert.equal(feed.seq, 42, 'not what it has not seen');
  latest().drop();
  tick(1000);
  assert.equal(latest().url.searchParams.get('dir'), '3', 'what it knew before');
  latest().say({ ...HELLO, epoch: 'E2' });
  latest().drop();
  tick(2000);
  assert.equal(latest().url.searchParams.get('dir'), '0', 'another server names them anew');
});

test('waits longer each time, and not at all when the network or the user comes back', (t) => {
  const { tick } = start(t);
  const before = Socket.all.length;
  latest().drop();
  tick(500);
  latest().drop();
  tick(499);
  assert.equal(Socket.all.length, before + 1);
  window.dispatchEvent(new Event('online'));
  assert.equal(Socket.all.length, before + 2);
  latest().drop();
  document.dispatchEvent(new Event('visibilitychange'));
  assert.equal(Socket.all.length, before + 3);
});

test('the waits start over only after a connection that lasted', (t) => {
  t.mock.method(Math, 'random', () => 1);
  const { feed, tick } = start(t);
  const waits = [];
  const lose = () => {
    latest().drop();
    waits.push(feed.retryAt - Date.now());
    tick(20000);
  };
  for (let k = 0; k < 3; k++) {
    latest().say(HELLO);
    lose();
  }
  latest().say(HELLO);
  tick(11000);
  lose();
  assert.deepEqual(waits, [500, 1000, 2000, 500]);
});

test('a link on which nothing comes any more is given up', (t) => {
  const { feed, got, tick } = start(t);
  const socket = latest();
  socket.say(HELLO);
  for (let k = 0; k < 6; k++) {
    tick(10000);
    socket.say({ type: 'alive' });
  }
  assert.equal(feed.state, 'live', 'a sign of life is enough');
  assert.deepEqual(got.map(([name]) => name), ['hello'], 'and nobody else’s business');
  tick(24999);
  assert.equal(feed.state, 'live');
  tick(1);
  assert.equal(feed.state, 'waiting');
  assert.equal(socket.readyState, 3);
});

test('a hidden page pauses, also one that was hidden when it connected', (t) => {
  start(t);
  const socket = latest();
  socket.say(HELLO);
  document.hidden = true;
  document.dispatchEvent(new Event('visibilitychange'));
  document.hidden = false;
  document.dispatchEvent(new Event('visibilitychange'));
  assert.deepEqual(socket.sent, [{ type: 'pause' }, { type: 'resume' }]);
  document.hidden = true;
  socket.sent = [];
  socket.say(HELLO);
  assert.deepEqual(socket.sent, [{ type: 'pause' }]);
});

test('a feed that contradicts what is known starts over, without resuming', (t) => {
  const { feed, handlers, tick } = start(t);
  latest().say(HELLO);
  handlers.frame = () => { throw new Error('device 7 is not in the directory'); };
  const socket = latest();
  socket.say(batch(11));
  assert.equal(socket.readyState, 3);
  assert.equal(feed.state, 'waiting');
  tick(500);
  assert.equal(latest().url.search, '');
});

test('a server that accepts and stays silent is given up', (t) => {
  const { feed, tick } = start(t);
  const socket = latest();
  tick(10000);
  assert.equal(socket.readyState, 3);
  assert.equal(feed.state, 'waiting');
  socket.say(HELLO);
  assert.equal(feed.state, 'waiting', 'what it says later is not heard');
});
