// window.mwm: the page's public diagnostics, read-only. For the browser's console, for bug reports and for tests.
//
//   mwm.connection      'connecting' | 'live' | 'waiting' | 'retrying'
//   mwm.epoch, mwm.seq  of the feed: which server run, which batch was handled last
//   mwm.devices         number of devices known
//   mwm.located         … of them with a position
//   mwm.counts          {moving, idle, stale, offline}
//   mwm.shown           number of devices that the list's filter lets through
//   mwm.selected        ID of the selected device, or null
//   mwm.following       whether the map follows it
//   mwm.view            'map' | 'motion' | 'wire' | 'history' | 'console'
//   mwm.history         {state, device, day, points, time, playing, speed, readyMs, drawMs, draws, others} of the history; null before it was first opened
//   mwm.zoom            of the map
//   mwm.position(id)    {x, y, visible, status} of a device: pixels of the page's viewport as drawn now; null if it has no position
//   mwm.motion(id)      {pitch, roll, yaw, values}: the newest motion in radians and how many are kept; null if it has none
//   mwm.inView          devices on the map's canvas at the last redraw
//   mwm.redraws         redraws of the device layer so far
//   mwm.redrawMs        what one takes, the median of the last ones
//   mwm.quality         3 (best) … 0
//   mwm.fps             frames a second over the last second; measuring runs for 5 s after it was last asked for

import { STATUS_NAMES, LOCATED, HAS_MOTION } from './fleet.js';

const MEASURE_FOR = 5000;

class FrameRate {
  #frames = [];
  #asked = 0;
  #running = false;

  get value() {
    this.#asked = performance.now();
    if (!this.#running) {
      this.#running = true;
      this.#frames = [];
      requestAnimationFrame((now) => this.#tick(now));
    }
    return this.#frames.length;
  }

  #tick(now) {
    this.#frames.push(now);
    while (this.#frames[0] < now - 1000) this.#frames.shift();
    this.#running = now - this.#asked < MEASURE_FOR;
    if (this.#running) requestAnimationFrame((next) => this.#tick(next));
  }
}

export function exposeDiagnostics({ feed, fleet, order, selection, mapView, view, history }) {
  const rate = new FrameRate();
  const { layer, map } = mapView;
  const getters = {
    connection: () => feed.state,
    epoch: () => feed.epoch,
    seq: () => feed.seq,
    devices: () => fleet.count,
    located: () => fleet.located,
    counts: () => Object.fromEntries(STATUS_NAMES.map((name, s) => [name, fleet.counts[s]])),
    shown: () => order.rows.length,
    selected: () => selection.id,
    following: () => mapView.following,
    view,
    history,
    zoom: () => map.getZoom(),
    inView: () => layer.inView,
    redraws: () => layer.redraws,
    redrawMs: () => layer.quality.usual,
    quality: () => layer.quality.level,
    fps: () => rate.value,
  };
  const mwm = {
    position(id) {
      const i = fleet.indexOf(id);
      if (i < 0 || !fleet.has(i, LOCATED)) return null;
      const { x, y } = layer.devicePoint(i);
      const box = map.getContainer().getBoundingClientRect();
      const visible = x >= 0 && y >= 0 && x < box.width && y < box.height;
      return { x: x + box.left, y: y + box.top, visible, status: STATUS_NAMES[fleet.status[i]] };
    },
    motion(id) {
      const i = fleet.indexOf(id);
      if (i < 0 || !fleet.has(i, HAS_MOTION)) return null;
      const [pitch, roll, yaw] = [0, 1, 2].map((axis) => fleet.motions.value(i, axis));
      return { pitch, roll, yaw, values: fleet.motions.kept(i) };
    },
  };
  for (const [name, get] of Object.entries(getters)) Object.defineProperty(mwm, name, { get, enumerable: true });
  window.mwm = Object.freeze(mwm);
}
