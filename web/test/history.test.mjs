import test from 'node:test';
import assert from 'node:assert/strict';
import { decode } from '../js/history/decode.js';
import { measure, metres, GAP } from '../js/history/track.js';
import { columns, courseAt, indexAt, momentAt, moments, placeAt, span, speedScale, ticks, NOTHING, REPORTS, STOP } from '../js/history/timeline.js';
import { bounds, lonely, segments } from '../js/history/simplify.js';
import { Replay } from '../js/history/replay.js';
import { monthOf, near } from '../js/history/days.js';
import * as permalink from '../js/permalink.js';
import { ALL_STATUSES } from '../js/order.js';
import { encode } from './tracks.mjs';

test('a track is read as it was written', () => {
  const points = [
    [1740830400000, 42.5, 1.5, 12.3, 90, 5], [1740830401000, 42.5001, 1.5002, 12.3, 359.9, undefined], [1740830401500, -90, -180], [1740916799999, 90, 180, 0, 0, 0],
  ];
  const track = decode(encode(points));
  assert.equal(track.count, 4);
  points.forEach(([ts, lat, lng, speed, heading, accuracy], i) => {
    assert.equal(track.ts[i], ts);
    assert.equal(track.lat[i], Math.round(lat * 1e7));
    assert.equal(track.lng[i], Math.round(lng * 1e7));
    for (const [column, value] of [[track.speed, speed], [track.heading, heading], [track.accuracy, accuracy]]) {
      assert.equal(column[i], value === undefined ? 0 : Math.round(value * 10) + 1);
    }
  });
});

test('the bytes are those that the server writes', () => {
  assert.deepEqual([...new Uint8Array(encode([[1740830400000, 42.5, 1.5]]))].map((b) => b.toString(16).padStart(2, '0')).join(''), '0180c0f7c9d1aa0680f1a795038087a70e');
});

test('a track of nothing, and what is none', () => {
  assert.equal(decode(encode([])).count, 0);
  const bytes = new Uint8Array(encode([[1740830400000, 42.5, 1.5, 1, 2, 3]]));
  for (let n = 2; n < bytes.length; n++) assert.throws(() => decode(bytes.slice(0, n).buffer), /damaged/, `${n} bytes`);
  assert.throws(() => decode(new Uint8Array([2]).buffer), /form/);
  assert.throws(() => decode(new Uint8Array([]).buffer));
});

// ---- what is told from a track

const START = Date.UTC(2025, 2, 1);
const NORTH = 1 / 111_195; // degrees of a metre

// trip drives north: each leg is [seconds, metres a second]; a speed of null says nothing for that long.
function trip(legs, { reported = true, jitter = 0 } = {}) {
  const points = [];
  let [ts, lat] = [START, 42];
  for (const [seconds, mps] of legs) {
    for (let s = 0; s < seconds; s++) {
      ts += 1000;
      lat += (mps ?? 0) * NORTH;
      const shaken = mps === 0 ? Math.sin(s * 7.7) * jitter * NORTH : 0;
      if (mps !== null) points.push(reported ? [ts, lat + shaken, 1.5, mps, 0, 5] : [ts, lat + shaken, 1.5]);
    }
  }
  return measure(decode(encode(points)));
}

const near1 = (a, b, part = 0.02) => assert.ok(Math.abs(a - b) <= Math.abs(b) * part, `${a} is not about ${b}`);

test('distance, speed and time of a drive', () => {
  const track = trip([[600, 10], [60, 20]]);
  near1(track.distance, 599 * 10 + 60 * 20);
  assert.equal(track.mps[track.top], 20);
  assert.equal(track.moving, 659_000);
  assert.deepEqual([track.stops, track.gaps], [[], []]);
});

test('a stop is one, however the receiver wanders, and no way is counted in it', () => {
  const track = trip([[300, 10], [1200, 0], [300, 10]], { jitter: 12 });
  assert.equal(track.stops.length, 1);
  const [stop] = track.stops;
  near1(stop.to - stop.from, 1_200_000, 0.03);
  near1(track.distance, 6000, 0.03);
  near1(track.moving, 600_000, 0.03);
  assert.deepEqual(trip([[300, 10], [170, 0], [300, 10]]).stops, [], 'a red light is no stop');
  assert.equal(trip([[100, 10], [300, 0], [GAP / 1000 + 60, null], [300, 0]]).stops.length, 2, 'nobody knows whether it stayed');
});

