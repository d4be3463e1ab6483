// All devices on one canvas.
//
// Symbols are copied into an ImageData (see sprites.js), one putImageData a redraw; names, the trail, the selected
// device and alerts are drawn above with the 2D context. The canvas is PAD pixels larger than the map on each
// side and lies in a pane that Leaflet moves, so a drag needs a redraw only every so many pixels and never shows a device
// out of place. Zoom animations scale it.

import { LOCATED, MOVING, NO_HEADING } from '../fleet.js';
import { metresPerPixel } from '../geo.js';
import { Sprites, paintSymbol } from './sprites.js';
import { PickGrid } from './pickgrid.js';
import { Quality, BEST, WORST } from './quality.js';
import { Names } from './names.js';
import { Flashes } from './flashes.js';

const PAD = 64;
const MAX_LABELS = 120;
const MAX_GLIDING = 3000; // devices in view up to which positions are interpolated
const MAX_SUBPIXEL = 600; // … and up to which symbols have sub-pixel phases
const GLIDE_ZOOM = 8; // below, nothing moves visibly between two reports
const SYMBOL_SIZES = [[300, 22], [1500, 17], [6000, 12], [20000, 9], [Infinity, 7]];
const SMALL = 12; // px, of symbols at a low quality: fewer pixels to copy where there are thousands
const SLOWEST = 200; // ms between two redraws at the worst quality
const TILE = 256;
const HALO = 15; // radius of the ring round the selected device

