// Device symbols, drawn once and then copied pixel by pixel.
//
// A symbol is (status, heading in 64 steps, sub-pixel phase). Each is painted antialiased on a small
// canvas the first time it is needed and kept as two arrays: offsets into the layer's pixels and the colours there.

import { MOVING, IDLE, STALE, NO_HEADING } from '../fleet.js';

const HEADINGS = 64;
const PHASES = 4; // steps of a pixel in x and in y, for symbols that glide
const UNIT = 20; // the side of the square in which the shapes below are drawn
const FAINT = 24; // alpha under which a pixel is left out

// tracePath traces a status' shape round (0, 0): an arrow, a disc, a hollow diamond, a cross. Status is told by
// the shape alone, colour comes on top.
export function tracePath(g, status) {
  g.beginPath();
  if (status === MOVING) {
    g.moveTo(0, -8.4);
    g.lineTo(6, 6.8);
    g.lineTo(0, 3.6);
    g.lineTo(-6, 6.8);
    g.closePath();
  } else if (status === IDLE) {
    g.arc(0, 0, 5, 0, 7);
  } else if (status === STALE) {
    g.moveTo(0, -5.6);
    g.lineTo(5.6, 0);
    g.lineTo(0, 5.6);
    g.lineTo(-5.6, 0);
    g.closePath();
  } else {
    g.moveTo(-4, -4);
    g.lineTo(4, 4);
    g.moveTo(4, -4);
    g.lineTo(-4, 4);
  }
}

// paintSymbol draws one symbol round (0, 0) in units of 1/20 of its side.
export function paintSymbol(g, status, palette) {
  const colour = palette.status[status];
  g.lineJoin = g.lineCap = 'round';
  tracePath(g, status);
  if (status === MOVING || status === IDLE) {
    g.lineWidth = 3;
    g.strokeStyle = palette.casing;
    g.stroke();
    g.fillStyle = colour;
    g.fill();
    return;
  }
  g.lineWidth = 5;
  g.strokeStyle = palette.casing;
  g.stroke();
  if (status === STALE) {
    g.fillStyle = palette.casing;
    g.fill();
  }
  g.lineWidth = 2.2;
  g.strokeStyle = colour;
  g.stroke();
}

export const headingStep = (heading) => (
  heading === NO_HEADING ? 0 : Math.round(heading * HEADINGS / 36000) % HEADINGS
);

export class Sprites {
  #cache = [];
  #canvas = document.createElement('canvas');
  #stride;

  // size is the symbol's side in device pixels, stride the width of the pixel buffer to copy into.
  constructor(size, stride, palette) {
    this.size = size;
    this.#stride = stride;
    this.palette = palette;
    this.#canvas.width = this.#canvas.height = size + 2;
    this.g = this.#canvas.getContext('2d', { willReadFrequently: true });
  }

  // at returns the symbol for a position whose fraction of a pixel is (fx, fy); pass 0 when it need not glide.
  at(status, heading, fx, fy) {
    const phase = ((fx * PHASES) | 0) * PHASES + ((fy * PHASES) | 0);
    const step = status === MOVING ? headingStep(heading) : 0;
    const key = (status * HEADINGS + step) * PHASES * PHASES + phase;
    return this.#cache[key] ??= this.#paint(status, step, phase);
  }

  #paint(status, step, phase) {
    const side = this.size + 2;
    const half = side >> 1;
    const g = this.g;
    g.setTransform(1, 0, 0, 1, 0, 0);
    g.clearRect(0, 0, side, side);
    g.translate(half + ((phase / PHASES) | 0) / PHASES, half + (phase % PHASES) / PHASES);
    g.scale(this.size / UNIT, this.size / UNIT);
    g.rotate(step / HEADINGS * 2 * Math.PI);
    paintSymbol(g, status, this.palette);
    return this.#extract(new Uint32Array(g.getImageData(0, 0, side, side).data.buffer), side, half);
  }

  #extract(pixels, side, half) {
    const offsets = [];
    const colours = [];
    for (let i = 0; i < pixels.length; i++) {
      if (pixels[i] >>> 24 < FAINT) continue;
      offsets.push((((i / side) | 0) - half) * this.#stride + i % side - half);
      colours.push(pixels[i]);
    }
    return { offsets: Int32Array.from(offsets), colours: Uint32Array.from(colours) };
  }
}
