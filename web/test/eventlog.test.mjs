import test from 'node:test';
import assert from 'node:assert/strict';
import { EventLog, GROUPS } from '../js/eventlog.js';
import { KINDS } from '../js/eventtext.js';

test('every kind of event belongs to one group', () => {
  assert.deepEqual(Object.values(GROUPS).flat().sort(), [...KINDS].sort());
});

test('nobody needs to look for a rare event to stay', () => {
  const log = new EventLog();
  const seqs = (events) => events.map(({ seq }) => seq);
  log.add({ seq: 1, kind: 'lastwill' });
  for (let seq = 2; seq < 1000; seq++) log.add({ seq, kind: 'online' });
  assert.deepEqual(seqs(log.take()), Array.from({ length: 200 }, (_, k) => 800 + k));
  assert.deepEqual(log.take(), []);
  log.toggle('lastwill');
  assert.deepEqual(seqs(log.list()), [1]);
  log.add({ seq: 1000, kind: 'lastwill' });
  for (let seq = 1001; seq < 2000; seq++) log.add({ seq, kind: 'online' });
  assert.deepEqual(seqs(log.take()), [1000], 'of what is wanted');
  log.add({ seq: 2000, kind: 'lastwill' });
  assert.deepEqual(seqs(log.list()), [1, 1000, 2000]);
  assert.deepEqual(log.take(), [], 'it is in the list');
});

test('a flood of one kind leaves the others', () => {
  const log = new EventLog();
  log.add({ seq: 1, kind: 'lastwill' });
  for (let seq = 2; seq < 2000; seq++) log.add({ seq, kind: seq % 2 ? 'online' : 'offline' });
  log.add({ seq: 2000, kind: 'unheard of' });
  assert.equal(log.list().length, 200);
  assert.equal(log.list()[199].seq, 2000);
  assert.equal(log.size, 201, 'of each group the newest are kept');
  log.toggle('lastwill');
  assert.deepEqual(log.list().map(({ seq }) => seq), [1]);
  assert.deepEqual([log.shows({ kind: 'lastwill' }), log.shows({ kind: 'text' })], [true, false]);
  log.add({ seq: 2001, kind: 'text' });
  log.toggle('text');
  assert.deepEqual(log.list().map(({ seq }) => seq), [1, 2001], 'in their order');
  log.toggle('text');
  log.toggle('lastwill');
  assert.equal(log.list().length, 200, 'none chosen: all');
  log.clear();
  assert.deepEqual([log.list(), log.size], [[], 0]);
});
