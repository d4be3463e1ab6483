import test from 'node:test';
import assert from 'node:assert/strict';
import { Link } from '../js/phone/link.js';
import { Outbox } from '../js/phone/outbox.js';
import { Inbox } from '../js/phone/inbox.js';

// A session that confirms what it is sent when the test says so.
class Session {
  sent = [];

  sendPosition(report, done) {
    this.sent.push({ report, done });
  }

  confirm(count = this.sent.length) {
    for (const { done } of this.sent.splice(0, count)) done();
  }
}

const numbers = (session) => session.sent.map(({ report }) => report.n);

test('positions wait for a connection, and go in order', () => {
  const box = new Outbox();
  for (let n = 0; n < 3; n++) box.add({ n });
  assert.equal(box.unsent, 3);
  const session = new Session();
  let arrived = 0;
  box.connected(session, () => arrived++);
  box.add({ n: 3 });
  assert.deepEqual(numbers(session), [0, 1, 2, 3]);
  assert.equal(box.size, 4, 'not yet confirmed');
  session.confirm();
  assert.equal(box.size, 0);
  assert.equal(arrived, 4);
});

test('what a dying connection swallowed is sent again, once', () => {
  const box = new Outbox();
  const dying = new Session();
  box.connected(dying);
  for (let n = 0; n < 5; n++) box.add({ n });
  const late = dying.sent.slice(2);
  dying.confirm(2);
  box.disconnected();
  const next = new Session();
  box.connected(next);
  assert.deepEqual(numbers(next), [2, 3, 4]);
  for (const { done } of late) done(); // of the old connection: means nothing now
  assert.equal(box.size, 3);
  next.confirm();
  assert.equal(box.size, 0);
});

test('many are sent in a window', () => {
  const box = new Outbox();
  for (let n = 0; n < 1000; n++) box.add({ n });
  const session = new Session();
  box.connected(session);
  const all = [];
  let most = 0;
  while (session.sent.length) {
    most = Math.max(most, session.sent.length);
    all.push(session.sent[0].report.n);
    session.confirm(1);
  }
  assert.deepEqual(all, Array.from({ length: 1000 }, (_, n) => n));
  assert.ok(most <= 25, `${most} on their way`);
});

test('what waits is bounded: the older half gets coarser, the newest stay', () => {
  const box = new Outbox();
  for (let n = 0; n < 20000; n++) box.add({ n });
  assert.ok(box.size <= 5000 && box.size > 3000, `${box.size}`);
  const session = new Session();
  box.connected(session);
  const kept = [];
  while (session.sent.length) {
    kept.push(session.sent[0].report.n);
    session.confirm(1);
  }
  assert.equal(kept[0], 0, 'where the way began');
  assert.deepEqual(kept.slice(-1000), Array.from({ length: 1000 }, (_, i) => 19000 + i));
  assert.deepEqual(kept, [...kept].sort((a, b) => a - b));
});

test('what waits outlives the page', () => {
  let disk = [];
  const store = { load: () => disk, save: (list) => { disk = structuredClone(list); } };
  const box = new Outbox(store);
  box.add({ n: 1 });
  box.add({ n: 2 });
  const again = new Outbox(store);
  const session = new Session();
  again.connected(session);
  session.confirm(1);
  assert.deepEqual(disk, [{ n: 2 }]);
});

const delivery = (key, answers) => ({ key, body: `text ${key}`, at: 1, answer: (ok, done) => answers.push({ key, ok, done }) });

test('texts are answered one by one', () => {
  const answers = [];
  const inbox = new Inbox();
  assert.ok(inbox.receive(delivery('a', answers)));
  assert.ok(inbox.receive(delivery('b', answers)));
  assert.deepEqual(inbox.open.map((text) => text.key), ['a', 'b'], 'the oldest first');
  inbox.decide('a', 'confirmed');
  inbox.decide('b', 'refused');
  inbox.decide('b', 'confirmed');
  assert.deepEqual(answers.map(({ key, ok }) => [key, ok]), [['a', true], ['b', false]]);
  assert.deepEqual(inbox.texts.map((text) => text.settled), [false, false]);
  for (const { done } of answers) done();
  assert.deepEqual(inbox.texts.map((text) => text.settled), [true, true]);
});

