import test from 'node:test';
import assert from 'node:assert/strict';
import { encode } from './tracks.mjs';

// Layers that only note what they are given.
class Layer {
  static extend() { return Layer; }
  counts = [];
  addTo() { return this; }
  show(track) { this.counts.push(track.count); }
  remove() { this.removed = true; }
}

globalThis.L = { Layer };
globalThis.matchMedia = () => ({ matches: false, addEventListener() {} });
const { Others } = await import('../js/history/others.js');

const START = 1740830400000;
const track = (points) => encode(Array.from({ length: points }, (_, k) => [START + k * 1000, 42.5 + k / 1e4, 1.5]));

test('those who are shown beside the device grow with the day', async (t) => {
  const points = { BBB: 3, CCC: 0 };
  globalThis.fetch = async (path) => {
    const id = /devices\/(\w+)\//.exec(path)[1];
    if (points[id] < 0) throw new TypeError('Failed to fetch');
    return new Response(track(points[id]));
  };
  t.mock.method(console, 'warn', () => {});
  const others = new Others({});
  const counts = () => others.list.map(({ track: one, layer }) => [one?.count, layer?.counts]);

  await others.show(['BBB', 'CCC'], '2025-03-01');
  assert.deepEqual(counts(), [[3, [3]], [undefined, undefined]]);
  Object.assign(points, { BBB: 5, CCC: 2 });
  await others.grow('2025-03-01');
  assert.deepEqual(counts(), [[5, [3, 5]], [2, [2]]]);
  Object.assign(points, { BBB: -1 });
  await others.grow('2025-03-01');
  assert.deepEqual(counts(), [[5, [3, 5]], [2, [2]]], 'nothing new, or nothing to be had');

  const [{ layer }] = others.list;
  others.clear();
  assert.ok(layer.removed);
  await others.grow('2025-03-01');
  assert.deepEqual(others.list, []);
});
