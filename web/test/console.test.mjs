import test from 'node:test';
import assert from 'node:assert/strict';
import { Scroll } from '../js/console/scroll.js';
import { Rows } from '../js/console/rows.js';
import { Search, Sweep } from '../js/console/steps.js';
import { parse, format, deadFor } from '../js/console/place.js';
import { bytesOf, formsOf, pretty, dump, angles, asText } from '../js/console/body.js';

test('a list that can be laid out scrolls as it is', () => {
  const scroll = new Scroll(40);
  scroll.resize(1000, 400);
  assert.equal(scroll.height, 40000);
  scroll.moved(4000);
  assert.deepEqual([scroll.top, scroll.first, scroll.yOf(100, 4000), scroll.settled()], [4000, 100, 4000, 4000]);
  assert.equal(scroll.reveal(5), 200);
  assert.equal(scroll.reveal(5), 200, 'it is in sight');
  assert.equal(scroll.reveal(20), 440, 'at the lower edge');
  scroll.resize(3, 400);
  assert.equal(scroll.top, 0, 'the list has become short');
});

test('a million rows: step by step, in proportion, from end to end', () => {
  const scroll = new Scroll(40);
  scroll.resize(1_000_000, 800);
  const end = scroll.height - 800;
  assert.equal(scroll.height, 16_000_000);
  let top = 0;
  for (let k = 0; k < 100; k++) scroll.moved(top += 100); // the wheel
  assert.equal(scroll.top, 10000, 'not a row is passed over');
  top = scroll.settled();
  assert.equal(top, Math.round(10000 / (40e6 - 800) * end));
  scroll.moved(top);
  assert.equal(scroll.top, 10000, 'settling moves nothing');
  scroll.moved(end / 2);
  assert.ok(Math.abs(scroll.first - 500_000) < 100, `${scroll.first}`);
  scroll.moved(end);
  assert.equal(scroll.top, 40e6 - 800);
  assert.equal(Math.round(scroll.yOf(999_999, end)), 16_000_000 - 40, 'the last row is at the end');
  scroll.moved(end / 2);
  scroll.moved(end - 300);
  scroll.moved(end);
  assert.equal(scroll.top, 40e6 - 800, 'the wheel gets to the end, too');
  scroll.moved(300);
  scroll.moved(0);
  assert.equal(scroll.top, 0);
  const at = scroll.reveal(700_000);
  assert.equal(scroll.top, 700_000 * 40 + 40 - 800);
  scroll.moved(at);
  assert.equal(scroll.top, 700_000 * 40 + 40 - 800);
});

function server(total) {
  const asked = [];
  const load = async (offset, limit) => { // whatever was aborted: the answer may be there already
    asked.push(offset);
    await null;
    return { total, rows: Array.from({ length: Math.max(0, Math.min(limit, total - offset)) }, (_, k) => offset + k) };
  };
  return { asked, load };
}

const settled = () => new Promise((resolve) => { setTimeout(resolve); });

test('rows come page by page, once, and the oldest go', async () => {
  const { asked, load } = server(10_000);
  let changes = 0;
  const rows = new Rows(load, () => { changes++; });
  rows.want(0, 30);
  rows.want(0, 30);
  assert.equal(rows.at(3), undefined);
  await settled();
  assert.deepEqual([rows.at(3), rows.total, asked, changes], [3, 10_000, [0], 1]);
  rows.want(90, 110);
  await settled();
  assert.deepEqual([rows.at(110), asked], [110, [0, 100]]);
  assert.equal(rows.find((row) => row === 110), 110);
  for (let first = 200; first < 3000; first += 100) {
    rows.want(first, first + 10);
    await settled();
  }
  assert.equal(rows.at(3), undefined, 'forgotten');
  assert.equal(rows.at(2905), 2905);
  rows.want(20_000, 20_010);
  assert.equal(asked.length, 30, 'nothing is behind the end');
});

test('a refresh shows what was there until the answer comes; a new list shows nothing', async () => {
  const { asked, load } = server(300);
  const rows = new Rows(load, () => {});
  rows.want(0, 250);
  await settled();
  const refreshed = rows.refresh(110, 140);
  assert.equal(rows.at(120), 120);
  assert.equal(rows.at(20), undefined);
  await refreshed;
  assert.deepEqual(asked, [0, 100, 200, 100]);
  rows.want(0, 10);
  rows.drop();
  assert.deepEqual([rows.total, rows.at(120)], [null, undefined]);
  await settled();
  assert.equal(rows.at(5), undefined, 'an answer to what was asked before does not count');
});

test('an error is kept until an answer comes, and nothing is asked again and again', async () => {
  let fail = true;
  let asked = 0;
  const rows = new Rows(async () => {
    asked++;
    if (fail) throw new Error('no');
    return { rows: ['a'], total: 1 };
  }, () => rows.want(0, 5));
  rows.want(0, 5);
  await settled();
  assert.deepEqual([rows.error.message, asked], ['no', 1]);
  fail = false;
  await rows.refresh(0, 5);
  assert.deepEqual([rows.error, rows.at(0), rows.total], [null, 'a', 1]);
});

