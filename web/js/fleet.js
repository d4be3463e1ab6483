// What the page knows of the fleet: one row per device index of the feed, in typed arrays.
//
// Indexes are dense and append-only within an epoch. Readers compare `version` (positions, speed, motion) and
// `revision` (which devices there are, their status and abilities) with what they last drew; there are no events
// per device.

import { worldX, worldY } from './geo.js';
import { MotionRings } from './motions.js';

export const OFFLINE = 0;
export const STALE = 1;
export const IDLE = 2;
export const MOVING = 3;
export const STATUS_NAMES = ['offline', 'stale', 'idle', 'moving'];

export const STOMP = 1;
export const MQTT = 2;
export const LOCATED = 4;
export const HAS_MOTION = 8;

export const NO_HEADING = 65535;
export const NO_SPEED = 255;
export const SPEED_STEP = 0.5; // m/s

const MAX_DEVICES = 1 << 20; // more than any feed this page is meant for: a limit against runaway memory
const NEVER = 0xffffffff;
const SHORTEST_GLIDE = 120;
const LONGEST_GLIDE = 2000;
const JUMP = 2e-4; // of the world, 8 km at the equator: farther than anything drives between reports

const COLUMNS = {
  x: Float64Array, y: Float64Array, // newest reported position, world coordinates
  fromX: Float64Array, fromY: Float64Array, // where it was drawn when that report came
  at: Float64Array, // when it came (performance.now)
  glide: Float32Array, // ms in which the drawing moves from one to the other
  lat: Int32Array, lng: Int32Array, // 1e-7 degrees
  heading: Uint16Array, speed: Uint8Array, status: Uint8Array, flags: Uint8Array,
  seen: Float64Array, // last sign of life, server's clock in ms; 0: never
};

export class Fleet {
  count = 0;
  located = 0;
  counts = [0, 0, 0, 0];
  version = 0;
  revision = 0;
  ids = [];
  motions = new MotionRings();
  clockOffset = 0; // server's clock minus ours, ms
  watched = -1;
  reports = []; // arrival times of the watched device's recent reports
  #byID = new Map();
  #capacity = 0;

  constructor() {
    this.#grow(256);
  }

  clear() {
    this.count = this.located = 0;
    this.counts.fill(0);
    this.ids = [];
    this.#byID.clear();
    this.motions.clear();
    for (const name of Object.keys(COLUMNS)) this[name].fill(0);
    this.watch(-1);
    this.version++;
    this.revision++;
  }

  indexOf(id) {
    return this.#byID.get(id) ?? -1;
  }

  has(i, flag) {
    return (this.flags[i] & flag) !== 0;
  }

  serverNow() {
    return Date.now() + this.clockOffset;
  }

  // watch counts the reports of one device, for its rate; -1 ends it.
  watch(i) {
    this.watched = i;
    this.reports = [];
  }

  // rate returns the watched device's reports a second over the last ten seconds, NaN when unknown.
  rate(now) {
    const recent = this.reports.filter((t) => now - t < 10000);
    if (recent.length < 3) return NaN;
    return (recent.length - 1) * 1000 / (recent[recent.length - 1] - recent[0]);
  }

  // position writes the drawn (interpolated) world position into out.
  position(i, now, out) {
    const f = Math.min(1, (now - this.at[i]) / this.glide[i]);
    out.x = this.fromX[i] + (this.x[i] - this.fromX[i]) * f;
    out.y = this.fromY[i] + (this.y[i] - this.fromY[i]) * f;
    return out;
  }

  directory(first, ids) {
    if (!Number.isInteger(first) || first < 0 || first > this.count || first + ids.length > MAX_DEVICES) {
      throw new Error(`directory of ${ids.length} devices from ${first} does not continue ${this.count}`);
    }
    this.#grow(first + ids.length);
    for (let k = 0; k < ids.length; k++) {
      const i = first + k;
      if (i < this.count) continue; // sent again after a resume
      this.ids.push(String(ids[k]));
      this.#byID.set(this.ids[i], i);
      this.counts[OFFLINE]++;
      this.count++;
    }
    this.revision++;
  }

