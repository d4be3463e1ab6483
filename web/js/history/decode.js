// The compact form of a track (GET /api/v1/devices/{id}/track?format=compact; openapi.json describes it): a byte of version, and for each
// point what differs from one that went on as the one before did, in variable-length integers.

const VERSION = 1;
const SPEED = 1;
const HEADING = 2;
const ACCURACY = 4;
const SMALLEST = 3; // bytes of a point

class Reader {
  at = 0;

  constructor(buffer) {
    this.bytes = new Uint8Array(buffer);
  }

  get more() {
    return this.at < this.bytes.length;
  }

  // uvarint reads up to 2^53: the bitwise operators know 32 bits only.
  uvarint() {
    const { bytes } = this;
    let b = bytes[this.at++];
    if (b < 128) return b;
    let value = b & 127;
    for (let scale = 128; scale < 2 ** 53; scale *= 128) {
      b = bytes[this.at++];
      if (b === undefined) break;
      value += (b & 127) * scale;
      if (b < 128) return value;
    }
    throw new Error('the track is damaged');
  }

  // varint reads a signed number, in zigzag.
  varint() {
    return unzigzag(this.uvarint());
  }
}

const unzigzag = (u) => (u % 2 ? -(u + 1) / 2 : u / 2);

// decode returns the columns of a track: ts (ms), lat and lng (1e-7 degrees), and speed (m/s), heading (degrees), accuracy (m)
// in tenths plus one, 0 when not known.
export function decode(buffer) {
  const reader = new Reader(buffer);
  if (reader.uvarint() !== VERSION) throw new Error('the track has a form that this page does not know');
  const most = Math.floor((reader.bytes.length - 1) / SMALLEST);
  const columns = {
    ts: new Float64Array(most), lat: new Int32Array(most), lng: new Int32Array(most),
    speed: new Uint16Array(most), heading: new Uint16Array(most), accuracy: new Uint16Array(most),
  };
  const count = readPoints(reader, columns);
  for (const [name, column] of Object.entries(columns)) columns[name] = column.slice(0, count);
  return { count, ...columns };
}

// readPoints is the hot loop: a day at a point a second has 86,400.
function readPoints(reader, columns) {
  const last = { ts: 0, lat: 0, lng: 0, speed: 0, heading: 0, accuracy: 0 };
  let step = 0;
  let stepLat = 0;
  let stepLng = 0;
  let n = 0;
  for (; reader.more; n++) {
    const head = reader.uvarint();
    const changes = head % 8;
    const dt = step + unzigzag((head - changes) / 8);
    const dlat = stepLat + reader.varint();
    const dlng = stepLng + reader.varint();
    if (changes & SPEED) last.speed += reader.varint();
    if (changes & HEADING) last.heading += reader.varint();
    if (changes & ACCURACY) last.accuracy += reader.varint();
    columns.ts[n] = last.ts += dt;
    columns.lat[n] = last.lat += dlat;
    columns.lng[n] = last.lng += dlng;
    columns.speed[n] = Math.min(last.speed, 65535);
    columns.heading[n] = last.heading;
    columns.accuracy[n] = Math.min(last.accuracy, 65535);
    if (n === 0) continue; // the first point has come from nowhere, in no time
    step = dt;
    stepLat = dlat;
    stepLng = dlng;
  }
  return n;
}
