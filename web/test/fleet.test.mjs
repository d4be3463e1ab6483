import test from 'node:test';
import assert from 'node:assert/strict';
import { decode } from '../js/feed/decode.js';
import { Fleet, LOCATED, HAS_MOTION, MOVING, OFFLINE } from '../js/fleet.js';
import { positions, motions, presence } from './frames.mjs';

function fleetOf(...ids) {
  const fleet = new Fleet();
  fleet.directory(0, ids);
  return fleet;
}

const place = (fleet, row, now, options) => fleet.positions(decode(positions([row], options)), now);

test('the directory continues without gaps; a repetition changes nothing', () => {
  const fleet = fleetOf('AAA', 'BBB');
  fleet.directory(1, ['BBB', 'CCC']);
  assert.deepEqual(fleet.ids, ['AAA', 'BBB', 'CCC']);
  assert.equal(fleet.indexOf('CCC'), 2);
  assert.equal(fleet.indexOf('__proto__'), -1);
  assert.throws(() => fleet.directory(5, ['X']), /does not continue/);
  assert.throws(() => place(fleet, { index: 3, lat: 1, lng: 1 }, 0), /not in the directory/);
});

test('counts follow presence and positions', () => {
  const fleet = fleetOf('AAA', 'BBB', 'CCC');
  fleet.presence(decode(presence([{ index: 0, status: 3 }, { index: 1, status: 2 }])));
  assert.deepEqual(fleet.counts, [1, 0, 1, 1]);
  place(fleet, { index: 1, lat: 1, lng: 1, status: 3 }, 0);
  assert.deepEqual(fleet.counts, [1, 0, 0, 2]);
  assert.equal(fleet.located, 1);
  fleet.clear();
  assert.deepEqual(fleet.counts, [0, 0, 0, 0]);
  assert.equal(fleet.located, 0);
});

test('a snapshot is no sign of life, a report is', () => {
  const fleet = fleetOf('AAA');
  fleet.presence(decode(presence([{ index: 0, status: OFFLINE, age: 60000 }], { time: 100000 })));
  place(fleet, { index: 0, lat: 1, lng: 1, status: 0 }, 0, { flags: 1, time: 100000 });
  fleet.motion(decode(motions([{ index: 0, pitch: 1, roll: 2, yaw: 3 }], { flags: 1, time: 100000 })), 0);
  assert.equal(fleet.seen[0], 40000);
  place(fleet, { index: 0, lat: 1, lng: 1, status: 3 }, 0, { time: 100100 });
  assert.equal(fleet.seen[0], 100100);
  fleet.motion(decode(motions([{ index: 0, pitch: 1, roll: 2, yaw: 3, age: 5000 }], { time: 100200 })), 0);
  assert.equal(fleet.seen[0], 100100, 'an older sign does not take the newer one’s place');
});

test('a device never heard of has no last sign of life', () => {
  const fleet = fleetOf('AAA');
  fleet.presence(decode(presence([{ index: 0, status: 0, age: 0xffffffff }])));
  assert.equal(fleet.seen[0], 0);
});

test('positions glide from where the device is drawn, and jumps do not', () => {
  const fleet = fleetOf('AAA');
  const at = (now) => ({ ...fleet.position(0, now, {}) });
  place(fleet, { index: 0, lat: 0, lng: 0 }, 1000);
  assert.equal(at(1000).x, 0.5);
  place(fleet, { index: 0, lat: 0, lng: 0.036 }, 2000);
  assert.ok(Math.abs(at(2000).x - 0.5) < 1e-12, 'starts where it was');
  const half = at(2525).x;
  assert.ok(half > 0.5 && half < 0.5001);
  place(fleet, { index: 0, lat: 0, lng: 0.04 }, 2525);
  assert.ok(Math.abs(at(2525).x - half) < 1e-12, 'a report on the way does not make it jump');
  assert.ok(Math.abs(at(9999).x - (180.04 / 360)) < 1e-12, 'ends at the report');
  place(fleet, { index: 0, lat: 0, lng: 90 }, 4000);
  assert.equal(at(4000).x, 0.75, 'a teleport is one');
});

test('the last will takes a phone off the motion page, a new motion brings it back', () => {
  const fleet = fleetOf('AAA', 'BBB');
  const move = (pitch) => fleet.motion(decode(motions([{ index: 1, pitch, roll: 0, yaw: 0 }])), 0);
  move(5000);
  move(6000);
  assert.equal(fleet.motions.kept(1), 2);
  fleet.forgetMotion(1);
  assert.equal(fleet.has(1, HAS_MOTION), false);
  assert.equal(fleet.motions.kept(1), 0);
  move(7000);
  assert.equal(fleet.motions.kept(1), 1, 'nothing of before');
  assert.ok(Math.abs(fleet.motions.value(1, 0) - 0.7) < 1e-9);
});

test('presence takes off the motion page what came back late', () => {
  const fleet = fleetOf('AAA');
  const move = () => fleet.motion(decode(motions([{ index: 0, pitch: 1, roll: 0, yaw: 0 }])), 0);
  const say = (flags) => fleet.presence(decode(presence([{ index: 0, status: OFFLINE, flags }])));
  move();
  say(2 | HAS_MOTION);
  assert.equal(fleet.has(0, HAS_MOTION), true);
  fleet.forgetMotion(0);
  move(); // sent before the removal, and overtaken by it
  say(0);
  assert.equal(fleet.has(0, HAS_MOTION), false);
  assert.equal(fleet.motions.kept(0), 0);
});

test('presence does not announce values that are not here yet', () => {
  const fleet = fleetOf('AAA');
  fleet.presence(decode(presence([{ index: 0, status: MOVING, flags: 1 | LOCATED | HAS_MOTION }])));
  assert.equal(fleet.has(0, LOCATED), false);
  place(fleet, { index: 0, lat: 1, lng: 1 }, 0);
  fleet.presence(decode(presence([{ index: 0, status: MOVING, flags: 0 }])));
  assert.equal(fleet.has(0, LOCATED), true);
});

test('the rate of the watched device', () => {
  const fleet = fleetOf('AAA');
  fleet.watch(0);
  for (let k = 0; k < 5; k++) place(fleet, { index: 0, lat: 1, lng: k / 1e5 }, 1000 + k * 500, { time: k + 1 });
  assert.equal(fleet.rate(3000), 2);
  assert.ok(Number.isNaN(fleet.rate(60000)));
});

test('rings keep 50 values and their slots are used again', () => {
  const fleet = fleetOf(...Array.from({ length: 40 }, (_, i) => `P${i}`));
  for (let k = 0; k < 60; k++) fleet.motions.push(3, k, -k, 2 * k);
  assert.equal(fleet.motions.kept(3), 50);
  assert.ok(Math.abs(fleet.motions.value(3, 0, 49) - 10e-4) < 1e-12);
  assert.ok(Number.isNaN(fleet.motions.value(3, 0, 50)));
  for (let device = 0; device < 40; device++) fleet.motions.push(device, device, 0, 0);
  for (let device = 0; device < 40; device++) assert.ok(Math.abs(fleet.motions.value(device, 0) - device * 1e-4) < 1e-12);
  fleet.motions.remove(5);
  fleet.motions.push(5, 1, 1, 1);
  assert.equal(fleet.motions.size, 40);
});
