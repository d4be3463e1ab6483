// A phone's attitude: a box turned by pitch (about its short axis), roll (its long axis) and yaw (the vertical), seen from
// the south and above, in perspective. Angles are those of the book's phones: all zero is flat on a table, screen up.

import { colour } from '../theme.js';
import { sharp } from './dom.js';

const HALF = [0.5, 1, 0.07]; // of the box: across, along, thick
const SCREEN = [0.42, 0.86];
const TILT = 0.62; // of the eye above the table, radians
const DISTANCE = 5.2;

// Corners of the six faces, each seen from outside, anticlockwise, and its normal.
const FACES = [
  { normal: [0, 0, 1], corners: [[-1, -1, 1], [1, -1, 1], [1, 1, 1], [-1, 1, 1]] },
  { normal: [0, 0, -1], corners: [[-1, 1, -1], [1, 1, -1], [1, -1, -1], [-1, -1, -1]] },
  { normal: [1, 0, 0], corners: [[1, -1, -1], [1, 1, -1], [1, 1, 1], [1, -1, 1]] },
  { normal: [-1, 0, 0], corners: [[-1, 1, -1], [-1, -1, -1], [-1, -1, 1], [-1, 1, 1]] },
  { normal: [0, 1, 0], corners: [[1, 1, -1], [-1, 1, -1], [-1, 1, 1], [1, 1, 1]] },
  { normal: [0, -1, 0], corners: [[-1, -1, -1], [1, -1, -1], [1, -1, 1], [-1, -1, 1]] },
];

function rotation(pitch, roll, yaw) {
  const [cp, sp] = [Math.cos(pitch), Math.sin(pitch)];
  const [cr, sr] = [Math.cos(roll), Math.sin(roll)];
  const [cy, sy] = [Math.cos(yaw), Math.sin(yaw)];
  // Rz(yaw) · Rx(pitch) · Ry(roll)
  return [
    [cy * cr - sy * sp * sr, -sy * cp, cy * sr + sy * sp * cr],
    [sy * cr + cy * sp * sr, cy * cp, sy * sr - cy * sp * cr],
    [-cp * sr, sp, cp * cr],
  ];
}

const turn = (m, [x, y, z]) => m.map((row) => row[0] * x + row[1] * y + row[2] * z);

// eye turns table coordinates (x east, y north, z up) into the viewer's: x right, y up, z towards the viewer.
function eye([x, y, z]) {
  const c = Math.cos(TILT);
  const s = Math.sin(TILT);
  return [x, y * s + z * c, -y * c + z * s];
}

export function drawAttitude(canvas, width, height, pitch, roll, yaw) {
  const g = sharp(canvas, width, height);
  if (Number.isNaN(pitch)) return;
  const matrix = rotation(pitch, roll, yaw);
  const scale = Math.min(width, height) * 0.44;
  const project = (point) => {
    const [x, y, z] = eye(turn(matrix, point));
    const f = DISTANCE / (DISTANCE - z);
    return [width / 2 + x * f * scale, height / 2 - y * f * scale];
  };
  drawTable(g, width, height, scale);
  g.lineJoin = 'round';
  for (const { normal, corners } of FACES) {
    const [first, second, third] = corners.slice(0, 3).map((c) => project(c.map((v, i) => v * HALF[i])));
    const turned = (second[0] - first[0]) * (third[1] - first[1]) - (second[1] - first[1]) * (third[0] - first[0]);
    if (turned >= 0) continue; // looks away from us
    const light = 0.55 + 0.45 * Math.max(0, eye(turn(matrix, normal))[2]);
    fillFace(g, corners.map((c) => project(c.map((v, i) => v * HALF[i]))), colour('--ink-2'), light);
    if (normal[2] === 1) drawScreen(g, project);
  }
}

function drawTable(g, width, height, scale) {
  g.beginPath();
  g.ellipse(width / 2, height / 2, scale * 1.08, scale * 1.08 * Math.sin(TILT), 0, 0, 7);
  g.lineWidth = 1;
  g.strokeStyle = colour('--line');
  g.stroke();
}

function fillFace(g, points, fill, alpha) {
  g.beginPath();
  for (const [x, y] of points) g.lineTo(x, y);
  g.closePath();
  g.globalAlpha = 1;
  g.fillStyle = colour('--raised');
  g.fill();
  g.globalAlpha = alpha;
  g.fillStyle = fill;
  g.fill();
  g.globalAlpha = 1;
  g.lineWidth = 1;
  g.strokeStyle = colour('--ink');
  g.stroke();
}

// The screen in the accent colour, with a bar at the upper end: it shows which way is up.
function drawScreen(g, project) {
  const z = HALF[2];
  const [w, h] = SCREEN;
  const quad = (x0, y0, x1, y1) => [[x0, y0, z], [x1, y0, z], [x1, y1, z], [x0, y1, z]].map(project);
  const fill = (points, style) => {
    g.beginPath();
    for (const [x, y] of points) g.lineTo(x, y);
    g.closePath();
    g.fillStyle = style;
    g.fill();
  };
  fill(quad(-w, -h, w, h), colour('--accent'));
  fill(quad(-w * 0.36, h * 0.84, w * 0.36, h * 0.92), colour('--on-accent'));
}
