// Builds feed frames byte by byte, independently of the decoder.

export function frame(type, { flags = 0, seq = 1, time = 1000, count, version = 1 }, columns) {
  const parts = columns.map(([method, size, values]) => {
    const bytes = Buffer.alloc(size * values.length);
    values.forEach((value, k) => bytes[method](value, k * size));
    return bytes;
  });
  const header = Buffer.alloc(24);
  header.writeUInt8(version, 0);
  header.writeUInt8(type, 1);
  header.writeUInt16LE(flags, 2);
  header.writeUInt32LE(count ?? columns[0]?.[2].length ?? 0, 4);
  header.writeBigUInt64LE(BigInt(seq), 8);
  header.writeDoubleLE(time, 16);
  const all = Buffer.concat([header, ...parts]);
  return all.buffer.slice(all.byteOffset, all.byteOffset + all.length);
}

export const positions = (rows, options = {}) => frame(1, options, [
  ['writeUInt32LE', 4, rows.map((r) => r.index)],
  ['writeInt32LE', 4, rows.map((r) => Math.round(r.lat * 1e7))],
  ['writeInt32LE', 4, rows.map((r) => Math.round(r.lng * 1e7))],
  ['writeUInt16LE', 2, rows.map((r) => r.heading ?? 65535)],
  ['writeUInt8', 1, rows.map((r) => r.speed ?? 255)],
  ['writeUInt8', 1, rows.map((r) => r.status ?? 3)],
]);

export const motions = (rows, options = {}) => frame(2, options, [
  ['writeUInt32LE', 4, rows.map((r) => r.index)],
  ['writeInt16LE', 2, rows.map((r) => r.pitch)],
  ['writeInt16LE', 2, rows.map((r) => r.roll)],
  ['writeInt16LE', 2, rows.map((r) => r.yaw)],
  ['writeUInt16LE', 2, rows.map((r) => r.age ?? 0)],
]);

export const presence = (rows, options = {}) => frame(3, options, [
  ['writeUInt32LE', 4, rows.map((r) => r.index)],
  ['writeUInt32LE', 4, rows.map((r) => r.age ?? 0)],
  ['writeUInt8', 1, rows.map((r) => r.status)],
  ['writeUInt8', 1, rows.map((r) => r.flags ?? 1)],
]);
