// Draws layers of a map file on one canvas tile. What lies outside the tile is
// skipped or clipped; what is drawn depends on the zoom alone, not on the tile, so
// neighbouring tiles agree at their edge.

import { RUN } from './mapfile.js';

// Vertices nearer than this to the one before (in pixels) are left out.
const DETAIL = 0.6;

export class Brush {
  /**
   * @param {CanvasRenderingContext2D} context with a transform to CSS pixels
   * @param {{x: number, y: number, z: number}} tile
   * @param {number} size of the tile in CSS pixels
   */
  constructor(context, tile, size) {
    this.context = context;
    this.size = size;
    this.zoom = tile.z;
    this.scale = size * 2 ** tile.z;
    this.left = tile.x * size;
    this.top = tile.y * size;
    this.pad(8);
  }

  /** Sets how far beyond its edge, in pixels, the tile looks: half the widest line. */
  pad(pixels) {
    this.west = (this.left - pixels) / this.scale;
    this.north = (this.top - pixels) / this.scale;
    this.east = (this.left + this.size + pixels) / this.scale;
    this.south = (this.top + this.size + pixels) / this.scale;
  }

  /** Fills areas, all together, even-odd. */
  fill(layer, style) {
    if (!this.trace(layer, true)) return;
    this.context.fillStyle = style;
    this.context.fill('evenodd');
  }

  /** Strokes lines or the outlines of areas; accept chooses features by number. */
  stroke(layer, style, width, accept) {
    if (!this.trace(layer, false, accept)) return;
    this.context.strokeStyle = style;
    this.context.lineWidth = width;
    this.context.stroke();
  }

  /** Begins a path with the features on this tile; returns whether there are any. */
  trace(layer, filled, accept) {
    if (!layer) return false;
    const { box, count } = layer;
    let any = false;
    this.context.beginPath();
    for (let f = 0; f < count; f++) {
      if (box[4 * f + 3] < this.north || box[4 * f + 1] > this.south) continue;
      // What crosses the antimeridian is there on both sides of the world.
      const first = box[4 * f + 2] > 1 ? -1 : 0;
      const last = box[4 * f] < 0 ? 1 : 0;
      for (let shift = first; shift <= last; shift++) {
        if (box[4 * f + 2] + shift < this.west || box[4 * f] + shift > this.east) continue;
        if (accept && !accept(f)) continue;
        any = true;
        for (let p = layer.featureParts[f]; p < layer.featureParts[f + 1]; p++) {
          if (filled) this.ring(layer, p, shift);
          else this.line(layer, p, shift);
        }
      }
    }
    return any;
  }

  /** Whether a run's box lies beyond one edge of the tile. */
  beyond(runBox, run, shift) {
    const i = 4 * run;
    return runBox[i + 2] + shift < this.west || runBox[i] + shift > this.east
      || runBox[i + 3] < this.north || runBox[i + 1] > this.south;
  }

  /**
   * A ring clipped to the tile. A run beyond an edge shrinks to its ends: the chord
   * lies beyond that edge too.
   */
  ring(layer, part, shift) {
    const { xy, runBox } = layer;
    const first = layer.partVertices[part];
    const end = layer.partVertices[part + 1];
    const near = DETAIL / this.scale;
    const out = [];
    let run = layer.partRuns[part];
    for (let v = first; v < end; v += RUN, run++) {
      let x = xy[2 * v] + shift;
      let y = xy[2 * v + 1];
      out.push(x, y);
      if (this.beyond(runBox, run, shift)) continue;
      const stop = Math.min(v + RUN, end);
      for (let i = v + 1; i < stop; i++) {
        const nx = xy[2 * i] + shift;
        const ny = xy[2 * i + 1];
        if (Math.abs(nx - x) < near && Math.abs(ny - y) < near) continue;
        x = nx;
        y = ny;
        out.push(x, y);
      }
    }
    this.polygon(clip(out, this.west, this.north, this.east, this.south));
  }

  polygon(points) {
    if (points.length < 6) return;
    const { context, scale, left, top } = this;
    context.moveTo(points[0] * scale - left, points[1] * scale - top);
    for (let i = 2; i < points.length; i += 2) {
      context.lineTo(points[i] * scale - left, points[i + 1] * scale - top);
    }
    context.closePath();
  }

  /** A line (or a ring's outline, closed), without the stretches beyond an edge. */
  line(layer, part, shift) {
    const { xy, runBox } = layer;
    const first = layer.partVertices[part];
    const end = layer.partVertices[part + 1];
    const near = DETAIL / this.scale;
    let run = layer.partRuns[part];
    this.pen = false;
    for (let v = first; v < end; v += RUN, run++) {
      if (this.beyond(runBox, run, shift)) {
        this.pen = false;
        continue;
      }
      let x = xy[2 * v] + shift;
      let y = xy[2 * v + 1];
      const last = Math.min(v + RUN, end - 1);
      for (let i = v + 1; i <= last; i++) {
        const nx = xy[2 * i] + shift;
        const ny = xy[2 * i + 1];
        if (i < last && Math.abs(nx - x) < near && Math.abs(ny - y) < near) continue;
        this.segment(x, y, nx, ny);
        x = nx;
        y = ny;
      }
    }
    if (layer.kind === 3) {
      const l = 2 * (end - 1);
      this.segment(xy[l] + shift, xy[l + 1], xy[2 * first] + shift, xy[2 * first + 1]);
    }
  }

  segment(ax, ay, bx, by) {
    if ((ax < this.west && bx < this.west) || (ax > this.east && bx > this.east)
      || (ay < this.north && by < this.north) || (ay > this.south && by > this.south)) {
      this.pen = false;
      return;
    }
    const { context, scale, left, top } = this;
    if (!this.pen) context.moveTo(ax * scale - left, ay * scale - top);
    context.lineTo(bx * scale - left, by * scale - top);
    this.pen = true;
  }
}

// Sutherland and Hodgman's polygon clipping, one edge after the other.
function clip(points, west, north, east, south) {
  let p = points;
  p = clipEdge(p, 0, west, 1);
  p = clipEdge(p, 0, east, -1);
  p = clipEdge(p, 1, north, 1);
  return clipEdge(p, 1, south, -1);
}

/** Keeps what is on the side of a bound: axis 0 is x, 1 is y; sign 1 keeps above. */
function clipEdge(p, axis, bound, sign) {
  const out = [];
  const n = p.length;
  if (n === 0) return out;
  let ax = p[n - 2];
  let ay = p[n - 1];
  let inside = sign * ((axis ? ay : ax) - bound) >= 0;
  for (let i = 0; i < n; i += 2) {
    const bx = p[i];
    const by = p[i + 1];
    const next = sign * ((axis ? by : bx) - bound) >= 0;
    if (next !== inside) {
      if (axis) out.push(ax + (bx - ax) * (bound - ay) / (by - ay), bound);
      else out.push(bound, ay + (by - ay) * (bound - ax) / (bx - ax));
    }
    if (next) out.push(bx, by);
    ax = bx;
    ay = by;
    inside = next;
  }
  return out;
}
