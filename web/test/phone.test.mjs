import test from 'node:test';
import assert from 'node:assert/strict';
import { problemWith } from '../js/deviceid.js';
import { suggest, ownID, offeredID, linkedID, keepID } from '../js/phone/identity.js';
import { attitudeOf, encode, inDegrees, wrapped } from '../js/phone/attitude.js';
import { fixOf, tooOld, reportOf, shown, metresFrom, moved, coordinatesOf } from '../js/phone/position.js';
import { Track, radiusFor } from '../js/phone/track.js';
import { step } from '../js/phone/walk.js';
import { Tilt } from '../js/phone/tilt.js';
import { Pacer } from '../js/phone/pacer.js';
import { ShakeDetector } from '../js/phone/shake.js';
import { Channel } from '../js/phone/channel.js';
import { isLight } from '../js/phone/alarm.js';
import { Awake } from '../js/phone/awake.js';
import { questions } from '../js/phone/permissions.js';
import { phoneURL } from '../js/ui/commands.js';

test('an ID may be what the server takes for one', () => {
  for (const id of ['BBB', '길동이의 트럭', '<img src=x onerror=1 ', ' x', 'ẞ'.repeat(128), '🚚'.repeat(128)]) assert.equal(problemWith(id), null, id);
  for (const character of './*>+#') assert.equal(problemWith(`a${character}b`), 'address', character);
  assert.equal(problemWith(''), 'empty');
  assert.equal(problemWith('🚚'.repeat(129)), 'long');
  for (const id of ['a\nb', 'a\u0000', '\u0085', '\ud83d']) assert.equal(problemWith(id), 'control', JSON.stringify(id));
});

test('suggested names are IDs, and differ', () => {
  const names = new Set(Array.from({ length: 200 }, () => suggest()));
  for (const name of names) assert.match(name, /^[a-z]+-[a-z]+-\d{4}$/);
  assert.ok(names.size > 190);
});

test('the ID is kept; a link may say another one, if it is one', () => {
  const first = ownID('');
  assert.equal(ownID(''), first);
  assert.equal(ownID('#id=a/b'), first);
  assert.equal(ownID('#id=%EA%B8%B8%EB%8F%99'), '길동');
  assert.equal(ownID(''), '길동');
  keepID('BBB');
  assert.equal(ownID('#other=1'), 'BBB');
  assert.deepEqual(['#id=CCC', '#id=a/b', '#id=', ''].map(linkedID), ['CCC', null, null, null]);
});

test('a link takes no device away from positions that are still to be sent', () => {
  keepID('BBB');
  assert.equal(offeredID('#id=CCC', 3), 'CCC');
  for (const [hash, unsent] of [['#id=CCC', 0], ['#id=BBB', 3], ['', 3], ['#id=a/b', 3]]) assert.equal(offeredID(hash, unsent), null, hash);
  assert.equal(ownID(''), 'BBB');
});

test('attitude: degrees of the browser to radians of the wire', () => {
  assert.deepEqual([0, 90, 180, 180.5, 270, 359.5].map(wrapped), [0, 90, 180, -179.5, -90, -0.5]);
  assert.deepEqual(attitudeOf({ alpha: 270, beta: -180, gamma: 90 }), { pitch: -Math.PI, roll: Math.PI / 2, yaw: -Math.PI / 2 });
  assert.equal(attitudeOf({ alpha: null, beta: 1, gamma: 1 }).yaw, 0, 'no compass');
  assert.equal(attitudeOf({ alpha: null, beta: null, gamma: null }), null, 'no sensors');
});

test('a motion is 24 bytes: pitch, roll, yaw as float64, big-endian', () => {
  const bytes = encode({ pitch: 1, roll: -2, yaw: Math.PI });
  assert.equal(Buffer.from(bytes).toString('hex'), '3ff0000000000000' + 'c000000000000000' + '400921fb54442d18');
});

test('angles are shown as printf does, without a negative zero', () => {
  assert.deepEqual([0, 0.5, -0.52, -0.001, Math.PI].map(inDegrees), ['0°', '29°', '-30°', '0°', '180°']);
});

test('positions', () => {
  const fix = fixOf({ coords: { latitude: -33.85681, longitude: 151.2153, accuracy: 8.04, speed: null, heading: NaN }, timestamp: 1000 });
  assert.deepEqual(fix, { lat: -33.85681, lng: 151.2153, ts: 1000, accuracy: 8.04, speed: null, heading: null });
  assert.deepEqual(reportOf(fix), { lat: -33.85681, lng: 151.2153, ts: '1970-01-01T00:00:01.000Z', accuracy: 8 });
  assert.deepEqual(reportOf({ ...fix, speed: 3.456, heading: 0 }).speed, 3.46);
  assert.equal(shown(fix), 'φ:-33.8568, λ:151.2153');
  assert.equal(shown({ lat: 48.8581, lng: 2.2946 }), 'φ:48.8581, λ:2.2946');
  assert.equal(tooOld(fix, 31000), false);
  assert.equal(tooOld(fix, 31001), true, 'older than 30 s');
});

