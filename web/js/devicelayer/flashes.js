// Alerts on the map: a ring that grows round the phone as its own screen does: 0.5 s coming, 2 s there,
// 0.5 s going. They are drawn last and never left out.

const FADE = 500;
const HOLD = 2000;
const TOTAL = FADE + HOLD + FADE;

export class Flashes {
  #running = new Map(); // device → {colour, start}: an alert during an alert starts again

  get active() {
    return this.#running.size > 0;
  }

  start(device, colour, now) {
    this.#running.set(device, { colour, start: now });
  }

  clear() {
    this.#running.clear();
  }

  // draw calls place(device) for the pixel to draw at and forgets what has ended.
  draw(g, now, still, place) {
    for (const [device, { colour, start }] of this.#running) {
      const age = now - start;
      if (age >= TOTAL) {
        this.#running.delete(device);
        continue;
      }
      const at = place(device);
      if (at) ring(g, at, colour, strength(age), still ? 0.5 : (age % 1000) / 1000);
    }
  }
}

function strength(age) {
  if (age < FADE) return age / FADE;
  return Math.min(1, (TOTAL - age) / FADE);
}

function ring(g, { x, y }, colour, alpha, phase) {
  g.save();
  g.globalAlpha = alpha * 0.3;
  g.fillStyle = colour;
  g.beginPath();
  g.arc(x, y, 22, 0, 7);
  g.fill();
  g.globalAlpha = alpha * (1 - phase);
  g.lineWidth = 4;
  g.strokeStyle = colour;
  g.beginPath();
  g.arc(x, y, 14 + phase * 30, 0, 7);
  g.stroke();
  g.globalAlpha = alpha;
  g.lineWidth = 3;
  g.beginPath();
  g.arc(x, y, 14, 0, 7);
  g.stroke();
  g.restore();
}
