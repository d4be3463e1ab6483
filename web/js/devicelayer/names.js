// Names beside the symbols. Text is drawn once per name and theme into a small canvas of its own: copying
// that is far cheaper than setting the same glyphs in every frame.

const MAX_CACHED = 400;
const FONT = '600 12px "Atkinson Next", system-ui, sans-serif';
const HEIGHT = 18;
const LONGEST = 28; // characters; the card has the whole ID

export class Names {
  #cache = new Map();
  #boxes = [];
  #symbols = [];

  // begin forgets where names were put in the last redraw; symbols lists device, x, y, … of what else is there.
  begin(symbols) {
    this.#boxes.length = 0;
    this.#symbols = symbols;
  }

  clear() {
    this.#cache.clear();
  }

  // put draws a name beside a device at (x, y): to the right, or else to the left, of its symbol of the given radius; if both
  // places are taken it is left out, unless forced.
  put(g, device, id, x, y, radius, ratio, palette, force) {
    const label = this.#label(id, ratio, palette);
    const top = Math.round(y - HEIGHT / 2);
    const right = Math.round(x + radius);
    const left = Math.round(x - radius - label.width);
    let at = right;
    if (this.#taken(device, right, top, label.width)) {
      if (!this.#taken(device, left, top, label.width)) at = left;
      else if (!force) return;
    }
    this.#boxes.push(at, top, at + label.width);
    g.drawImage(label.canvas, at, top, label.width, HEIGHT);
  }

  #taken(device, left, top, width) {
    const b = this.#boxes;
    for (let i = 0; i < b.length; i += 3) {
      if (left < b[i + 2] && left + width > b[i] && Math.abs(top - b[i + 1]) < HEIGHT - 3) return true;
    }
    const s = this.#symbols;
    const middle = top + HEIGHT / 2;
    for (let i = 0; i < s.length; i += 3) {
      if (s[i] !== device && s[i + 1] > left - 5 && s[i + 1] < left + width + 5 && Math.abs(s[i + 2] - middle) < 13) return true;
    }
    return false;
  }

  #label(id, ratio, palette) {
    const cached = this.#cache.get(id);
    if (cached) return cached;
    if (this.#cache.size >= MAX_CACHED) this.#cache.clear();
    const text = id.length > LONGEST ? `${id.slice(0, LONGEST - 1)}…` : id;
    const canvas = document.createElement('canvas');
    const g = canvas.getContext('2d');
    g.font = FONT;
    const width = Math.ceil(g.measureText(text).width) + 8;
    canvas.width = width * ratio;
    canvas.height = HEIGHT * ratio;
    g.scale(ratio, ratio);
    g.font = FONT;
    g.textBaseline = 'middle';
    g.fillStyle = palette.halo;
    g.beginPath();
    g.roundRect(0, 1, width, HEIGHT - 2, 4);
    g.fill();
    g.fillStyle = palette.text;
    g.fillText(text, 4, HEIGHT / 2 + 0.5);
    const label = { canvas, width };
    this.#cache.set(id, label);
    return label;
  }
}
