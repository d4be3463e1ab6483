// Decoding of the live feed's binary frames.
//
// Header of 24 bytes, little-endian: u8 version, u8 type, u16 flags, u32 count, u64 seq, f64
// server time in ms; then the columns, one after the other without padding. Wide columns come first, so each is
// aligned for a typed array that views the frame in place (all browsers' hosts are
// little-endian). A decoded frame is valid until its buffer is let go.

export const VERSION = 1;
export const POSITIONS = 1;
export const MOTIONS = 2;
export const PRESENCE = 3;

const HEADER = 24;
const FLAG_SNAPSHOT = 1;

const COLUMNS = {
  [POSITIONS]: [
    ['index', Uint32Array], ['lat', Int32Array], ['lng', Int32Array],
    ['heading', Uint16Array], ['speed', Uint8Array], ['status', Uint8Array],
  ],
  [MOTIONS]: [
    ['index', Uint32Array], ['pitch', Int16Array], ['roll', Int16Array], ['yaw', Int16Array],
    ['age', Uint16Array],
  ],
  [PRESENCE]: [
    ['index', Uint32Array], ['age', Uint32Array], ['status', Uint8Array], ['flags', Uint8Array],
  ],
};

const rowBytes = Object.fromEntries(Object.entries(COLUMNS).map(([type, columns]) => (
  [type, columns.reduce((sum, [, Column]) => sum + Column.BYTES_PER_ELEMENT, 0)]
)));

// decode returns {type, snapshot, count, seq, time, …columns}, null for a type that this page does not
// know (a newer server may send more), and throws on a frame that contradicts itself.
export function decode(buffer) {
  if (buffer.byteLength < HEADER) throw new Error(`feed frame of ${buffer.byteLength} bytes has no header`);
  const view = new DataView(buffer);
  const version = view.getUint8(0);
  if (version !== VERSION) throw new Error(`feed frame version ${version}, this page speaks ${VERSION}`);
  const type = view.getUint8(1);
  const columns = COLUMNS[type];
  if (!columns) return null;
  const count = view.getUint32(4, true);
  if (buffer.byteLength !== HEADER + count * rowBytes[type]) {
    throw new Error(`feed frame of type ${type} has ${buffer.byteLength} bytes for ${count} rows`);
  }
  const frame = {
    type,
    snapshot: (view.getUint16(2, true) & FLAG_SNAPSHOT) !== 0,
    count,
    seq: Number(view.getBigUint64(8, true)),
    time: view.getFloat64(16, true),
  };
  let offset = HEADER;
  for (const [name, Column] of columns) {
    frame[name] = new Column(buffer, offset, count);
    offset += count * Column.BYTES_PER_ELEMENT;
  }
  return frame;
}
