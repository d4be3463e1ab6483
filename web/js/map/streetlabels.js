// The names on the street map: places, peaks, lakes, and along roads and rivers.

import { roadWidth } from './streetstyle.js';

// Points by layer: the zooms between which they are named, rank and looks.
const PLACES = [
  ['place.town', { from: 9, to: 16, rank: 10, size: 13, weight: 600, colour: 'place' }],
  ['place.village', { from: 11.5, to: 17, rank: 30, size: 11.5, weight: 500, colour: 'place' }],
  ['place.hamlet', { from: 13, to: 18, rank: 50, size: 11, colour: 'place' }],
  ['place.locality', { from: 14, to: 19, rank: 150, size: 10.5, style: 'italic', colour: 'locality' }],
];

const NAMED_ROADS = [
  // class, from zoom, rank, size
  ['primary', 13, 60, 10.5],
  ['secondary', 13, 64, 10.5],
  ['tertiary', 14, 68, 10],
  ['street', 15, 72, 10],
  ['pedestrian', 15, 74, 10],
  ['service', 16, 76, 9.5],
];

/** The labels of the street map in a view. */
export function streetLabels(layers, view, colours) {
  return [
    ...places(layers, view, colours),
    ...heights(layers, view, colours),
    ...lakes(layers, view, colours),
    ...signs(layers, view, colours),
    ...alongRoads(layers, view, colours),
    ...alongRivers(layers, view, colours),
  ];
}

function* pointsIn(layer, view) {
  for (let f = 0; f < layer.count; f++) {
    const x = layer.xy[2 * f] * view.scale - view.left;
    const y = layer.xy[2 * f + 1] * view.scale - view.top;
    if (view.visible(x, y)) yield [f, x, y];
  }
}

function* places(layers, view, colours) {
  for (const [name, look] of PLACES) {
    if (view.zoom < look.from || view.zoom > look.to) continue;
    const layer = layers.get(name);
    const grown = look.size + Math.min(3.5, Math.max(0, view.zoom - Math.max(11, look.from)));
    for (const [f, x, y] of pointsIn(layer, view)) {
      yield {
        text: layer.names[f],
        x,
        y,
        rank: look.rank + f / 100, // the most populous first, as in the file
        size: grown,
        weight: look.weight,
        style: look.style,
        fill: colours[look.colour],
        halo: colours.halo,
        apart: 260,
        mark: view.zoom < 11 && name === 'place.town' ? { kind: 'dot', size: 2.4 } : undefined,
      };
    }
  }
}

function* heights(layers, view, colours) {
  for (const [name, from, rank] of [['peak', 11, 90], ['pass', 13, 95]]) {
    if (view.zoom < from) continue;
    const layer = layers.get(name);
    for (const [f, x, y] of pointsIn(layer, view)) {
      const metres = layer.attrs[0][f];
      if (view.zoom < 12 && metres < 2800) continue;
      yield {
        text: layer.names[f],
        note: metres && view.zoom >= 12 ? `${metres} m` : undefined,
        x,
        y,
        rank: rank + f / 200, // the highest first, as in the file
        size: 10,
        fill: colours.peak,
        halo: colours.halo,
        mark: { kind: name, size: 3.6 },
      };
    }
  }
}

function* lakes(layers, view, colours) {
  const layer = layers.get('lakename');
  for (const [f, x, y] of pointsIn(layer, view)) {
    const across = Math.sqrt(layer.attrs[0][f] / 1e12) * view.scale;
    if (across < 16) continue;
    yield {
      text: layer.names[f],
      x,
      y,
      rank: 80 + f / 100,
      size: 10.5,
      style: 'italic',
      fill: colours.waterName,
      halo: colours.halo,
    };
  }
}

