// Reads map files (world.bin, andorra.bin). The format is documented in
// web/mapgen/doc.go. Decoding 100,000 vertices takes about 10 ms.

const POINTS = 1;
const AREAS = 3;

// Vertices of a line or ring are looked at in runs of this many: a run outside a
// tile is skipped as a whole.
export const RUN = 48;

/** Fetches a map file and decodes it to a Map of layers by name. */
export async function loadMap(url) {
  const response = await fetch(url);
  if (!response.ok) throw new Error(`${url}: HTTP ${response.status}`);
  return decodeMap(new Uint8Array(await response.arrayBuffer()));
}

/** Decodes a map file. Damaged files throw. */
export function decodeMap(bytes) {
  const reader = new Reader(bytes);
  reader.header();
  const strings = reader.strings();
  const layers = new Map();
  for (let n = reader.uint(); n > 0; n--) {
    const layer = readLayer(reader, strings);
    layers.set(layer.name, layer);
  }
  return layers;
}

/**
 * A layer's features lie in flat arrays: feature f has the parts
 * featureParts[f] … featureParts[f+1]-1, part p the vertices
 * partVertices[p] … partVertices[p+1]-1, vertex v the Web Mercator position
 * xy[2v], xy[2v+1]. box has four numbers (west, north, east, south) per feature,
 * runBox per run of RUN vertices of a part; the first run of part p is partRuns[p].
 */
function readLayer(reader, strings) {
  const layer = {
    name: strings[reader.uint()],
    kind: reader.byte(),
    strings,
  };
  const scale = 1 / 2 ** reader.uint();
  const columns = reader.uint();
  const count = reader.uint();
  if (count > reader.left) throw new Error('map file: more features than bytes');
  layer.count = count;
  layer.names = new Array(count);
  layer.attrs = Array.from({ length: columns }, () => new Uint32Array(count));
  const featureParts = [0];
  const partVertices = [0];
  const xy = [];
  let x = 0;
  let y = 0;
  for (let f = 0; f < count; f++) {
    layer.names[f] = strings[reader.uint()];
    for (const column of layer.attrs) column[f] = reader.uint();
    const parts = layer.kind === AREAS ? reader.uint() : 1;
    for (let p = 0; p < parts; p++) {
      for (let n = layer.kind === POINTS ? 1 : reader.uint(); n > 0; n--) {
        x += reader.int();
        y += reader.int();
        xy.push(x * scale, y * scale);
      }
      partVertices.push(xy.length / 2);
    }
    featureParts.push(partVertices.length - 1);
  }
  layer.xy = Float64Array.from(xy);
  layer.featureParts = Uint32Array.from(featureParts);
  layer.partVertices = Uint32Array.from(partVertices);
  index(layer);
  return layer;
}

function index(layer) {
  const { xy, featureParts, partVertices, count } = layer;
  const runs = [];
  layer.box = new Float64Array(4 * count);
  layer.partRuns = new Uint32Array(partVertices.length);
  for (let f = 0; f < count; f++) {
    const box = [Infinity, Infinity, -Infinity, -Infinity];
    for (let p = featureParts[f]; p < featureParts[f + 1]; p++) {
      layer.partRuns[p] = runs.length / 4;
      const last = partVertices[p + 1] - 1;
      for (let v = partVertices[p]; v <= last; v += RUN) {
        // A run's box includes the first vertex of the next: the line goes there.
        const run = boxOf(xy, v, Math.min(v + RUN, last));
        runs.push(...run);
        grow(box, run);
      }
    }
    layer.box.set(box, 4 * f);
  }
  layer.runBox = Float64Array.from(runs);
}

function boxOf(xy, first, last) {
  const box = [Infinity, Infinity, -Infinity, -Infinity];
  for (let v = first; v <= last; v++) {
    const x = xy[2 * v];
    const y = xy[2 * v + 1];
    if (x < box[0]) box[0] = x;
    if (y < box[1]) box[1] = y;
    if (x > box[2]) box[2] = x;
    if (y > box[3]) box[3] = y;
  }
  return box;
}

function grow(box, other) {
  box[0] = Math.min(box[0], other[0]);
  box[1] = Math.min(box[1], other[1]);
  box[2] = Math.max(box[2], other[2]);
  box[3] = Math.max(box[3], other[3]);
}

class Reader {
  constructor(bytes) {
    this.bytes = bytes;
    this.at = 0;
  }

  get left() {
    return this.bytes.length - this.at;
  }

  header() {
    const magic = String.fromCharCode(...this.bytes.subarray(0, 4));
    if (magic !== 'MWMM' || this.bytes[4] !== 1) throw new Error('not a map file of version 1');
    this.at = 5;
  }

  strings() {
    const decoder = new TextDecoder();
    const out = [];
    for (let n = this.uint(); n > 0; n--) {
      const length = this.uint();
      out.push(decoder.decode(this.bytes.subarray(this.at, this.at + length)));
      this.at += length;
    }
    return out;
  }

  byte() {
    if (this.at >= this.bytes.length) throw new Error('map file: cut off');
    return this.bytes[this.at++];
  }

  uint() {
    let value = 0;
    for (let scale = 1; ; scale *= 128) {
      const b = this.byte();
      value += (b & 127) * scale;
      if (b < 128) return value;
    }
  }

  int() {
    const value = this.uint();
    return value % 2 ? -(value + 1) / 2 : value / 2;
  }
}
