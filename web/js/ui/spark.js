// Sparklines of the last 50 motions: 5 px a value, 36 px high, from −3 to 3 radians.

import $ from '../../vendor/jquery.js';
import { AXES, LENGTH } from '../motions.js';
import { t } from '../i18n.js';
import { angle } from '../format.js';
import { colour } from '../theme.js';
import { sharp, make } from './dom.js';

export const STEP = 5;
export const WIDTH = LENGTH * STEP;
export const HEIGHT = 36;
const RANGE = 3;

const yOf = (radians) => HEIGHT / 2 - Math.max(-RANGE, Math.min(RANGE, radians)) / RANGE * (HEIGHT / 2 - 1.5);

// drawSpark draws the given axes of a device, the newest value at the right edge.
export function drawSpark(canvas, rings, device, axes) {
  const g = sharp(canvas, WIDTH, HEIGHT);
  g.lineWidth = 1;
  g.strokeStyle = colour('--line');
  g.beginPath();
  g.moveTo(0, HEIGHT / 2);
  g.lineTo(WIDTH, HEIGHT / 2);
  g.stroke();
  g.lineWidth = 1.5;
  g.lineJoin = g.lineCap = 'round';
  for (const axis of axes) drawAxis(g, rings, device, axis);
}

// A step of more than π is an angle that went past ±π, not a turn: the line is broken there.
function drawAxis(g, rings, device, axis) {
  const kept = rings.kept(device);
  g.strokeStyle = g.fillStyle = colour(`--${AXES[axis]}`);
  g.beginPath();
  let before = NaN;
  for (let back = kept - 1; back >= 0; back--) {
    const value = rings.value(device, axis, back);
    const x = WIDTH - 3 - back * STEP;
    if (Math.abs(value - before) <= Math.PI) g.lineTo(x, yOf(value));
    else g.moveTo(x, yOf(value));
    before = value;
  }
  g.stroke();
  if (!kept) return;
  g.beginPath();
  g.arc(WIDTH - 3, yOf(before), 2, 0, 7);
  g.fill();
}

// hoverLabels shows the values under the pointer; what(canvas) → {device, axes} or null.
export function hoverLabels($root, rings, what, inRadians) {
  const $tip = make('div', 'spark-tip').prop('hidden', true).appendTo(document.body);
  $root.on('pointermove', '.spark', (e) => {
    const shown = what(e.currentTarget);
    const box = e.currentTarget.getBoundingClientRect();
    const back = Math.round((box.right - 3 - e.clientX) / STEP);
    if (!shown || back < 0 || back >= rings.kept(shown.device)) {
      $tip.prop('hidden', true);
      return;
    }
    $tip.text(shown.axes.map((axis) => `${t(`motion.${AXES[axis]}`)}: ${angle(rings.value(shown.device, axis, back), inRadians())}`).join('   '));
    $tip.prop('hidden', false);
    const left = Math.min(e.clientX + 12, window.innerWidth - $tip[0].offsetWidth - 8);
    $tip.css({ left: `${left}px`, top: `${box.top - 30}px` });
  });
  $root.on('pointerleave', '.spark', () => $tip.prop('hidden', true));
  return () => $tip.prop('hidden', true);
}