test('where nothing was reported there is a gap, and no way', () => {
  const track = trip([[100, 10], [600, null], [100, 10]]);
  assert.deepEqual(track.gaps, [{ from: START + 100_000, to: START + 701_000, before: 99 }]);
  assert.equal(track.begins[100], 1);
  near1(track.distance, 99 * 10 + 99 * 10);
  assert.deepEqual(moments(track).map(({ kind }) => kind), ['start', 'gap', 'end']);
});

test('a speed that was not reported follows from the positions', () => {
  const track = trip([[60, 10], [60, 20]], { reported: false });
  near1(track.mps[30], 10);
  near1(track.mps[110], 20);
  assert.equal(track.mps[0], 0);
});

test('the antimeridian is no way round the world', () => {
  const track = measure(decode(encode([[START, 0, 179.9995], [START + 1000, 0, -179.9995]])));
  near1(metres(track, 0, 1), 111.195);
  assert.deepEqual([...track.begins], [1, 1]);
  assert.ok(placeAt(track, START + 500, {}).x > 0.99);
});

// ---- time

test('the point at a time, and the place between two', () => {
  const track = trip([[10, 10], [600, null], [10, 10]]);
  assert.equal(indexAt(track, START), -1);
  assert.equal(indexAt(track, START + 1000), 0);
  assert.equal(indexAt(track, START + 1999), 0);
  assert.equal(indexAt(track, START + 1e9), 19);
  const at = (ms) => ({ ...placeAt(track, START + ms, {}) });
  near1(at(1500).y, (track.y[0] + track.y[1]) / 2, 1e-9);
  assert.deepEqual(at(0), { index: 0, silent: true, x: track.x[0], y: track.y[0] });
  assert.deepEqual(at(60_000), { index: 9, silent: true, x: track.x[9], y: track.y[9] });
  assert.equal(at(10_000).silent, false);
  assert.equal(at(1e9).silent, true);
  assert.equal(momentAt(moments(track), START + 60_000).kind, 'gap');
  assert.equal(momentAt(moments(track), START + 5000), undefined);
});

test('the course is the reported one, or follows from the positions', () => {
  assert.equal(courseAt(trip([[10, 10]]), 5), 0);
  const track = trip([[10, 10], [10, 0]], { reported: false });
  assert.equal(courseAt(track, 5), 0);
  assert.equal(courseAt(track, 9), NaN);
  assert.equal(courseAt(trip([[10, 10]], { reported: false }), 9), 0, 'the last point came from somewhere');
});

test('a line of the day has a column for every report, and says what was there', () => {
  const track = trip([[600, 10], [600, 0], [900, null], [300, 20]]);
  const { state, speed } = columns(track, START, START + 2_400_000, 240);
  assert.deepEqual([state[0], state[30], state[90], state[150], state[209], state[239]], [REPORTS, REPORTS, STOP, NOTHING, NOTHING, REPORTS]);
  assert.deepEqual([speed[30], speed[150], speed[230]], [10, 0, 20]);
  assert.equal(speedScale(track), 80);
  assert.equal(speedScale(trip([[10, 1]])), 20);
  const seldom = measure(decode(encode([0, 1, 2, 3].map((k) => [START + k * 240_000, 42 + k / 100, 1.5, 9]))));
  assert.ok(columns(seldom, START, START + 720_001, 1000).state.every((s) => s === REPORTS), 'between reports that belong together there is no hole');
});

test('the line shows the day, or the part of it that has reports', () => {
  const hours = (n) => n * 3_600_000;
  const shown = (...ts) => span({ ts, count: ts.length }, 0, hours(24));
  assert.deepEqual(shown(), { from: 0, to: hours(24) });
  assert.deepEqual(shown(hours(6), hours(18)), { from: 0, to: hours(24) });
  assert.deepEqual(shown(hours(8), hours(10)), { from: hours(7.9), to: hours(10.1) });
  assert.deepEqual(shown(0, hours(2)), { from: 0, to: hours(2.1) }, 'not the day before');
  const { from, to } = shown(hours(9));
  assert.ok(from < hours(9) && hours(9) < to && to - from > 600_000, 'one report has a place, too');
});

test('times are marked as there is room', () => {
  const minute = 60_000;
  assert.deepEqual(ticks(7.2 * minute, 18.4 * minute, 200, 0), [10 * minute, 15 * minute]);
  assert.deepEqual(ticks(7.2 * minute, 9.4 * minute, 1400, 0), [8 * minute, 9 * minute]);

  const day = 86_400_000;
  assert.equal(ticks(0, day, 1400).length, 24);
  assert.equal(ticks(0, day, 600).length, 8);
  assert.equal(ticks(0, day, 40).length, 1);
  assert.equal(ticks(0, day + 3_600_000, 1400).length, 25, 'the day on which the clock is put back');
});

