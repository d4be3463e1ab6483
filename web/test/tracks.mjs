// Writes the compact form of a track, independently of its reader.

function varints() {
  const bytes = [];
  const unsigned = (value) => {
    let rest = BigInt(value);
    for (; rest > 127n; rest >>= 7n) bytes.push(Number(rest & 127n) | 128);
    bytes.push(Number(rest));
  };
  const zigzag = (value) => (BigInt(value) << 1n) ^ (BigInt(value) >> 63n);
  return { bytes, unsigned, signed: (value) => unsigned(zigzag(value)), zigzag };
}

// encode takes points [ts, lat, lng, speed, heading, accuracy] in degrees, m/s, degrees and m; undefined is not known.
export function encode(points) {
  const out = varints();
  out.unsigned(1);
  let last = [0, 0, 0, 0, 0, 0];
  let step = [0, 0, 0];
  points.forEach(([ts, lat, lng, ...measured], n) => {
    const now = [ts, Math.round(lat * 1e7), Math.round(lng * 1e7), ...[0, 1, 2].map((k) => (measured[k] === undefined ? 0 : Math.round(measured[k] * 10) + 1))];
    const changes = [3, 4, 5].reduce((bits, k) => bits | (now[k] === last[k] ? 0 : 1 << (k - 3)), 0);
    out.unsigned((out.zigzag(now[0] - last[0] - step[0]) << 3n) | BigInt(changes));
    for (const k of [1, 2]) out.signed(now[k] - last[k] - step[k]);
    for (const k of [3, 4, 5]) if (now[k] !== last[k]) out.signed(now[k] - last[k]);
    if (n > 0) step = [0, 1, 2].map((k) => now[k] - last[k]);
    last = now;
  });
  return Uint8Array.from(out.bytes).buffer;
}