export const DeviceLayer = L.Layer.extend({
  // options: fleet, palette() → colours, still() → no motion wanted, shown() → per-device flags or null for all
  initialize(options) {
    L.setOptions(this, options);
    this.selected = -1;
    this.hovered = -1;
    this.trail = []; // world x, y, …, oldest first
    this.accuracy = NaN; // of the selected device's position, in m
    this.inView = 0;
    this.redraws = 0;
    this._drawnAt = 0;
    this._urgent = true; // the map itself has changed: no waiting
    this.quality = new Quality();
    this._names = new Names();
    this._flashes = new Flashes();
    this._at = { x: 0, y: 0 };
  },

  onAdd(map) {
    const pane = map.getPane('devices') ?? map.createPane('devices');
    this._canvas = L.DomUtil.create('canvas', 'device-layer leaflet-zoom-animated', pane);
    this._g = this._canvas.getContext('2d', { willReadFrequently: true });
    this._resize();
  },

  onRemove() {
    this._canvas.remove();
  },

  getEvents() {
    return {
      move: this._moved, moveend: this.redraw, viewreset: this.redraw, zoomend: this.redraw,
      zoom: this._zoomed, zoomanim: this._animateZoom, resize: this._resize,
    };
  },

  // redraw asks for a draw in the page's next frame; the page calls draw.
  redraw() {
    this._urgent = true;
    this.options.request();
  },

  restyle() {
    this._sprites = null;
    this._names.clear();
    this.redraw();
  },

  clear() {
    this._flashes.clear();
    this.trail = [];
    this.selected = this.hovered = -1;
    this.redraw();
  },

  flash(device, colour) {
    this._flashes.start(device, colour, performance.now());
    this.redraw();
  },

  // devicePoint returns where a device is drawn, in pixels of the map's container.
  devicePoint(i) {
    const at = this.options.fleet.position(i, performance.now(), this._at);
    const k = TILE * 2 ** this._map.getZoom();
    return L.point(at.x * k, at.y * k).subtract(this._map.getPixelBounds().min);
  },

  // pick returns the device at a point of the map's container, or -1.
  pick(point, radius) {
    if (!this._grid || this._map._animatingZoom) return -1;
    const p = point.subtract(this._map.layerPointToContainerPoint(L.DomUtil.getPosition(this._canvas)));
    return this._grid.nearest(Math.round(p.x), Math.round(p.y), radius);
  },

  _resize() {
    const size = this._map.getSize();
    const width = size.x + 2 * PAD;
    const height = size.y + 2 * PAD;
    const ratio = this.quality.level > 1 ? Math.min(window.devicePixelRatio || 1, 2) : 1;
    Object.assign(this, { _width: width, _height: height, _ratio: ratio });
    this._canvas.width = Math.round(width * ratio);
    this._canvas.height = Math.round(height * ratio);
    this._canvas.style.width = `${width}px`;
    this._canvas.style.height = `${height}px`;
    this._image = this._g.createImageData(this._canvas.width, this._canvas.height);
    this._pixels = new Uint32Array(this._image.data.buffer);
    this._grid = new PickGrid(width, height);
    this._sprites = null;
    this._names.clear();
    this.redraw();
  },

  _moved() {
    if (this._map._animatingZoom || !this._origin) return;
    const drift = this._map.getPixelBounds().min.subtract([PAD, PAD]).subtract(this._origin);
    if (Math.max(Math.abs(drift.x), Math.abs(drift.y)) > PAD * 0.6) this.redraw();
  },

  _zoomed() {
    this._transform(this._map.getCenter(), this._map.getZoom());
    this.redraw();
  },

  _animateZoom(e) {
    this._transform(e.center, e.zoom);
  },

  _transform(center, zoom) {
    if (!this._origin) return;
    const scale = this._map.getZoomScale(zoom, this._zoom);
    const offset = this._origin.multiplyBy(scale).subtract(this._map._getNewPixelOrigin(center, zoom));
    L.DomUtil.setTransform(this._canvas, offset, scale);
  },

  // draw redraws everything and returns after how many ms it should be called again, or undefined.
  draw(now) {
    if (!this._map || !this._map._loaded || this._map._animatingZoom) return undefined;
    const wait = this._drawnAt + SLOWEST - now;
    if (this.quality.level === WORST && wait > 0 && !this._urgent) return wait;
    this._urgent = false;
    this._drawnAt = now;
    const started = performance.now();
    this._place();
    const speed = this._drawSymbols(now);
    this._drawMarks(now);
    this.redraws++;
    if (this.quality.record(performance.now() - started, now)) this._resize();
    return this._next(speed);
  },

  // _next: while something glides, a redraw is due when the fastest symbol has gone a quarter of a pixel.
  _next(speed) {
    if (this._flashes.active) return this.options.still() ? 100 : 0;
    if (!speed) return undefined;
    return Math.min(250, 0.25 / this._ratio / speed);
  },

  _place() {
    const map = this._map;
    L.DomUtil.setPosition(this._canvas, map.containerPointToLayerPoint([-PAD, -PAD]));
    this._zoom = map.getZoom();
    this._scale = TILE * 2 ** this._zoom;
    this._origin = map.getPixelBounds().min.subtract([PAD, PAD]);
  },

  _symbols() {
    const [, side] = SYMBOL_SIZES.find(([most]) => this.inView <= most);
    const size = Math.round((this.quality.level > 1 ? side : Math.min(side, SMALL)) * this._ratio);
    if (this._sprites?.size !== size) {
      this._sprites = new Sprites(size, this._canvas.width, this.options.palette());
    }
    return this._sprites;
  },

  // _drawSymbols copies the symbols of all devices in view and returns the fastest one's speed in pixels a ms.
  _drawSymbols(now) {
    const fleet = this.options.fleet;
    const gliding = this.quality.level === BEST && this._zoom >= GLIDE_ZOOM && !this.options.still()
      && this.inView <= MAX_GLIDING;
    const pass = {
      now, gliding, sprites: this._symbols(), subpixel: gliding && this.inView <= MAX_SUBPIXEL,
      shown: this.options.shown(), speed: 0, n: 0, visible: [],
    };
    this._pixels.fill(0);
    this._grid.clear();
    // The world repeats: draw the copies that the canvas reaches.
    const first = Math.floor(this._origin.x / this._scale);
    const last = Math.floor((this._origin.x + this._width) / this._scale);
    for (let copy = first; copy <= last; copy++) {
      const left = this._origin.x - copy * this._scale;
      this._blit(fleet, pass, left, true); // what moves lies on top
      this._blit(fleet, pass, left, false);
    }
    this._g.setTransform(1, 0, 0, 1, 0, 0);
    this._g.putImageData(this._image, 0, 0);
    this.inView = pass.n;
    this._visible = pass.n <= MAX_LABELS ? pass.visible : [];
    // A dense fleet lies under the map's names, or it would hide every city; a few devices lie above them.
    this._canvas.parentNode.classList.toggle('dense', pass.n > MAX_LABELS);
    return pass.speed;
  },

  // _blit is the hot loop: everything it needs is in locals and typed arrays.
  _blit(fleet, pass, left, moving) {
    const { now, gliding, sprites, subpixel, shown, visible } = pass;
    const { x: toX, y: toY, fromX, fromY, at, glide, status, flags, heading, count } = fleet;
    const pixels = this._pixels;
    const grid = this._grid;
    const stride = this._canvas.width;
    const ratio = this._ratio;
    const k = this._scale;
    const top = this._origin.y;
    const margin = 12;
    const right = this._width - margin;
    const bottom = this._height - margin;
    for (let i = 0; i < count; i++) {
      if ((status[i] === MOVING) !== moving || !(flags[i] & LOCATED) || (shown && !shown[i])) continue;
      let wx = toX[i];
      let wy = toY[i];
      if (gliding) {
        const f = (now - at[i]) / glide[i];
        if (f < 1) {
          const dx = wx - fromX[i];
          const dy = wy - fromY[i];
          wx = fromX[i] + dx * f;
          wy = fromY[i] + dy * f;
          const speed = (Math.abs(dx) + Math.abs(dy)) * k / glide[i];
          if (speed > pass.speed) pass.speed = speed;
        }
      }
      const x = wx * k - left;
      const y = wy * k - top;
      if (!(x > margin && y > margin && x < right && y < bottom)) continue;
      pass.n++;
      if (visible.length < MAX_LABELS * 3) visible.push(i, x, y);
      if (!grid.claim(x, y, i)) continue;
      const px = x * ratio;
      const py = y * ratio;
      const ix = px | 0;
      const iy = py | 0;
      const sprite = subpixel ? sprites.at(status[i], heading[i], px - ix, py - iy) : sprites.at(status[i], heading[i], 0, 0);
      const { offsets, colours } = sprite;
      const base = iy * stride + ix;
      for (let j = 0; j < offsets.length; j++) {
        const q = base + offsets[j];
        if (pixels[q] === 0 || (moving && colours[j] >= 0xf0000000)) pixels[q] = colours[j];
      }
    }
  },

  _drawMarks(now) {
    const g = this._g;
    const palette = this.options.palette();
    g.setTransform(this._ratio, 0, 0, this._ratio, 0, 0);
    if (this._has(this.selected)) {
      this._drawAccuracy(g, this._pixel(this.selected, now), palette);
      this._drawTrail(g, now, palette);
      this._drawHalo(g, this._pixel(this.selected, now), palette.accent, HALO, 3);
    }
    if (this._has(this.hovered) && this.hovered !== this.selected) {
      this._drawHalo(g, this._pixel(this.hovered, now), palette.text, 13, 1.5);
    }
    this._drawLabels(g, now, palette);
    this._flashes.draw(g, now, this.options.still(), (i) => (this._has(i) ? this._pixel(i, now) : null));
  },

  _has(i) {
    return i >= 0 && i < this.options.fleet.count && this.options.fleet.has(i, LOCATED);
  },

  // _pixel returns where a device is on the canvas, in the copy of the world nearest to the middle.
  _pixel(i, now) {
    const at = this.options.fleet.position(i, now, this._at);
    let x = at.x * this._scale - this._origin.x;
    x += Math.round((this._width / 2 - x) / this._scale) * this._scale;
    return { x, y: at.y * this._scale - this._origin.y };
  },

  // _drawAccuracy draws the circle that the selected device says it is in, if it can be told from the ring round it.
  _drawAccuracy(g, { x, y }, { accent }) {
    const radius = this.accuracy / metresPerPixel(this.options.fleet.lat[this.selected] / 1e7, this._zoom);
    if (!(radius > HALO + 3)) return;
    g.beginPath();
    g.arc(x, y, radius, 0, 7);
    g.fillStyle = g.strokeStyle = accent;
    g.globalAlpha = 0.12;
    g.fill();
    g.globalAlpha = 0.6;
    g.lineWidth = 1.5;
    g.stroke();
    g.globalAlpha = 1;
  },

  // The selected device's own symbol is drawn again, as a path: exact, and above its neighbours.
  _drawHalo(g, { x, y }, colour, radius, width) {
    const { fleet } = this.options;
    const palette = this.options.palette();
    g.beginPath();
    g.arc(x, y, radius, 0, 7);
    g.fillStyle = palette.veil;
    g.fill();
    g.lineWidth = width + 2.5;
    g.strokeStyle = palette.casing;
    g.stroke();
    g.lineWidth = width;
    g.strokeStyle = colour;
    g.stroke();
    const i = radius === HALO ? this.selected : this.hovered;
    g.save();
    g.translate(x, y);
    if (fleet.status[i] === MOVING && fleet.heading[i] !== NO_HEADING) g.rotate(fleet.heading[i] / 36000 * 2 * Math.PI);
    g.scale(1.1, 1.1);
    paintSymbol(g, fleet.status[i], palette);
    g.restore();
  },

  _drawTrail(g, now, palette) {
    const { trail } = this;
    if (trail.length < 4) return;
    const end = this._pixel(this.selected, now);
    const at = this.options.fleet.position(this.selected, now, this._at);
    const dx = end.x - at.x * this._scale;
    const dy = end.y - at.y * this._scale;
    g.lineJoin = g.lineCap = 'round';
    const path = (from, to, last) => {
      g.beginPath();
      for (let p = from; p <= to; p++) g.lineTo(trail[p * 2] * this._scale + dx, trail[p * 2 + 1] * this._scale + dy);
      if (last) g.lineTo(end.x, end.y);
    };
    const points = trail.length / 2;
    g.lineWidth = 6;
    g.strokeStyle = palette.veil;
    path(0, points - 1, true);
    g.stroke();
    // Three pieces, older ones fainter: the eye sees which way time runs.
    const cuts = [0, Math.floor(points / 3), Math.floor(points * 2 / 3), points - 1];
    g.lineWidth = 3;
    g.strokeStyle = palette.accent;
    for (let piece = 0; piece < 3; piece++) {
      path(cuts[piece], cuts[piece + 1], piece === 2);
      g.globalAlpha = 0.4 + piece * 0.3;
      g.stroke();
    }
    g.globalAlpha = 1;
  },

  _drawLabels(g, now, palette) {
    const { ids } = this.options.fleet;
    this._names.begin(this._visible);
    if (this._has(this.selected)) {
      const { x, y } = this._pixel(this.selected, now);
      this._names.put(g, this.selected, ids[this.selected], x, y, 18, this._ratio, palette, true);
    }
    for (let v = 0; v < this._visible.length; v += 3) {
      const i = this._visible[v];
      if (i === this.selected || i === this.hovered) continue; // the hovered one has a note beside it
      this._names.put(g, i, ids[i], this._visible[v + 1], this._visible[v + 2], 11, this._ratio, palette, false);
    }
  },
});

