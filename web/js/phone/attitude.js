// How the phone is held: {pitch, roll, yaw} in radians, and how that is written on the wire.

const RADIANS = Math.PI / 180;

// wrapped returns degrees between −180 and 180.
export const wrapped = (degrees) => (degrees > 180 ? degrees - 360 : degrees);

// attitudeOf takes what DeviceOrientation gives, in degrees: beta −180…180, gamma −90…90, alpha 0…360. Null from a
// device without sensors.
export function attitudeOf({ alpha, beta, gamma }) {
  if (!Number.isFinite(beta) || !Number.isFinite(gamma)) return null;
  return { pitch: beta * RADIANS, roll: gamma * RADIANS, yaw: wrapped(alpha ?? 0) * RADIANS }; // no compass, no gyroscope: no alpha
}

// encode returns the 24 bytes of a motion: three float64, big-endian.
export function encode({ pitch, roll, yaw }) {
  const view = new DataView(new ArrayBuffer(24));
  [pitch, roll, yaw].forEach((angle, i) => view.setFloat64(i * 8, angle));
  return new Uint8Array(view.buffer);
}

// inDegrees is printf's "%.0f°", but never "-0°".
export const inDegrees = (radians) => `${Math.round(radians / RADIANS) || 0}°`;
