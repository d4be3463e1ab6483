/* global L */
// All names on the map lie on one canvas above the devices: the layers of the map
// hand in their labels, the most important are placed first, and what would touch
// one that is already there is left out.

const PAD = 220; // pixels that the canvas reaches beyond the view on each side
const layers = new WeakMap(); // map → its Labels

/** Adds a source of labels to a map: an object with collect(view). */
export function addLabels(map, source) {
  let labels = layers.get(map);
  if (!labels) {
    labels = new Labels();
    layers.set(map, labels);
    labels.addTo(map);
  }
  labels.sources.add(source);
  labels.refresh();
}

/** Removes a source; the canvas goes with the last. */
export function removeLabels(map, source) {
  const labels = layers.get(map);
  if (!labels) return;
  labels.sources.delete(source);
  if (labels.sources.size === 0) {
    layers.delete(map);
    labels.remove();
  } else {
    labels.refresh();
  }
}

/** Draws a map's labels again, because a source changed. */
export function refreshLabels(map) {
  layers.get(map)?.refresh();
}

/*
 * A source's collect(view) returns labels. view has zoom, scale (pixels of the
 * world), left and top (world pixels of the canvas), width, height and
 * visible(x, y). A label has
 *
 *   text, rank          less is more important
 *   size, weight, style font; spacing in pixels
 *   fill, halo          colours
 *   x, y                pixels on the canvas, or
 *   path                pixels x, y, x, y … along which the text runs
 *   mark                {kind: 'dot' | 'peak' | 'pass', size}; the text stands
 *                       beside or below it
 *   box                 {fill, edge}: the text stands in a sign
 *   note                a second, smaller line
 *   apart               pixels that the same text keeps away
 */

const Labels = L.Layer.extend({
  initialize() {
    this.sources = new Set();
  },

  onAdd(map) {
    const pane = map.getPane('mwm-labels') ?? map.createPane('mwm-labels');
    pane.style.zIndex = 450;
    pane.style.pointerEvents = 'none';
    this.canvas = L.DomUtil.create('canvas', 'leaflet-zoom-animated', pane);
    this.canvas.setAttribute('aria-hidden', 'true');
    this.draw();
  },

  onRemove() {
    cancelAnimationFrame(this.frame);
    this.frame = 0;
    this.canvas.remove();
  },

  getEvents() {
    const events = {
      moveend: this.draw,
      viewreset: this.draw,
      resize: this.draw,
      move: this.follow,
      zoom: () => this.place(this._map.getCenter(), this._map.getZoom()),
    };
    if (this._zoomAnimated) events.zoomanim = (e) => this.place(e.center, e.zoom);
    return events;
  },

  /** Draws in the next frame, however many ask for it. */
  refresh() {
    if (!this._map || this.frame) return;
    this.frame = requestAnimationFrame(() => {
      this.frame = 0;
      if (this._map && !this._map._animatingZoom) this.draw();
    });
  },

  /** While the map is dragged farther than the canvas reaches, draws anew. */
  follow() {
    const map = this._map;
    if (map._animatingZoom || map.getZoom() !== this.zoom) return;
    const moved = map.getPixelBounds().min.subtract(this.corner);
    const slack = PAD - 40;
    if (Math.abs(moved.x - PAD) > slack || Math.abs(moved.y - PAD) > slack) this.refresh();
  },

  /** Moves and scales what is drawn to where it belongs at another zoom. */
  place(center, zoom) {
    const scale = this._map.getZoomScale(zoom, this.zoom);
    const origin = this._map._getNewPixelOrigin(center, zoom);
    L.DomUtil.setTransform(this.canvas, this.corner.multiplyBy(scale).subtract(origin), scale);
  },

  draw() {
    const map = this._map;
    const size = map.getSize();
    const density = Math.min(window.devicePixelRatio || 1, 2);
    const width = size.x + 2 * PAD;
    const height = size.y + 2 * PAD;
    const { canvas } = this;
    resize(canvas, width, height, density);
    this.zoom = map.getZoom();
    this.corner = map.getPixelBounds().min.subtract([PAD, PAD]);
    L.DomUtil.setPosition(canvas, map.containerPointToLayerPoint([-PAD, -PAD]));
    const context = canvas.getContext('2d');
    context.setTransform(density, 0, 0, density, 0, 0);
    context.clearRect(0, 0, width, height);
    const view = {
      zoom: this.zoom,
      scale: 256 * 2 ** this.zoom,
      left: this.corner.x,
      top: this.corner.y,
      width,
      height,
      visible: (x, y) => x > -60 && y > -30 && x < width + 60 && y < height + 30,
    };
    const start = performance.now();
    const labels = [];
    for (const source of this.sources) labels.push(...source.collect(view));
    labels.sort((a, b) => a.rank - b.rank);
    new Lettering(context, getComputedStyle(map.getContainer()).fontFamily).place(labels);
    this.drawTime = performance.now() - start;
  },
});

