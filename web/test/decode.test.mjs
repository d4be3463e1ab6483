import test from 'node:test';
import assert from 'node:assert/strict';
import { decode } from '../js/feed/decode.js';
import { frame, positions, motions, presence } from './frames.mjs';

test('positions', () => {
  const got = decode(positions([
    { index: 7, lat: 42.5063, lng: 1.5218, heading: 9000, speed: 40, status: 3 },
    { index: 70000, lat: -33.9, lng: -179.5, status: 0 },
  ], { seq: 2 ** 40, time: 1234.5, flags: 1 }));
  assert.equal(got.count, 2);
  assert.equal(got.seq, 2 ** 40);
  assert.equal(got.time, 1234.5);
  assert.equal(got.snapshot, true);
  assert.deepEqual([...got.index], [7, 70000]);
  assert.deepEqual([...got.lat], [425063000, -339000000]);
  assert.deepEqual([...got.lng], [15218000, -1795000000]);
  assert.deepEqual([...got.heading], [9000, 65535]);
  assert.deepEqual([...got.speed], [40, 255]);
  assert.deepEqual([...got.status], [3, 0]);
});

test('motions and presence with an odd number of rows', () => {
  const m = decode(motions([{ index: 1, pitch: -15708, roll: 0, yaw: 31415, age: 65535 }]));
  assert.deepEqual([m.pitch[0], m.roll[0], m.yaw[0], m.age[0]], [-15708, 0, 31415, 65535]);
  assert.equal(m.snapshot, false);
  const p = decode(presence([
    { index: 0, age: 0xffffffff, status: 0, flags: 0 }, { index: 1, age: 5, status: 2, flags: 3 }, { index: 2, age: 6, status: 3, flags: 5 },
  ]));
  assert.deepEqual([...p.age], [0xffffffff, 5, 6]);
  assert.deepEqual([...p.status], [0, 2, 3]);
  assert.deepEqual([...p.flags], [0, 3, 5]);
});

test('a frame type of a newer server is passed over', () => {
  assert.equal(decode(frame(9, {}, [['writeUInt32LE', 4, [1]]])), null);
});

test('frames that contradict themselves are refused', () => {
  const whole = positions([{ index: 0, lat: 1, lng: 1 }]);
  assert.throws(() => decode(new ArrayBuffer(23)), /no header/);
  assert.throws(() => decode(whole.slice(0, whole.byteLength - 1)), /bytes for 1 rows/);
  assert.throws(() => decode(frame(1, { version: 2 }, [['writeUInt32LE', 4, [1]]])), /version 2/);
  assert.throws(() => decode(frame(3, { count: 0xffffffff }, [['writeUInt32LE', 4, [1]]])), /rows/);
});

test('random bytes never do anything but throw or decode within their own length', () => {
  let seed = 42;
  const random = () => (seed = (seed * 1103515245 + 12345) & 0x7fffffff) & 0xff;
  for (let n = 0; n < 3000; n++) {
    const bytes = Uint8Array.from({ length: 8 + random() }, random);
    bytes[0] = 1;
    bytes[1] = n % 4;
    if (n % 2) bytes.set([n % 16, 0, 0, 0], 4);
    try {
      const got = decode(bytes.buffer);
      if (got) assert.ok(got.index.length === got.count);
    } catch (err) {
      assert.match(err.message, /feed frame|bigint|BigInt/);
    }
  }
});