test('a text that comes again gets the answer that it had, and is not shown twice', () => {
  const answers = [];
  const inbox = new Inbox();
  inbox.receive(delivery('a', answers));
  inbox.disconnected();
  inbox.decide('a', 'refused'); // nobody to tell
  assert.deepEqual(answers, []);
  assert.equal(inbox.receive(delivery('a', answers)), null);
  assert.equal(inbox.receive(delivery('a', answers)), null, 'and again: the broker tries a refused one several times');
  assert.deepEqual(answers.map(({ ok }) => ok), [false, false]);
  assert.equal(inbox.texts.length, 1);
});

test('a text that waits for its answer is not shown twice, either', () => {
  const answers = [];
  const inbox = new Inbox();
  inbox.receive(delivery('a', answers));
  inbox.disconnected();
  assert.equal(inbox.receive(delivery('a', answers)), null);
  inbox.decide('a', 'confirmed');
  assert.equal(answers.length, 1, 'told to the new connection');
});

test('the list is bounded; answered texts go first; what is kept is believed only if it is one', () => {
  let disk = [{ nonsense: 1 }, null];
  const store = { load: () => disk, save: (list) => { disk = structuredClone(list); } };
  const inbox = new Inbox(store);
  assert.equal(inbox.texts.length, 0);
  for (let n = 0; n < 60; n++) {
    inbox.receive(delivery(`t${n}`, []));
    if (n % 2) inbox.decide(`t${n}`, 'confirmed');
  }
  assert.equal(inbox.texts.length, 50);
  assert.equal(inbox.open.length, 30, 'all that wait for an answer');
  assert.equal(new Inbox(store).texts.length, 50);
});

// A link whose sessions the test makes succeed and fail.
function link(t) {
  t.mock.timers.enable({ apis: ['setTimeout', 'Date'] });
  const sessions = [];
  const states = [];
  const made = new Link((events) => {
    const session = { ...events, closed: false, dropped: false, close() { this.closed = true; }, drop() { this.dropped = true; } };
    sessions.push(session);
    return session;
  });
  made.addEventListener('state', () => states.push(made.state));
  return { made, sessions, states };
}

test('a link comes back, later and later', (t) => {
  const { made, sessions, states } = link(t);
  made.start();
  sessions[0].up();
  assert.equal(made.live, true);
  sessions[0].down();
  assert.deepEqual(states, ['connecting', 'live', 'waiting']);
  t.mock.timers.tick(500);
  assert.equal(sessions.length, 2);
  assert.equal(made.state, 'retrying');
  sessions[1].down();
  assert.ok(made.retryAt - Date.now() >= 500, 'twice as long');
  sessions[0].up(); // the one before is of no interest
  assert.equal(made.state, 'waiting');
  made.retry();
  sessions[2].up();
  assert.equal(made.live, true);
});

test('a link that another page has taken waits for the user', (t) => {
  const { made, sessions } = link(t);
  made.start();
  sessions[0].up();
  sessions[0].taken();
  sessions[0].down();
  assert.equal(made.state, 'taken');
  made.retry();
  t.mock.timers.tick(60000);
  assert.equal(sessions.length, 1, 'it does not come back by itself');
  made.start();
  assert.equal(sessions.length, 2);
});

test('a link that is stopped says goodbye and stays away', async (t) => {
  const { made, sessions } = link(t);
  made.start();
  sessions[0].up();
  await made.stop();
  assert.equal(sessions[0].closed, true);
  sessions[0].down();
  t.mock.timers.tick(60000);
  assert.equal(made.state, 'off');
  assert.equal(sessions.length, 1);
});

test('a link that is dropped comes back when it is wanted', (t) => {
  const { made, sessions } = link(t);
  made.start();
  sessions[0].up();
  made.drop();
  assert.deepEqual([sessions[0].dropped, sessions[0].closed, made.state], [true, false, 'waiting']);
  sessions[0].down();
  t.mock.timers.tick(60000);
  assert.equal(sessions.length, 1, 'the page is gone, or frozen');
  made.retry();
  assert.equal(sessions.length, 2);
});

test('a link whose credentials are refused waits for others', (t) => {
  const { made, sessions } = link(t);
  made.start();
  sessions[0].refused();
  sessions[0].down();
  t.mock.timers.tick(60000);
  made.retry();
  assert.deepEqual([made.state, sessions.length], ['refused', 1]);
  made.start();
  sessions[1].up();
  assert.equal(made.live, true);
});
