import test from 'node:test';
import assert from 'node:assert/strict';
import { getEventListeners } from 'node:events';
import { once } from '../js/ui/lazy.js';
import { Backoff, pause } from '../js/feed/backoff.js';
import { PickGrid } from '../js/devicelayer/pickgrid.js';
import { Quality, BEST } from '../js/devicelayer/quality.js';
import { commands, hostPort } from '../js/ui/commands.js';
import { parse, format } from '../js/permalink.js';
import { ALL_STATUSES } from '../js/order.js';
import { angle } from '../js/format.js';

test('back-off doubles from 0.5 s to 15 s, with jitter downwards, and starts again', () => {
  const backoff = new Backoff();
  const longest = Array.from({ length: 8 }, () => backoff.next(() => 1));
  assert.deepEqual(longest, [500, 1000, 2000, 4000, 8000, 15000, 15000, 15000]);
  backoff.reset();
  assert.equal(backoff.next(() => 0), 250);
});

test('pauses end with their time or with the signal, and leave nothing behind', async () => {
  const controller = new AbortController();
  const listeners = () => getEventListeners(controller.signal, 'abort').length;
  for (let k = 0; k < 3; k++) await pause(1, controller.signal);
  assert.equal(listeners(), 0);
  const long = pause(3_600_000, controller.signal);
  assert.equal(listeners(), 1);
  controller.abort();
  await long;
  assert.equal(listeners(), 0);
});

test('the pick grid: first come, nearest found, edges safe', () => {
  const grid = new PickGrid(100, 60);
  assert.equal(grid.claim(10, 10, 0), true);
  assert.equal(grid.claim(11, 11, 1), false, 'the same cell');
  assert.equal(grid.claim(20, 10, 2), true);
  assert.equal(grid.nearest(13, 10, 12), 0);
  assert.equal(grid.nearest(18, 10, 12), 2);
  assert.equal(grid.nearest(60, 40, 12), -1);
  assert.equal(grid.claim(99, 59, 3), true);
  assert.equal(grid.nearest(99, 59, 12), 3);
  assert.equal(grid.nearest(0, 0, 12), -1);
  grid.clear();
  assert.equal(grid.nearest(10, 10, 12), -1);
});

test('quality goes down when redraws are slow, and comes back after a while', () => {
  const quality = new Quality();
  let now = 0;
  const draw = (ms, times) => { for (let k = 0; k < times; k++) quality.record(ms, now += 16); };
  draw(5, 100);
  assert.equal(quality.level, BEST);
  draw(20, 40);
  assert.ok(quality.level < BEST);
  draw(20, 200);
  assert.equal(quality.level, 0);
  draw(1, 100);
  assert.equal(quality.level, 0, 'not at once');
  now += 20000;
  draw(1, 100);
  assert.ok(quality.level > 0);
});

test('quality does not suffer from interruptions', () => {
  const quality = new Quality();
  let now = 0;
  for (let k = 0; k < 200; k++) quality.record(k % 3 ? 5 : 80, now += 16);
  assert.equal(quality.level, BEST);
});

test('commands name the server’s own addresses', () => {
  assert.deepEqual(hostPort('127.0.0.1:61613', 'x'), { host: '127.0.0.1', port: '61613' });
  assert.deepEqual(hostPort('[::]:61613', 'fleet.example'), { host: 'fleet.example', port: '61613' });
  assert.deepEqual(hostPort(':1883', 'fleet.example'), { host: 'fleet.example', port: '1883' });
  assert.deepEqual(hostPort('0.0.0.0:61613', '[fe80::1]'), { host: 'fe80::1', port: '61613' });
  const all = commands({ addresses: { stomp: '0.0.0.0:61613', mqtt: '[::1]:1883' } }, 'fleet.example');
  assert.deepEqual(all.map((c) => c.name), ['sim', 'mosquitto', 'netcat']);
  assert.match(all[0].command, /--stomp fleet\.example:61613 \\\n {2}--mqtt \[::1\]:1883$/);
  assert.match(all[1].command, /-h ::1 -p 1883/);
  assert.match(all[2].command, /nc fleet\.example 61613$/);
  assert.deepEqual(commands({ addresses: { mqtt: ':1883' } }, 'h').map((c) => c.name), ['mosquitto'], 'what is off is not offered');
  assert.deepEqual(commands({}, 'h'), [], 'nothing is known of the server');
});

