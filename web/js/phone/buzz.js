// Vibration, where there is any. A browser refuses it, and complains, before the page has been touched.

const PATTERNS = { alert: [250, 100, 250], text: [80, 60, 80], shake: [40] };

export function buzz(name) {
  if (navigator.userActivation?.hasBeenActive) navigator.vibrate?.(PATTERNS[name]);
}