test('metres there and back, also over the date line', () => {
  for (const home of [{ lat: 0, lng: 0 }, { lat: 60, lng: 179.9999 }, { lat: -70, lng: -180 }]) {
    const { east, north } = metresFrom(home, moved(home, 300, -400));
    assert.ok(Math.abs(east - 300) < 1 && Math.abs(north + 400) < 1, `${east} ${north}`);
  }
});

test('coordinates as people write them', () => {
  assert.deepEqual(coordinatesOf('48.8581, 2.2946'), { lat: 48.8581, lng: 2.2946 });
  assert.deepEqual(coordinatesOf('-33.85 151.2'), { lat: -33.85, lng: 151.2 });
  for (const text of ['', '1', '1,2,3', '91, 0', '0, 181', 'north']) assert.equal(coordinatesOf(text), null, text);
});

test('the scope shows most of the way, and room for the accuracy', () => {
  const line = (length) => Array.from({ length: 11 }, (_, i) => ({ east: i * length / 10, north: 0 }));
  assert.equal(radiusFor([], 5), 10);
  assert.equal(radiusFor([{ east: 0, north: 0 }], 30), 50);
  assert.equal(radiusFor(line(160), 5), 200);
  assert.equal(radiusFor(line(1e7), 5), 100000);
  const track = new Track();
  for (let i = 0; i < 1000; i++) track.add({ lat: i / 1e5, lng: 0 });
  assert.equal(track.around().length, 600);
  assert.deepEqual(track.around().at(-1), { east: 0, north: 0 });
});

test('a walk goes at its pace and stays around its place', () => {
  const home = { lat: 42.5063, lng: 1.5218 };
  let seed = 7;
  const random = () => (seed = seed * 16807 % 2147483647) / 2147483647;
  let at = { ...home, heading: 90, speed: 0 };
  let furthest = 0;
  for (let s = 0; s < 3600; s++) {
    const next = step(at, home, 1.4, 1, random);
    const { east, north } = metresFrom(at, next);
    assert.ok(Math.hypot(east, north) < 1.4 * 1.2, 'no jumps');
    assert.ok(next.heading >= 0 && next.heading < 360);
    at = next;
    const away = metresFrom(home, at);
    furthest = Math.max(furthest, Math.hypot(away.east, away.north));
  }
  assert.ok(furthest > 15 && furthest < 150, `${furthest} m`);
});

test('a finger tilts the phone no further than a sensor would say', () => {
  const tilt = new Tilt();
  let last = null;
  tilt.addEventListener('attitude', ({ detail }) => { last = detail; });
  tilt.drag(10, 10);
  assert.equal(last, null, 'not while it is off');
  tilt.start();
  tilt.drag(1e6, -1e6);
  tilt.turnTo('yaw', 4);
  assert.deepEqual(last, { pitch: -Math.PI, roll: Math.PI / 2, yaw: Math.PI });
});

test('motions go out at most every 100 ms and at least every second', (t) => {
  t.mock.timers.enable({ apis: ['setTimeout', 'Date'] });
  const sent = [];
  const pacer = new Pacer((value) => sent.push([Date.now(), value]), () => Date.now());
  const run = (ms, offer) => { for (let k = 0; k < ms; k += 10) { offer?.(k); t.mock.timers.tick(10); } };
  run(1000, (k) => pacer.offer(k));
  assert.equal(sent.length, 11, 'a sensor at 100 Hz: from 0 to 1000 ms');
  assert.ok(sent.every(([at], i) => i === 0 || at - sent[i - 1][0] >= 100));
  run(200);
  assert.equal(sent.at(-1)[1], 990, 'the last value is not lost');
  sent.length = 0;
  run(5000);
  assert.ok(sent.length >= 5 && sent.length <= 6, `a phone that lies still: ${sent.length} in 5 s`);
  pacer.stop();
  sent.length = 0;
  run(3000);
  assert.equal(sent.length, 0);
});