function resize(canvas, width, height, density) {
  const w = Math.round(width * density);
  const h = Math.round(height * density);
  if (canvas.width === w && canvas.height === h) return;
  canvas.width = w;
  canvas.height = h;
  canvas.style.width = `${width}px`;
  canvas.style.height = `${height}px`;
}

const fonts = new Map(); // font → text → width; names are finite, sizes are few

function measure(context, text) {
  const key = context.font + context.letterSpacing;
  let widths = fonts.get(key);
  if (!widths) fonts.set(key, widths = new Map());
  let width = widths.get(text);
  if (width === undefined) {
    width = context.measureText(text).width;
    widths.set(text, width);
  }
  return width;
}

// Draws labels where there is room.
class Lettering {
  constructor(context, family) {
    this.context = context;
    this.family = family;
    this.boxes = new Boxes();
    this.placed = new Map(); // text → where it stands
    context.lineJoin = 'round';
    context.textBaseline = 'middle';
  }

  place(labels) {
    for (const label of labels) {
      this.font(label);
      if (label.path) this.along(label);
      else if (label.box) this.sign(label);
      else this.point(label);
    }
  }

  font(label) {
    const { context } = this;
    context.font = `${label.style ?? 'normal'} ${label.weight ?? 400} ${label.size}px ${this.family}`;
    context.letterSpacing = `${label.spacing ?? 0}px`;
    context.strokeStyle = label.halo;
    context.fillStyle = label.fill;
  }

  /** Whether the same text stands too near already. */
  repeated(label, x, y) {
    const near = label.apart ?? 90;
    return this.placed.get(label.text)?.some((p) => Math.hypot(p[0] - x, p[1] - y) < near) ?? false;
  }

  remember(label, x, y) {
    const at = this.placed.get(label.text);
    if (at) at.push([x, y]);
    else this.placed.set(label.text, [[x, y]]);
  }

  point(label) {
    const { context } = this;
    const { x, y, text } = label;
    if (this.repeated(label, x, y)) return;
    const spot = this.spots(label, measure(context, text)).find(({ box }) => this.boxes.claim([box]));
    if (!spot) return;
    this.remember(label, x, y);
    if (label.mark) this.mark(label);
    context.textAlign = 'left';
    this.write(text, spot.left, spot.middle, label.size);
    if (label.note) this.note(label, x, spot.middle + label.size);
  }

  /** Where the text may stand, best first: beside a dot, below another mark, centred. */
  spots({ x, y, size, mark, note }, width) {
    const spot = (left, middle) => {
      const bottom = middle + size / 2 + (note ? size : 0) + 1;
      const r = mark?.size ?? 0;
      return {
        left,
        middle,
        box: [Math.min(left, x - r) - 3, Math.min(middle - size / 2, y - r) - 2, Math.max(left + width, x + r) + 3, Math.max(bottom, y + r)],
      };
    };
    if (!mark) return [spot(x - width / 2, y)];
    if (mark.kind !== 'dot') return [spot(x - width / 2, y + mark.size + size / 2 + 2)];
    const off = mark.size + 4;
    return [
      spot(x + off, y), spot(x - off - width, y),
      spot(x - width / 2, y - off - size / 2), spot(x - width / 2, y + off + size / 2),
    ];
  }

  write(text, x, y, size) {
    this.context.lineWidth = size > 12 ? 3.2 : 2.6;
    this.context.strokeText(text, x, y);
    this.context.fillText(text, x, y);
  }

