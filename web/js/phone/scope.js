// Where the phone has been lately, as an instrument: itself in the middle, north up, its way behind it, rings to tell
// distances by.

import { colour } from '../theme.js';
import { sharp } from '../ui/dom.js';
import { radiusFor } from './track.js';

const distance = (metres) => (metres < 1000 ? `${metres} m` : `${metres / 1000} km`);

export function drawScope(canvas, size, track) {
  const g = sharp(canvas, size, size);
  const centre = size / 2;
  const edge = centre - 1;
  drawDial(g, centre, edge);
  const { last } = track;
  if (!last) return;
  const points = track.around();
  const radius = radiusFor(points, last.accuracy);
  const scale = edge / radius;
  const at = ({ east, north }) => [centre + east * scale, centre - north * scale];
  g.save();
  g.beginPath();
  g.arc(centre, centre, edge, 0, 7);
  g.clip();
  drawAccuracy(g, centre, (last.accuracy ?? 0) * scale);
  drawWay(g, points.map(at));
  g.restore();
  drawSelf(g, centre, last.heading);
  label(g, distance(radius), centre, size - 7);
}

function drawDial(g, centre, edge) {
  g.fillStyle = colour('--sunken');
  g.strokeStyle = colour('--line');
  g.lineWidth = 1;
  for (const part of [1, 0.5]) {
    g.beginPath();
    g.arc(centre, centre, edge * part, 0, 7);
    if (part === 1) g.fill();
    g.stroke();
  }
  g.beginPath();
  for (let k = 0; k < 12; k++) {
    const [sin, cos] = [Math.sin(k * Math.PI / 6), Math.cos(k * Math.PI / 6)];
    g.moveTo(centre + sin * edge, centre - cos * edge);
    g.lineTo(centre + sin * (edge - (k % 3 ? 3 : 6)), centre - cos * (edge - (k % 3 ? 3 : 6)));
  }
  g.strokeStyle = colour('--line-strong');
  g.stroke();
  label(g, 'N', centre, 14);
}

function label(g, text, x, y) {
  g.font = '600 10px "Atkinson Next", system-ui, sans-serif';
  g.textAlign = 'center';
  g.textBaseline = 'middle';
  g.lineWidth = 4;
  g.lineJoin = 'round';
  g.strokeStyle = colour('--sunken');
  g.strokeText(text, x, y);
  g.fillStyle = colour('--ink-2');
  g.fillText(text, x, y);
}

function drawAccuracy(g, centre, radius) {
  g.beginPath();
  g.arc(centre, centre, radius, 0, 7);
  g.globalAlpha = 0.14;
  g.fillStyle = colour('--accent');
  g.fill();
  g.globalAlpha = 1;
}

function drawWay(g, points) {
  g.strokeStyle = colour('--accent');
  g.lineWidth = 2;
  g.lineJoin = g.lineCap = 'round';
  g.globalAlpha = 0.55;
  g.beginPath();
  for (const [x, y] of points) g.lineTo(x, y);
  g.stroke();
  g.globalAlpha = 1;
}

// The same signs as on the map: an arrow that goes somewhere, a dot that does not.
function drawSelf(g, centre, heading) {
  g.save();
  g.translate(centre, centre);
  g.beginPath();
  if (heading === null) {
    g.arc(0, 0, 6, 0, 7);
  } else {
    g.rotate(heading * Math.PI / 180);
    for (const [x, y] of [[0, -10], [7, 8], [0, 4.5], [-7, 8]]) g.lineTo(x, y);
    g.closePath();
  }
  g.fillStyle = colour('--accent');
  g.strokeStyle = colour('--casing');
  g.lineWidth = 3;
  g.lineJoin = 'round';
  g.stroke();
  g.fill();
  g.restore();
}