/** The numbers of main roads, at every so many pixels along them. */
function* signs(layers, view, colours) {
  if (view.zoom < 10) return;
  const [fill, edge, text] = colours.shield;
  for (const [name, from] of [['primary', 10], ['secondary', 12]]) {
    if (view.zoom < from) continue;
    const layer = layers.get(`road.${name}`);
    for (const f of linesIn(layer, view)) {
      const number = layer.strings[layer.attrs[0][f]];
      if (!number) continue;
      for (const [x, y] of marks(layer, f, view, 300)) {
        yield {
          text: number,
          x,
          y,
          rank: name === 'primary' ? 40 : 66,
          size: 9.5,
          weight: 600,
          fill: text,
          box: { fill, edge },
          apart: name === 'primary' ? 210 : 260,
        };
      }
    }
  }
}

/** Positions along a line, from its start on, so that panning does not move them. */
function* marks(layer, f, view, spacing) {
  const path = pathOf(layer, f, view);
  let length = 0;
  for (let i = 2; i < path.length; i += 2) length += Math.hypot(path[i] - path[i - 2], path[i + 1] - path[i - 1]);
  const times = Math.max(1, Math.floor(length / spacing));
  if (length < 24) return;
  let next = length / times / 2;
  let done = 0;
  for (let i = 2; i < path.length; i += 2) {
    const step = Math.hypot(path[i] - path[i - 2], path[i + 1] - path[i - 1]);
    while (next <= done + step && step > 0) {
      const s = (next - done) / step;
      const x = path[i - 2] + (path[i] - path[i - 2]) * s;
      const y = path[i - 1] + (path[i + 1] - path[i - 1]) * s;
      if (view.visible(x, y)) yield [x, y];
      next += length / times;
    }
    done += step;
  }
}

function* alongRoads(layers, view, colours) {
  for (const [name, from, rank, size] of NAMED_ROADS) {
    if (view.zoom < from) continue;
    const layer = layers.get(`road.${name}`);
    const grown = size + (view.zoom >= 17 ? 1.5 : view.zoom >= 16 ? 0.7 : 0);
    const tight = roadWidth(name, view.zoom) < grown;
    for (const f of linesIn(layer, view)) {
      if (!layer.names[f]) continue;
      yield {
        text: layer.names[f],
        path: pathOf(layer, f, view),
        visible: view.visible,
        rank: rank + (tight ? 0.5 : 0),
        size: grown,
        spacing: 0.2,
        fill: colours.roadName,
        halo: colours.halo,
        apart: 240,
      };
    }
  }
}

function* alongRivers(layers, view, colours) {
  for (const [name, from] of [['river', 12], ['stream', 15]]) {
    if (view.zoom < from) continue;
    const layer = layers.get(name);
    for (const f of linesIn(layer, view)) {
      if (!layer.names[f]) continue;
      yield {
        text: layer.names[f],
        path: pathOf(layer, f, view),
        visible: view.visible,
        rank: name === 'river' ? 70 : 120,
        size: 10,
        style: 'italic',
        spacing: 0.6,
        fill: colours.waterName,
        halo: colours.halo,
        apart: 420,
      };
    }
  }
}

/** The lines whose box touches the canvas. */
function* linesIn(layer, view) {
  const west = view.left / view.scale;
  const north = view.top / view.scale;
  const east = (view.left + view.width) / view.scale;
  const south = (view.top + view.height) / view.scale;
  const { box } = layer;
  for (let f = 0; f < layer.count; f++) {
    const i = 4 * f;
    if (box[i + 2] >= west && box[i] <= east && box[i + 3] >= north && box[i + 1] <= south) yield f;
  }
}

/** A line in pixels of the canvas, without bends that no letter could follow. */
function pathOf(layer, f, view) {
  const { xy, partVertices } = layer;
  const first = partVertices[f];
  const last = partVertices[f + 1] - 1;
  const out = [];
  for (let v = first; v <= last; v++) {
    const x = xy[2 * v] * view.scale - view.left;
    const y = xy[2 * v + 1] * view.scale - view.top;
    const n = out.length;
    if (n && v < last && Math.hypot(x - out[n - 2], y - out[n - 1]) < 3) continue;
    out.push(x, y);
  }
  return out;
}
