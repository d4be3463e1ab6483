import test from 'node:test';
import assert from 'node:assert/strict';
import { BulkSend } from '../js/bulk.js';
import { Marks } from '../js/marks.js';

const devices = (n) => Array.from({ length: n }, (_, i) => `truck-${i}`);
const accept = (part) => part.map((device) => ({ id: `text-${device}`, device, state: 'accepted', updated: 1 }));

test('a text goes to all, part by part, and what becomes of it is counted', async () => {
  const parts = [];
  let changes = 0;
  const bulk = new BulkSend(devices(450), async (part) => {
    parts.push(part.length);
    return { texts: accept(part), refused: [] };
  }, () => { changes++; });
  await bulk.run();
  assert.deepEqual(parts, [200, 200, 50]);
  assert.deepEqual([bulk.handled, bulk.running, bulk.left.length], [450, false, 0]);
  bulk.heard({ id: 'text-truck-7', state: 'consumed', updated: 3 });
  bulk.heard({ id: 'text-truck-7', state: 'delivered', updated: 2 }); // overtaken
  bulk.heard({ id: 'somebody else’s', state: 'expired', updated: 9 });
  assert.deepEqual(bulk.counts, { accepted: 449, waiting: 0, delivered: 0, consumed: 1, refused: 0, expired: 0, deleted: 0 });
  assert.equal(changes, 5);
});

test('the feed may be faster than the answer', async () => {
  const bulk = new BulkSend(['AAA'], async () => {
    bulk.heard({ id: 'text-AAA', state: 'delivered', updated: 5 });
    return { texts: accept(['AAA']), refused: [] };
  }, () => {});
  await bulk.run();
  assert.equal(bulk.counts.delivered, 1);
});

test('those that have got nothing can be tried again', async () => {
  let n = 0;
  const bulk = new BulkSend(devices(600), async (part) => {
    if (++n === 2) throw new Error('the server is away');
    return { texts: accept(part.slice(1)), refused: [{ device: part[0], code: 'queue-full', detail: 'its queue is full' }] };
  }, () => {});
  await bulk.run();
  assert.equal(bulk.left.length, 202);
  assert.deepEqual([bulk.failed.get('truck-0'), bulk.failed.get('truck-200')], [{ code: 'queue-full', detail: 'its queue is full' }, { detail: 'the server is away' }]);
});

test('a stop lets nothing further begin', async () => {
  const bulk = new BulkSend(devices(1000), async (part) => {
    bulk.stop();
    assert.ok(bulk.running, 'what is under way may still go wrong');
    return { texts: accept(part), refused: [] };
  }, () => {});
  await bulk.run();
  assert.deepEqual([bulk.handled, bulk.left.length, bulk.running], [200, 800, false]);
});

test('a stop during the last request waits for what becomes of it', async () => {
  const said = [];
  const bulk = new BulkSend(devices(2), async () => {
    bulk.stop();
    throw new Error('the server is away');
  }, () => said.push([bulk.running, bulk.left.length]));
  await bulk.run();
  assert.deepEqual(said, [[true, 0], [false, 2]]);
});

test('marks', () => {
  const marks = new Marks();
  let changes = 0;
  marks.addEventListener('change', () => { changes++; });
  marks.set(['B', 'A'], true);
  marks.toggle('C');
  marks.toggle('B');
  assert.deepEqual(marks.list(), ['A', 'C']);
  assert.ok(marks.has('A') && !marks.has('B'));
  marks.clear();
  marks.clear();
  assert.deepEqual([marks.size, changes], [0, 4]);
});
