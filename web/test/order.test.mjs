import test from 'node:test';
import assert from 'node:assert/strict';
import { Fleet, MOVING, OFFLINE } from '../js/fleet.js';
import { DeviceOrder } from '../js/order.js';

function setUp(rows) {
  const fleet = new Fleet();
  fleet.directory(0, rows.map((r) => r.id));
  rows.forEach((r, i) => {
    fleet.status[i] = r.status ?? MOVING;
    fleet.speed[i] = r.speed ?? 0;
    fleet.seen[i] = r.seen ?? 0;
  });
  const order = new DeviceOrder(fleet);
  const names = () => {
    order.refresh();
    return Array.from(order.rows, (i) => fleet.ids[i]);
  };
  return { fleet, order, names };
}

test('names in the order that people expect', () => {
  const { names } = setUp(['truck-10', 'truck-9', 'bbb', 'AAA', '<b>', 'truck-9a'].map((id) => ({ id })));
  assert.deepEqual(names(), ['<b>', 'AAA', 'bbb', 'truck-9', 'truck-9a', 'truck-10']);
});

test('devices that come later are sorted in', () => {
  const { fleet, names } = setUp([{ id: 'B' }, { id: 'D' }]);
  assert.deepEqual(names(), ['B', 'D']);
  fleet.directory(2, ['C', 'A', 'E']);
  assert.deepEqual(names(), ['A', 'B', 'C', 'D', 'E']);
});

test('a new epoch starts afresh', () => {
  const { fleet, names } = setUp([{ id: 'B' }]);
  names();
  fleet.clear();
  fleet.directory(0, ['Z', 'Y']);
  assert.deepEqual(names(), ['Y', 'Z']);
});

test('search is by substring, without case, and literal', () => {
  const { order, names } = setUp([{ id: 'Truck-1' }, { id: 'phone.*' }, { id: 'phone-x' }]);
  order.query = 'TRUCK';
  assert.deepEqual(names(), ['Truck-1']);
  order.query = '.*';
  assert.deepEqual(names(), ['phone.*']);
  assert.deepEqual([...order.shown], [0, 1, 0]);
  order.query = '';
  names();
  assert.equal(order.shown, null);
});

test('status filters: the first click shows one only, more add, none left shows all', () => {
  const { order, names } = setUp([{ id: 'A', status: MOVING }, { id: 'B', status: OFFLINE }, { id: 'C', status: 2 }]);
  order.toggleStatus(OFFLINE);
  assert.deepEqual(names(), ['B']);
  order.toggleStatus(MOVING);
  assert.deepEqual(names(), ['A', 'B']);
  order.toggleStatus(MOVING);
  order.toggleStatus(OFFLINE);
  assert.deepEqual(names(), ['A', 'B', 'C']);
  assert.equal(order.filtered, false);
});

test('other orders are stable over the names', () => {
  const now = Date.now();
  const { order, names } = setUp([
    { id: 'C', speed: 10, seen: now - 5000, status: 3 }, { id: 'A', speed: 255, seen: 0, status: 0 },
    { id: 'B', speed: 10, seen: now - 90000, status: 2 }, { id: 'D', speed: 30, seen: now - 1000, status: 3 },
  ]);
  order.sort = 'speed';
  assert.deepEqual(names(), ['D', 'B', 'C', 'A'], 'fast first, unknown last');
  order.sort = 'seen';
  assert.deepEqual(names(), ['D', 'C', 'B', 'A'], 'newest first, never last');
  order.sort = 'status';
  assert.deepEqual(names(), ['C', 'D', 'B', 'A']);
});

test('50,000 rows are filtered and ordered within a frame', () => {
  const { order } = setUp(Array.from({ length: 50000 }, (_, i) => ({ id: `truck-${(i * 7919) % 50000}`, speed: i % 200 })));
  order.sort = 'speed';
  order.refresh(); // learns the names
  const times = ['9', '99', '7', '8', '1'].map((query) => {
    order.query = query;
    const started = performance.now();
    order.refresh();
    assert.ok(order.rows.length > 1000);
    return performance.now() - started;
  });
  assert.ok(Math.min(...times) < 50, `with room for a slow machine: ${times} ms`);
});

test('while neither names nor the filter change, rows by name are not computed anew', () => {
  const { fleet, order } = setUp([{ id: 'A' }, { id: 'B' }]);
  order.refresh();
  const { rows } = order;
  fleet.status[0] = OFFLINE;
  order.refresh();
  assert.equal(order.rows, rows);
  order.statuses = 0b1000;
  order.refresh();
  assert.deepEqual(Array.from(order.rows), [1]);
  fleet.status[0] = MOVING;
  order.refresh();
  assert.deepEqual(Array.from(order.rows), [0, 1]);
});