test('commands leave alone the devices that are there', () => {
  const all = commands({ addresses: { stomp: ':61613', mqtt: ':1883' } }, 'h', '', 'more-');
  assert.match(all[0].command, /^mwm sim --prefix more- --trucks 20 /);
  for (const { name, command } of all.slice(1)) assert.doesNotMatch(command, /(?<!more-)(BBB|CCC)/, name);
});

test('commands use TLS from elsewhere, where there is nothing else', () => {
  const addresses = { stomp: '127.0.0.1:61613', stomps: ':61612', mqtt: '127.0.0.1:1883', mqtts: ':8883' };
  const words = (pageHost, selfSigned) => commands({ addresses, tls: { selfSigned, sha256: 'AB:CD' } }, pageHost).map((c) => [c.name, c.command.replaceAll(/\s*\\\n\s*/g, ' ')]);
  const far = Object.fromEntries(words('fleet.example', false));
  assert.match(far.sim, /--stomp fleet\.example:61612 --mqtt fleet\.example:8883 --tls$/);
  assert.match(far.mosquitto, /-h fleet\.example -p 8883 .*--tls-use-os-certs/);
  assert.match(far.netcat, /openssl s_client -quiet -connect fleet\.example:61612$/);
  const own = Object.fromEntries(words('fleet.example', true));
  assert.match(own.sim, /--tls --tls-fingerprint AB:CD$/);
  assert.equal(own.mosquitto, undefined, 'it knows no fingerprints');
  assert.ok(words('localhost', true).every(([, command]) => !/tls|openssl/.test(command)));
});

test('commands connect as the user, whose password is in none of them', () => {
  const addresses = { stomp: ':61613', mqtt: ':1883' };
  assert.deepEqual(commands({ addresses }, 'h', 'olga').map((c) => c.name), ['password', 'sim', 'mosquitto', 'netcat']);
  for (const { name, command } of commands({ addresses }, 'h', "o'x y").slice(1)) assert.ok(command.includes(`'o'\\''x y'`), name);
});

test('links there and back, whatever the ID', () => {
  const state = {
    map: { zoom: 14, lat: 42.5063, lng: 1.5218 }, device: '<img src=x>&q=#%é', view: 'motion', query: 'a&b', statuses: 0b1010, sort: 'seen',
    console: 'queues/a&b', day: '2025-03-01', at: 50_400,
  };
  assert.deepEqual(parse(format(state)), state);
  const longest = { ...state, device: '🚚'.repeat(128) }; // each is two units of UTF-16
  assert.deepEqual(parse(format(longest)), longest);
  const plain = { map: null, device: null, view: 'map', query: '', statuses: ALL_STATUSES, sort: 'id', console: '', day: null, at: null };
  assert.deepEqual(parse(''), plain);
  assert.deepEqual(parse('#map=99/x/1&view=evil&status=what&sort=rm'), plain);
});

test('angles', () => {
  assert.equal(angle(Math.PI / 2, false), '90°');
  assert.equal(angle(-0.001, false), '0°');
  assert.equal(angle(-1.5708, true), '−1.57');
  assert.equal(angle(NaN, false), '–');
});

test('what is wanted twice is made once, and again after a failure', async () => {
  let made = 0;
  const get = once(async () => {
    if (++made === 1) throw new Error('offline');
    return { made };
  });
  await Promise.all([assert.rejects(get(), /offline/), assert.rejects(get(), /offline/)]);
  const [a, b] = await Promise.all([get(), get()]);
  assert.equal(a, b);
  assert.equal(made, 2);
});
