// Dark and light: the system's preference, or the one that was chosen here.
//
// Colours are CSS custom properties with light-dark(); canvases need them resolved, so a hidden element
// is given each one and asked what it computed.

import { remember, recall } from './remember.js';

const dark = matchMedia('(prefers-color-scheme: dark)');
const reduced = matchMedia('(prefers-reduced-motion: reduce)');
const listeners = [];
let colours = new Map();
let probe;

export const theme = () => document.documentElement.dataset.theme;
export const still = () => reduced.matches;

export function startTheme() {
  document.documentElement.dataset.theme = recall('theme') ?? system();
  dark.addEventListener('change', () => { if (!recall('theme')) apply(system()); });
}

const system = () => (dark.matches ? 'dark' : 'light');

export function toggleTheme() {
  const next = theme() === 'dark' ? 'light' : 'dark';
  remember('theme', next);
  apply(next);
}

function apply(name) {
  document.documentElement.dataset.theme = name;
  colours = new Map();
  for (const listener of listeners) listener(name);
}

export function onTheme(listener) {
  listeners.push(listener);
}

// colour resolves a custom property to what a canvas understands.
export function colour(property) {
  let value = colours.get(property);
  if (value) return value;
  if (!probe) {
    probe = document.createElement('span');
    probe.hidden = true;
    probe.style.forcedColorAdjust = 'none'; // canvases have their own ground: with the user's colours, names were black on black
    document.body.append(probe);
  }
  probe.style.color = `var(${property})`;
  value = getComputedStyle(probe).color;
  colours.set(property, value);
  return value;
}

// mapPalette is what the device layer draws with; the same object until the theme changes.
let palette = null;
onTheme(() => { palette = null; });

export function mapPalette() {
  palette ??= {
    status: ['--offline', '--stale', '--idle', '--moving'].map(colour),
    casing: colour('--casing'),
    halo: colour('--halo'),
    veil: colour('--veil'),
    text: colour('--ink'),
    accent: colour('--accent'),
  };
  return palette;
}
