import test from 'node:test';
import assert from 'node:assert/strict';
import { candidates } from '../js/deviceid.js';
import { Fleet } from '../js/fleet.js';

const fleet = new Fleet();
fleet.directory(0, ['truck-10', 'truck-11', 'truck-12', 'truck-1', 'Bus', 'phone']);
const find = (typed, most = 6) => candidates(fleet, typed, most);

test('the device that is called so comes first, however many there are', () => {
  assert.deepEqual(find('truck-1', 3), ['truck-1', 'truck-10', 'truck-11']);
  assert.deepEqual(find('Bus'), ['Bus']);
});

test('a device that has never reported can be named, after those that have', () => {
  assert.deepEqual(find('van'), ['van']);
  assert.deepEqual(find('bus'), ['Bus', 'bus']);
  assert.deepEqual(find('TRUCK', 3), ['truck-10', 'truck-11', 'TRUCK']);
});

test('what no device can be called is not offered', () => {
  for (const typed of ['', 'a/b', 'x'.repeat(129)]) assert.deepEqual(find(typed), [], typed);
});