  note(label, x, y) {
    const { context } = this;
    context.font = `400 ${label.size - 1.5}px ${this.family}`;
    context.textAlign = 'center';
    this.write(label.note, x, y, label.size - 1);
  }

  mark({ x, y, mark, fill, halo }) {
    const { context } = this;
    const r = mark.size;
    context.beginPath();
    if (mark.kind === 'dot') {
      context.arc(x, y, r, 0, 2 * Math.PI);
    } else if (mark.kind === 'peak') {
      context.moveTo(x, y - r);
      context.lineTo(x + r, y + r * 0.8);
      context.lineTo(x - r, y + r * 0.8);
      context.closePath();
    } else {
      context.moveTo(x - r, y - r * 0.7);
      context.quadraticCurveTo(x, y + r, x + r, y - r * 0.7);
    }
    context.lineWidth = mark.kind === 'pass' ? 3 : 1.6;
    context.strokeStyle = halo;
    context.stroke();
    if (mark.kind === 'pass') {
      context.lineWidth = 1.3;
      context.strokeStyle = fill;
      context.stroke();
      context.strokeStyle = halo;
    } else {
      context.fill();
    }
  }

  /** A road's number in a sign. */
  sign(label) {
    const { context, boxes } = this;
    const { x, y, size, text } = label;
    if (this.repeated(label, x, y)) return;
    const w = measure(context, text) / 2 + 4;
    const h = size / 2 + 3;
    if (!boxes.claim([[x - w - 4, y - h - 4, x + w + 4, y + h + 4]])) return;
    this.remember(label, x, y);
    context.beginPath();
    context.roundRect(x - w, y - h, 2 * w, 2 * h, 3);
    context.fillStyle = label.box.fill;
    context.fill();
    context.lineWidth = 1;
    context.strokeStyle = label.box.edge;
    context.stroke();
    context.fillStyle = label.fill;
    context.textAlign = 'center';
    context.fillText(text, x, y + 0.5);
  }

  /** Text along a path, letter by letter, where the path is straight enough for it. */
  along(label) {
    const path = new Path(label.path);
    if (path.length < label.size * 2) return;
    const letters = [...label.text].map((c) => [c, measure(this.context, c)]);
    const width = letters.reduce((sum, l) => sum + l[1], 0);
    if (path.length < width + 12) return;
    // Every so many pixels from the line's start, so that panning changes nothing.
    const times = Math.max(1, Math.floor(path.length / (width + 380)));
    for (let i = 0; i < times; i++) {
      const middle = path.length * (i + 0.5) / times;
      const room = path.length / times - width;
      for (const shift of [0, -0.25, 0.25, -0.4, 0.4]) {
        const at = middle + shift * room;
        const [x, y] = path.at(at);
        if (!label.visible(x, y) || this.repeated(label, x, y)) continue;
        const glyphs = bend(letters, width, path.part(at - width / 2 - 8, at + width / 2 + 8));
        if (glyphs && this.letters(label, glyphs)) {
          this.remember(label, x, y);
          break;
        }
      }
    }
  }

  letters(label, glyphs) {
    const half = label.size / 2 + 1;
    const boxes = glyphs.map(([, x, y]) => [x - half, y - half, x + half, y + half]);
    if (!this.boxes.claim(boxes)) return false;
    this.glyphs(glyphs);
    return true;
  }

  glyphs(glyphs) {
    const { context } = this;
    context.textAlign = 'center';
    context.lineWidth = 2.6;
    for (const halo of [true, false]) {
      for (const [letter, x, y, angle] of glyphs) {
        context.save();
        context.translate(x, y);
        context.rotate(angle);
        if (halo) context.strokeText(letter, 0, 0);
        else context.fillText(letter, 0, 0);
        context.restore();
      }
    }
  }
}

/**
 * Places letters on the middle of a path: letter, x, y, angle each. Null when the path
 * bends too much to be read.
 */
