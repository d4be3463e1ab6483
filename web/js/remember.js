// Settings kept in this browser. Storage may be refused (private windows, policies): then they last as long as the page.

const PREFIX = 'mwm.';
const memory = new Map();

export function remember(name, value) {
  memory.set(name, String(value));
  try {
    localStorage.setItem(PREFIX + name, value);
  } catch {
    // kept in memory
  }
}

export function recall(name) {
  try {
    return localStorage.getItem(PREFIX + name) ?? memory.get(name) ?? null;
  } catch {
    return memory.get(name) ?? null;
  }
}