test('the replay keeps time, and ends', () => {
  const replay = new Replay();
  replay.span(1000, 61_000);
  replay.seek(0);
  assert.equal(replay.time, 1000);
  replay.speed = 10;
  replay.play(5000);
  replay.tick(5016);
  assert.equal(replay.time, 1160);
  replay.tick(65_000); // the page was not drawn for a minute
  assert.equal(replay.time, 3660);
  replay.pause();
  replay.tick(70_000);
  assert.equal(replay.time, 3660);
  replay.seek(60_990);
  replay.play(0);
  replay.tick(16);
  assert.deepEqual([replay.time, replay.playing], [61_000, false]);
  replay.play(100);
  assert.deepEqual([replay.time, replay.playing], [1000, true], 'from the start again');
});

// ---- drawing

test('a track has fewer points where they would lie in one pixel, and the same ends', () => {
  const track = trip([[3600, 10], [600, null], [3600, 10]]);
  const drawn = (zoom) => segments(track, 256 * 2 ** zoom, 4, () => 2)[2];
  const far = drawn(10);
  const close = drawn(18);
  assert.ok(far.length / 2 < 1000 && far.length > 200, `${far.length / 2} segments`);
  assert.equal(close.length / 2, 7198);
  for (const pairs of [far, close]) {
    assert.equal(pairs[pairs.length - 1], 7199);
    for (let p = 0; p < pairs.length; p += 2) assert.ok(pairs[p] < 3600 === pairs[p + 1] < 3600, 'no line over the gap');
    for (let p = 2; p < pairs.length; p += 2) assert.ok(pairs[p] === pairs[p - 1] || pairs[p] === 3600, 'one piece');
  }
  const k = 256 * 2 ** 10;
  for (let i = 0, p = 0; i < 3600; i++) {
    while (far[p + 1] < i) p += 2;
    assert.ok((track.y[far[p]] - track.y[i]) * k < 1.7, 'no point is far from the line');
  }
});

test('colours, single points and bounds', () => {
  const track = trip([[2, 10], [600, null], [1, 10], [600, null], [2, 10]]);
  const pairs = segments(track, 2 ** 30, 3, (i) => (i > 2 ? 0 : 1));
  assert.deepEqual(pairs.map((list) => [...list]), [[3, 4], [0, 1], []]);
  assert.deepEqual(lonely(track), [2]);
  assert.deepEqual(bounds(track), [track.x[0], track.y[4], track.x[0], track.y[0]]);
  assert.deepEqual(bounds(measure(decode(encode([])))), []);
});

// ---- days and links

test('a month, and the way from day to day', () => {
  const march = monthOf('2025-03-17');
  assert.deepEqual(march.slice(0, 6), [null, null, null, null, null, '2025-03-01'], 'Monday is first');
  assert.equal(march.at(-1), '2025-03-31');
  assert.deepEqual(monthOf('2025-06-01', 7)[0], '2025-06-01', 'Sunday is first');
  assert.equal(monthOf('2024-02-10').filter(Boolean).length, 29);
  const days = ['2025-02-20', '2025-03-01', '2025-03-02', '2025-03-09'];
  assert.equal(near(days, '2025-03-01', 1), '2025-03-02');
  assert.equal(near(days, '2025-03-01', -1), '2025-02-20');
  assert.equal(near(days, '2025-03-02', 7), '2025-03-09');
  assert.equal(near(days, '2025-03-02', -7), '2025-02-20');
  assert.equal(near(days, '2025-02-20', -1), '2025-02-20');
  assert.equal(near(days, '2025-03-09', 1), '2025-03-09');
});

test('a link to a moment of a day leads there again', () => {
  const hostile = '=<b "x"&트럭';
  const there = (link) => {
    const { device, view, day, at } = permalink.parse(link);
    return { device, view, day, at };
  };
  const base = { map: null, device: hostile, view: 'history', query: '', statuses: ALL_STATUSES, sort: 'id' };
  assert.deepEqual(there(permalink.format({ ...base, day: '2025-03-01', at: 50_400 })), { device: hostile, view: 'history', day: '2025-03-01', at: 50_400 });
  assert.deepEqual(there(permalink.format(base)), { device: hostile, view: 'history', day: null, at: null });
  for (const bad of ['#view=history&day=yesterday&at=x', '#day=2025-3-1&at=-5', '#day=%3Cb%3E&at=999999']) {
    const { day, at } = permalink.parse(bad);
    assert.deepEqual([day, at], [null, null]);
  }
});