function bend(letters, width, points) {
  const path = new Path(smooth(points));
  const start = (path.length - width) / 2;
  if (start < 0) return null; // smoothing has cut its corners short
  const direction = path.at(start + width)[0] < path.at(start)[0] ? -1 : 1; // never upside down
  const out = [];
  let offset = direction > 0 ? start : start + width;
  for (const [letter, advance] of letters) {
    const at = offset + direction * advance / 2;
    const angle = path.angle(at, Math.max(5, advance * 0.8)) + (direction < 0 ? Math.PI : 0);
    const before = out.at(-1)?.[3] ?? angle;
    if (Math.abs(remainder(angle - before)) > 0.45) return null;
    out.push([letter, ...path.at(at), angle]);
    offset += direction * advance;
  }
  return Math.abs(remainder(out[0][3] - out.at(-1)[3])) > 1.3 ? null : out;
}

/** An angle in -π … π. */
function remainder(angle) {
  return angle - 2 * Math.PI * Math.round(angle / (2 * Math.PI));
}

/**
 * A line with small bends evened out, for letters to stand on: vertices every few
 * pixels, each moved towards the middle of its neighbours.
 */
function smooth(points) {
  const path = new Path(points);
  const count = Math.max(2, Math.ceil(path.length / 7));
  let line = Array.from({ length: count + 1 }, (_, i) => path.at(path.length * i / count));
  for (let pass = 0; pass < 3; pass++) {
    line = line.map((p, i) => {
      const [a, b] = [line[i - 1], line[i + 1]];
      return a && b ? [(a[0] + 2 * p[0] + b[0]) / 4, (a[1] + 2 * p[1] + b[1]) / 4] : p;
    });
  }
  return line.flat();
}

// A polyline by distance from its start.
class Path {
  constructor(points) {
    this.points = points;
    this.distances = [0];
    let sum = 0;
    for (let i = 2; i < points.length; i += 2) {
      sum += Math.hypot(points[i] - points[i - 2], points[i + 1] - points[i - 1]);
      this.distances.push(sum);
    }
    this.length = sum;
  }

  /** The number of the stretch that a distance lies in. */
  stretch(distance) {
    const { distances } = this;
    let low = 0;
    let high = distances.length - 2;
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if (distances[middle] <= distance) low = middle;
      else high = middle - 1;
    }
    return low;
  }

  at(distance) {
    const { points, distances } = this;
    const i = this.stretch(distance);
    const step = distances[i + 1] - distances[i];
    const f = step > 0 ? Math.max(0, Math.min(1, (distance - distances[i]) / step)) : 0;
    const [ax, ay, bx, by] = points.slice(2 * i, 2 * i + 4);
    return [ax + (bx - ax) * f, ay + (by - ay) * f];
  }

  /** The points between two distances, those included. */
  part(from, to) {
    const start = Math.max(0, from);
    const end = Math.min(this.length, to);
    const inner = this.points.slice(2 * this.stretch(start) + 2, 2 * this.stretch(end) + 2);
    return [...this.at(start), ...inner, ...this.at(end)];
  }

  /** The direction around a distance, over a length that evens out small bends. */
  angle(distance, length) {
    const [ax, ay] = this.at(Math.max(0, distance - length));
    const [bx, by] = this.at(Math.min(this.length, distance + length));
    return Math.atan2(by - ay, bx - ax);
  }
}

// Which parts of the canvas are taken, in a grid so that few need comparing.
class Boxes {
  constructor() {
    this.cells = new Map();
  }

  /** Takes all of the boxes, or none when one touches what is taken. */
  claim(boxes) {
    if (boxes.some((box) => this.taken(box))) return false;
    for (const box of boxes) {
      this.each(box, (key) => {
        const cell = this.cells.get(key);
        if (cell) cell.push(box);
        else this.cells.set(key, [box]);
      });
    }
    return true;
  }

  taken(box) {
    let hit = false;
    this.each(box, (key) => {
      hit ||= this.cells.get(key)?.some((b) => box[0] < b[2] && box[2] > b[0] && box[1] < b[3] && box[3] > b[1]) ?? false;
    });
    return hit;
  }

  each(box, visit) {
    const size = 64;
    for (let x = Math.floor(box[0] / size); x * size <= box[2]; x++) {
      for (let y = Math.floor(box[1] / size); y * size <= box[3]; y++) visit(x * 100003 + y);
    }
  }
}