test('work goes on until nothing is left, it is stopped or fails', async () => {
  const steps = [{ count: 3, more: true }, { count: 2, more: false }];
  const sweep = new Sweep(async () => steps.shift());
  const seen = [];
  await sweep.run(() => seen.push([sweep.done, sweep.running]));
  assert.deepEqual([sweep.done, sweep.running, sweep.error, seen], [5, false, null, [[3, true]]]);
  const stopped = new Sweep(async () => { stopped.stop(); return { count: 1, more: true }; });
  await stopped.run(() => assert.fail('nothing goes on'));
  assert.equal(stopped.done, 1);
  const failed = new Sweep(async () => { throw new Error('full'); });
  await failed.run(() => {});
  assert.deepEqual([failed.error.message, failed.running], ['full', false]);
});

test('links to places there and back, whatever the names', () => {
  for (const name of ['orders', 'a/b', '%2F', '%25/%', '..', '<img>&q=#', '길 동']) {
    for (const place of [{ section: 'queues', ref: { queue: name } }, { section: 'durables', ref: { client: name, durable: `${name}/x` } }]) {
      assert.deepEqual(parse(format(place)), place);
    }
  }
  for (const text of ['', undefined, 'evil', 'queue', 'queue/', 'durable/x', 'queues/x']) assert.deepEqual(parse(text), { section: 'queues', ref: null });
  assert.deepEqual(parse('retained'), { section: 'retained', ref: null });
  assert.equal(deadFor({ queue: 'DLQ.device.BBB.text' }), 'device.BBB.text');
  assert.equal(deadFor({ queue: 'orders' }) + deadFor(null), '');
});

test('bodies: what they can be shown as', () => {
  const text = (data) => ({ encoding: 'text', data, size: data.length });
  assert.deepEqual(formsOf(text('{"a":1}')), ['json', 'text', 'hex']);
  assert.deepEqual(formsOf(text('{no JSON')), ['text', 'hex']);
  assert.deepEqual(formsOf(text('42')), ['text', 'hex']);
  assert.deepEqual(formsOf({ encoding: 'base64', data: 'AAEC/w==', size: 4 }), ['hex']);
  assert.deepEqual(formsOf(text('')), []);
  const motion = { encoding: 'base64', data: btoa(String.fromCharCode(0x3f, 0xf8, ...new Array(22).fill(0))), size: 24 };
  assert.deepEqual(formsOf(motion, '/topic/.mwm.AAA.motion'), ['motion', 'hex']);
  assert.deepEqual(formsOf(motion, '/queue/x'), ['hex']);
  assert.deepEqual(angles(bytesOf(motion)), [1.5, 0, 0]);
});

test('JSON is only spaced: no number and no member changes', () => {
  assert.equal(pretty('{"a":12345678901234567890,"a":1.50,"b":[],"c":{"d":"x, {y}: \\"z\\""}}'),
    '{\n  "a": 12345678901234567890,\n  "a": 1.50,\n  "b": [],\n  "c": {\n    "d": "x, {y}: \\"z\\""\n  }\n}');
  assert.equal(pretty('[1,[2]]'), '[\n  1,\n  [\n    2\n  ]\n]');
  assert.equal(pretty('"text"'), null);
  assert.equal(pretty('{"a":}'), null);
});

test('bytes as lines', () => {
  assert.equal(dump(bytesOf({ encoding: 'text', data: 'Where are you? 서' })), [
    '000000  57 68 65 72 65 20 61 72 65 20 79 6f 75 3f 20 ec  Where are you? ·',
    `000010  84 9c${' '.repeat(42)}  ··`,
  ].join('\n'));
  assert.equal(asText({ encoding: 'base64', data: btoa('hi'), size: 2 }, 'text'), 'hi');
});

test('a search goes on until all is looked at, enough is found, or it is stopped', async () => {
  const answers = { start: { messages: [1], next: 'a' }, a: { messages: [], next: 'b' }, b: { messages: [2, 3] } };
  let progress = 0;
  const search = new Search(async (after = 'start') => answers[after]);
  await search.run(() => { progress++; });
  assert.deepEqual([search.found, search.running, search.full, progress], [[1, 2, 3], false, false, 2]);
  const much = new Search(async () => ({ messages: new Array(300).fill('x'), next: 'more' }));
  await much.run(() => {});
  assert.deepEqual([much.found.length, much.full], [1000, true]);
  const stopped = new Search(async () => { stopped.stop(); return { messages: [1], next: 'more' }; });
  await stopped.run(() => assert.fail('nothing goes on'));
  const failed = new Search(async () => { throw new Error('gone'); });
  await failed.run(() => {});
  assert.equal(failed.error.message, 'gone');
});
