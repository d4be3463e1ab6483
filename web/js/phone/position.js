// What a position is, from whichever source: {lat, lng, ts, accuracy, speed, heading}; the last three may be null.

export const OLDEST = 30000; // ms: an older fix says where the phone was, not where it is

// fixOf takes what the Geolocation API gives.
export function fixOf({ coords, timestamp }) {
  const number = (value) => (Number.isFinite(value) ? value : null);
  return {
    lat: coords.latitude, lng: coords.longitude, ts: timestamp,
    accuracy: number(coords.accuracy), speed: number(coords.speed), heading: number(coords.heading),
  };
}

export const tooOld = (fix, now = Date.now()) => now - fix.ts > OLDEST;

// reportOf returns the members that go into the message: what is not known is left out.
export function reportOf({ lat, lng, ts, accuracy, speed, heading }) {
  const report = { lat, lng, ts: new Date(ts).toISOString() };
  if (accuracy !== null) report.accuracy = rounded(accuracy, 1);
  if (speed !== null) report.speed = rounded(speed, 2);
  if (heading !== null) report.heading = rounded(heading, 1);
  return report;
}

const rounded = (value, digits) => Number(value.toFixed(digits));

// shown is how the book's truck shows a position: printf's "φ:%.4F, λ:%.4F".
export const shown = ({ lat, lng }) => `φ:${lat.toFixed(4)}, λ:${lng.toFixed(4)}`;

const METRES_PER_DEGREE = 111195;
const RADIANS = Math.PI / 180;

// metresFrom returns how far east and north of an origin a place is, near enough for some kilometres.
export function metresFrom(origin, { lat, lng }) {
  const east = ((lng - origin.lng + 540) % 360 - 180) * METRES_PER_DEGREE * Math.cos(origin.lat * RADIANS);
  return { east, north: (lat - origin.lat) * METRES_PER_DEGREE };
}

// moved returns the place that is so many metres east and north of another.
export function moved({ lat, lng }, east, north) {
  const cosine = Math.max(0.01, Math.cos(lat * RADIANS));
  return {
    lat: Math.max(-89.9, Math.min(89.9, lat + north / METRES_PER_DEGREE)),
    lng: (lng + east / METRES_PER_DEGREE / cosine + 540) % 360 - 180,
  };
}

// coordinatesOf reads "48.8581, 2.2946", with any separator; null if that is no place on earth.
export function coordinatesOf(text) {
  const numbers = text.match(/-?\d+(\.\d+)?/g)?.map(Number) ?? [];
  const [lat, lng] = numbers;
  return numbers.length === 2 && Math.abs(lat) <= 90 && Math.abs(lng) <= 180 ? { lat, lng } : null;
}
