// What the browser will ask the user when the sensors are started: 'granted', 'denied', 'prompt', or 'unknown' where it
// does not tell beforehand.

const query = async (name) => {
  try {
    return (await navigator.permissions.query({ name })).state;
  } catch {
    return 'unknown';
  }
};

export async function permissions() {
  const asks = Boolean(window.DeviceOrientationEvent?.requestPermission);
  return { location: await query('geolocation'), motion: asks ? await query('accelerometer') : 'granted' };
}

// questions names what will be asked: 'both', 'location', 'motion' or null.
export function questions({ location, motion }) {
  const [asksLocation, asksMotion] = [location, motion].map((state) => state === 'prompt' || state === 'unknown');
  if (asksLocation && asksMotion) return 'both';
  return asksLocation ? 'location' : asksMotion ? 'motion' : null;
}
