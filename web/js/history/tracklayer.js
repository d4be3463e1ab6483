// The track on the map: a canvas below the names and one with the marks above them, larger than the map by PAD on each side. They are drawn when
// the map has come to rest elsewhere, not while the replay runs. What is drawn is simplified for each zoom, once.

import { segments, lonely } from './simplify.js';

const PAD = 160;
const TILE = 256;
const BINS = 12;
const STRETCH = 400; // segments in one path: long ones cost more than they save
const WIDTH = 3.5;
const MARK = 9; // radius of a mark
const PANES = { track: 440, 'track-marks': 455 }; // and their z-indexes; the names have 450
const MAX_LEVELS = 4; // zooms that are kept simplified

export const TrackLayer = L.Layer.extend({
  // options: palette() → {ramp: colours, casing, ink, gap, start, end}; marks: false draws the line alone
  initialize(options) {
    L.setOptions(this, options);
    this._track = null;
    this._share = () => 0;
    this._levels = new Map();
    this.draws = 0;
    this.drawMs = 0;
  },

  onAdd(map) {
    const panes = Object.entries(PANES).slice(0, this.options.marks === false ? 1 : 2);
    this._canvases = panes.map(([name, z]) => {
      const pane = map.getPane(name) ?? map.createPane(name);
      pane.style.zIndex = z;
      pane.style.pointerEvents = 'none';
      const canvas = L.DomUtil.create('canvas', 'leaflet-zoom-animated', pane);
      canvas.setAttribute('aria-hidden', 'true');
      return canvas;
    });
    this._resize();
  },

  onRemove() {
    cancelAnimationFrame(this._frame);
    this._frame = 0;
    for (const canvas of this._canvases) {
      canvas.width = canvas.height = 0; // browsers keep a canvas' memory longer than the canvas
      canvas.remove();
    }
    this.show(null);
  },

  getEvents() {
    return {
      moveend: this.redraw, viewreset: this.redraw, resize: this._resize, move: this._moved, zoomanim: this._animateZoom,
      zoom: () => this._transform(this._map.getCenter(), this._map.getZoom()),
    };
  },

  // show draws a track; share(i), from 0 to 1, says which colour of the ramp a point has.
  show(track, share = () => 0) {
    this._track = track;
    this._share = share;
    this._levels.clear();
    if (this._map) this.redraw();
  },

  // redraw draws in the next frame, however many ask for it.
  redraw() {
    this._frame ||= requestAnimationFrame(() => {
      this._frame = 0;
      if (this._map && !this._map._animatingZoom) this._draw();
    });
  },

  _resize() {
    const size = this._map.getSize();
    this._ratio = Math.min(window.devicePixelRatio || 1, 2);
    this._width = size.x + 2 * PAD;
    this._height = size.y + 2 * PAD;
    for (const canvas of this._canvases) {
      canvas.width = Math.round(this._width * this._ratio);
      canvas.height = Math.round(this._height * this._ratio);
      canvas.style.width = `${this._width}px`;
      canvas.style.height = `${this._height}px`;
    }
    this._draw();
  },

  _moved() {
    if (this._map._animatingZoom || this._map.getZoom() !== this._zoom) return;
    const drift = this._map.getPixelBounds().min.subtract([PAD, PAD]).subtract(this._origin);
    if (Math.max(Math.abs(drift.x), Math.abs(drift.y)) > PAD * 0.7) this.redraw();
  },

  _animateZoom(e) {
    this._transform(e.center, e.zoom);
  },

  _transform(center, zoom) {
    const scale = this._map.getZoomScale(zoom, this._zoom);
    const offset = this._origin.multiplyBy(scale).subtract(this._map._getNewPixelOrigin(center, zoom));
    for (const canvas of this._canvases) L.DomUtil.setTransform(canvas, offset, scale);
  },

  _draw() {
    const started = performance.now();
    const map = this._map;
    const corner = map.containerPointToLayerPoint([-PAD, -PAD]);
    this._zoom = map.getZoom();
    this._scale = TILE * 2 ** this._zoom;
    this._origin = map.getPixelBounds().min.subtract([PAD, PAD]);
    const contexts = this._canvases.map((canvas) => {
      L.DomUtil.setPosition(canvas, corner);
      const g = canvas.getContext('2d');
      g.setTransform(this._ratio, 0, 0, this._ratio, 0, 0);
      g.clearRect(0, 0, this._width, this._height);
      return g;
    });
    if (this._track?.count) {
      const first = Math.floor(this._origin.x / this._scale);
      const last = Math.floor((this._origin.x + this._width) / this._scale);
      for (let copy = first; copy <= last; copy++) this._drawCopy(contexts, this._origin.x - copy * this._scale, this._origin.y);
    }
    this.draws++;
    this.drawMs = performance.now() - started;
  },

  _drawCopy([g, marks], left, top) {
    const palette = this.options.palette();
    g.lineJoin = g.lineCap = 'round';
    this._drawGaps(g, left, top, palette);
    const level = this._level();
    g.lineWidth = WIDTH + 3;
    g.strokeStyle = palette.casing;
    for (const pairs of level) this._stroke(g, pairs, left, top);
    g.lineWidth = WIDTH;
    level.forEach((pairs, bin) => {
      g.strokeStyle = palette.ramp(bin / (BINS - 1));
      this._stroke(g, pairs, left, top);
    });
    if (marks) this._drawMarks(marks, left, top, palette);
  },

  // _level returns the segments for the map's zoom, by colour.
  _level() {
    let level = this._levels.get(this._zoom);
    if (!level) {
      level = segments(this._track, this._scale, BINS, (i) => Math.max(0, Math.min(BINS - 1, Math.round(this._share(i) * (BINS - 1)))));
      if (this._levels.size >= MAX_LEVELS) this._levels.delete(this._levels.keys().next().value);
      this._levels.set(this._zoom, level);
    }
    return level;
  },

  _stroke(g, pairs, left, top) {
    const { x, y } = this._track;
    const k = this._scale;
    const margin = 8;
    const right = this._width + margin;
    const bottom = this._height + margin;
    let n = 0;
    let end = -1;
    g.beginPath();
    for (let p = 0; p < pairs.length; p += 2) {
      const a = pairs[p];
      const b = pairs[p + 1];
      const ax = x[a] * k - left;
      const ay = y[a] * k - top;
      const bx = x[b] * k - left;
      const by = y[b] * k - top;
      if ((ax < -margin && bx < -margin) || (ay < -margin && by < -margin) || (ax > right && bx > right) || (ay > bottom && by > bottom)) continue;
      if (a !== end) g.moveTo(ax, ay);
      g.lineTo(bx, by);
      end = b;
      if (++n % STRETCH) continue;
      g.stroke();
      g.beginPath();
      end = -1;
    }
    g.stroke();
  },

  // Where nothing was reported, nobody knows the way: a thin dashed line says so.
  _drawGaps(g, left, top, { casing, gap }) {
    const { x, y, gaps } = this._track;
    g.beginPath();
    for (const { before } of gaps) {
      if (Math.abs(x[before + 1] - x[before]) > 0.5) continue;
      g.moveTo(x[before] * this._scale - left, y[before] * this._scale - top);
      g.lineTo(x[before + 1] * this._scale - left, y[before + 1] * this._scale - top);
    }
    g.setLineDash([]);
    g.lineWidth = 4;
    g.strokeStyle = casing;
    g.stroke();
    g.setLineDash([2, 6]);
    g.lineWidth = 2;
    g.strokeStyle = gap;
    g.stroke();
    g.setLineDash([]);
  },

  _drawMarks(g, left, top, palette) {
    const { x, y, stops, count } = this._track;
    const at = (i) => [x[i] * this._scale - left, y[i] * this._scale - top];
    for (const i of lonely(this._track)) this._disc(g, ...at(i), WIDTH, palette.ramp(0), palette);
    for (const { first } of stops) this._disc(g, ...at(first), 6, palette.casing, { casing: palette.ink });
    this._sign(g, ...at(count - 1), palette.end, palette, [[-3, -3], [3, -3], [3, 3], [-3, 3]]);
    this._sign(g, ...at(0), palette.start, palette, [[-2.5, -4], [4, 0], [-2.5, 4]]);
  },

  _disc(g, x, y, radius, fill, { casing }) {
    if (x < -MARK || y < -MARK || x > this._width + MARK || y > this._height + MARK) return false;
    g.beginPath();
    g.arc(x, y, radius, 0, 7);
    g.fillStyle = fill;
    g.fill();
    g.lineWidth = 2;
    g.strokeStyle = casing;
    g.stroke();
    return true;
  },

  _sign(g, x, y, fill, palette, shape) {
    if (!this._disc(g, x, y, MARK, fill, palette)) return;
    g.beginPath();
    for (const [dx, dy] of shape) g.lineTo(x + dx, y + dy);
    g.closePath();
    g.fillStyle = palette.casing;
    g.fill();
  },
});