  presence(frame) {
    const { index, age, status, flags, count } = frame;
    for (let k = 0; k < count; k++) {
      const i = this.#row(index[k]);
      this.#setStatus(i, status[k]);
      // "Has position" and "has motion" become true with the first value, never before it is here.
      this.flags[i] = (this.flags[i] & (LOCATED | HAS_MOTION)) | (flags[k] & (STOMP | MQTT));
      if (this.has(i, HAS_MOTION) && !(flags[k] & HAS_MOTION)) this.forgetMotion(i);
      this.seen[i] = age[k] === NEVER ? 0 : frame.time - age[k];
    }
    this.revision++;
  }

  positions(frame, now) {
    const { index, lat, lng, heading, speed, status, count } = frame;
    for (let k = 0; k < count; k++) {
      const i = this.#row(index[k]);
      this.#place(i, lat[k], lng[k], now, frame.snapshot);
      this.heading[i] = heading[k];
      this.speed[i] = speed[k];
      this.#setStatus(i, status[k]);
      if (!frame.snapshot) this.#alive(i, frame.time, now);
    }
    this.version++;
  }

  motion(frame, now) {
    const { index, pitch, roll, yaw, age, count } = frame;
    for (let k = 0; k < count; k++) {
      const i = this.#row(index[k]);
      if (!this.has(i, HAS_MOTION)) {
        this.flags[i] |= HAS_MOTION;
        this.revision++;
      }
      this.motions.push(i, pitch[k], roll[k], yaw[k]);
      if (!frame.snapshot) this.#alive(i, frame.time - age[k], now);
    }
    this.version++;
  }

  // forgetMotion takes a device off the motion page after its last will. Its last motion may come later than that is told: its
  // presence, which changes with it, has the last word.
  forgetMotion(index) {
    const i = this.#row(index);
    this.flags[i] &= ~HAS_MOTION;
    this.motions.remove(i);
    this.revision++;
    this.version++;
  }

  #row(index) {
    if (index >= this.count) throw new Error(`device ${index} is not in the directory of ${this.count}`);
    return index;
  }

  #setStatus(i, status) {
    const before = this.status[i];
    if (status === before || status > MOVING) return;
    this.counts[before]--;
    this.counts[status]++;
    this.status[i] = status;
    this.revision++;
  }

  #alive(i, serverTime, now) {
    if (serverTime > this.seen[i]) this.seen[i] = serverTime;
    if (i !== this.watched) return;
    this.reports.push(now);
    if (this.reports.length > 128) this.reports.shift();
  }

  #place(i, lat, lng, now, snapshot) {
    const x = worldX(lng / 1e7);
    const y = worldY(lat / 1e7);
    if (!this.has(i, LOCATED)) {
      this.flags[i] |= LOCATED;
      this.located++;
      this.revision++;
      this.fromX[i] = x;
      this.fromY[i] = y;
    } else if (snapshot || Math.abs(x - this.x[i]) > JUMP || Math.abs(y - this.y[i]) > JUMP) {
      this.fromX[i] = x;
      this.fromY[i] = y;
    } else {
      const since = now - this.at[i];
      const f = Math.min(1, since / this.glide[i]);
      this.fromX[i] += (this.x[i] - this.fromX[i]) * f;
      this.fromY[i] += (this.y[i] - this.fromY[i]) * f;
      this.glide[i] = Math.max(SHORTEST_GLIDE, Math.min(LONGEST_GLIDE, since * 1.05));
    }
    this.glide[i] ||= 1000;
    this.x[i] = x;
    this.y[i] = y;
    this.lat[i] = lat;
    this.lng[i] = lng;
    this.at[i] = now;
  }

  #grow(needed) {
    if (needed <= this.#capacity) return;
    this.#capacity = Math.max(needed, this.#capacity * 2);
    for (const [name, Column] of Object.entries(COLUMNS)) {
      const column = new Column(this.#capacity);
      if (this[name]) column.set(this[name]);
      this[name] = column;
    }
  }
}
