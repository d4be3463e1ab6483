// The last 50 motions of each phone, in one pool of ring buffers.
//
// A device gets a slot with its first motion and gives it back with its last will, so memory goes with
// the number of phones, not of devices.

export const LENGTH = 50;
export const UNIT = 1e-4; // radians in a stored step
export const AXES = ['pitch', 'roll', 'yaw'];

const STRIDE = LENGTH * AXES.length;

export class MotionRings {
  #slots = new Map();
  #free = [];
  #values = new Int16Array(16 * STRIDE);
  #total = new Uint32Array(16); // motions ever pushed into the slot

  get size() {
    return this.#slots.size;
  }

  clear() {
    this.#slots.clear();
    this.#free = [];
  }

  remove(device) {
    const slot = this.#slots.get(device);
    if (slot === undefined) return;
    this.#slots.delete(device);
    this.#free.push(slot);
  }

  push(device, pitch, roll, yaw) {
    const slot = this.#slots.get(device) ?? this.#take(device);
    const at = slot * STRIDE + (this.#total[slot] % LENGTH) * AXES.length;
    this.#values[at] = pitch;
    this.#values[at + 1] = roll;
    this.#values[at + 2] = yaw;
    this.#total[slot]++;
  }

  // total counts the motions a device has had: it tells a drawing whether it is out of date.
  total(device) {
    const slot = this.#slots.get(device);
    return slot === undefined ? 0 : this.#total[slot];
  }

  // kept returns how many values a device has to show.
  kept(device) {
    return Math.min(LENGTH, this.total(device));
  }

  // value returns radians; back counts from the newest, which is 0.
  value(device, axis, back = 0) {
    const slot = this.#slots.get(device);
    if (slot === undefined || back >= this.kept(device)) return NaN;
    const row = (this.#total[slot] - 1 - back) % LENGTH;
    return this.#values[slot * STRIDE + row * AXES.length + axis] * UNIT;
  }

  #take(device) {
    const slot = this.#free.pop() ?? this.#slots.size;
    if (slot >= this.#total.length) this.#grow();
    this.#total[slot] = 0;
    this.#slots.set(device, slot);
    return slot;
  }

  #grow() {
    const total = new Uint32Array(this.#total.length * 2);
    const values = new Int16Array(this.#values.length * 2);
    total.set(this.#total);
    values.set(this.#values);
    this.#total = total;
    this.#values = values;
  }
}
