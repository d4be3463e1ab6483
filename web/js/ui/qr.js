// A QR code on a canvas.

import { generate, correction } from '../../vendor/lean-qr.js';

const MODULE = 4; // canvas pixels; the style scales them
const MARGIN = 4; // modules of quiet zone (ISO 18004 §9.1)

// drawQR returns a canvas that says the text. It is black on white in either theme: not every reader takes the inverse.
export function drawQR(text) {
  const code = generate(text, { minCorrectionLevel: correction.M });
  const canvas = document.createElement('canvas');
  canvas.width = canvas.height = (code.size + 2 * MARGIN) * MODULE;
  canvas.setAttribute('role', 'img');
  canvas.setAttribute('aria-label', text);
  const g = canvas.getContext('2d');
  g.fillStyle = '#fff';
  g.fillRect(0, 0, canvas.width, canvas.height);
  g.fillStyle = '#000';
  for (let y = 0; y < code.size; y++) {
    for (let x = 0; x < code.size; x++) {
      if (code.get(x, y)) g.fillRect((x + MARGIN) * MODULE, (y + MARGIN) * MODULE, MODULE, MODULE);
    }
  }
  return canvas;
}