test('a shake is told from a step and from a throw', () => {
  const feel = (strengths, every = 80) => {
    const detector = new ShakeDetector();
    return strengths.map((x, i) => detector.feel({ x, y: 1, z: 0 }, i * every)).filter(Boolean).length;
  };
  assert.equal(feel([20, -20, 20, -20, 20]), 1);
  assert.equal(feel([6, -6, 6, -6, 6, -6, 6, -6]), 0, 'walking');
  assert.equal(feel([20, 20, 20, 20, 20, 20]), 0, 'one push');
  assert.equal(feel([20, -20, 20, -20, 20, -20], 600), 0, 'too slow');
  assert.equal(feel(Array.from({ length: 12 }, (_, i) => (i % 2 ? 20 : -20))), 1, 'one shake is one');
  assert.equal(new ShakeDetector().feel({ x: null, y: null, z: null }, 0), false, 'no sensor');
});

test('a channel has one source at a time, and remembers which', () => {
  const source = () => Object.assign(new EventTarget(), { state: 'off', start() { this.state = 'live'; }, stop() { this.state = 'off'; } });
  const sources = { sensor: source(), simulated: source() };
  const channel = new Channel('test', 'fix', sources);
  const values = [];
  let switched = 0;
  channel.addEventListener('value', ({ detail }) => values.push(detail));
  channel.addEventListener('switch', () => switched++);
  assert.equal(channel.chosen, null);
  channel.switchTo('simulated');
  sources.simulated.dispatchEvent(new CustomEvent('fix', { detail: 1 }));
  sources.sensor.dispatchEvent(new CustomEvent('fix', { detail: 'of the one that is off' }));
  channel.switchTo('off');
  sources.simulated.dispatchEvent(new CustomEvent('fix', { detail: 'of the one that is off' }));
  assert.deepEqual(values, [1]);
  assert.equal(sources.simulated.state, 'off');
  assert.equal(channel.usual, 'simulated');
  assert.equal(switched, 1);
  channel.switchTo('simulated');
  assert.equal(switched, 1, 'off and on again is no switch');
  const again = new Channel('test', 'fix', sources);
  again.resume();
  assert.equal(again.mode, 'simulated');
});

test('switched off and on again while the browser thinks about it, the screen is kept on by one lock', async () => {
  const locks = [];
  const answers = [];
  const request = () => new Promise((resolve) => {
    const lock = Object.assign(new EventTarget(), { released: false, release() { this.released = true; this.dispatchEvent(new Event('release')); } });
    locks.push(lock);
    answers.push(() => resolve(lock));
  });
  globalThis.document = Object.assign(new EventTarget(), { hidden: false });
  Object.defineProperty(globalThis, 'navigator', { value: { wakeLock: { request } }, configurable: true });
  const awake = new Awake();
  for (const wanted of [true, false, true]) awake.want(wanted);
  for (const answer of answers) answer();
  await new Promise(setImmediate);
  assert.deepEqual([awake.held, locks.map((lock) => lock.released)], [true, [false, true]]);
  awake.want(false);
  assert.deepEqual([awake.held, locks.map((lock) => lock.released)], [false, [true, true]]);
});

test('the ink of an alert can be read on its colour', () => {
  assert.deepEqual(['#FFFF00', '#FFFFFF', '#00FF00', '#FF0000', '#AAAAAA'].map(isLight), [true, true, true, true, true]);
  assert.deepEqual(['#000000', '#0000FF', '#800080', '#555555'].map(isLight), [false, false, false, false]);
});

test('what the browser will ask is announced', () => {
  assert.equal(questions({ location: 'prompt', motion: 'unknown' }), 'both');
  assert.equal(questions({ location: 'prompt', motion: 'granted' }), 'location');
  assert.equal(questions({ location: 'granted', motion: 'prompt' }), 'motion');
  assert.equal(questions({ location: 'granted', motion: 'denied' }), null);
});

test('the QR code names the address that is best and known to work', () => {
  const local = { origin: 'http://localhost:8080', hostname: 'localhost' };
  const lan = { origin: 'http://192.168.1.5:8080', hostname: '192.168.1.5' };
  assert.equal(phoneURL([], local), null);
  assert.equal(phoneURL([], { origin: 'http://[::1]:8080', hostname: '[::1]' }), null);
  assert.equal(phoneURL(['http://10.0.0.7:8080/phone'], local), 'http://10.0.0.7:8080/phone');
  assert.equal(phoneURL(['http://10.0.0.7:8080/phone'], lan), 'http://192.168.1.5:8080/phone');
  assert.equal(phoneURL(['https://10.0.0.7:8443/phone', 'http://10.0.0.7:8080/phone'], lan), 'https://10.0.0.7:8443/phone');
  assert.equal(phoneURL(['https://172.18.0.2:8443/phone'], { origin: 'https://fleet.example', hostname: 'fleet.example' }), 'https://fleet.example/phone');
});
