// Names beside the symbols. Text is drawn once per name and theme into a small canvas of its own: copying
// that is far cheaper than setting the same glyphs in every frame.

const MAX_CACHED = 400;
const FONT = '600 12px "Atkinson Next", system-ui, sans-serif';
const HEIGHT = 18;
const LONGEST = 28; // characters; the card has the whole ID

export class Names {
  #cache = new Map();
  #boxes = [];

  // begin forgets where names were put in the last redraw.
  begin() {
    this.#boxes.length = 0;
  }

  clear() {
    this.#cache.clear();
  }

  // put draws a name to the right of (x, y) unless another one is there; force draws it all the same.
  put(g, id, x, y, ratio, palette, force) {
    const label = this.#label(id, ratio, palette);
    const left = Math.round(x + 11);
    const top = Math.round(y - HEIGHT / 2);
    if (!force && this.#taken(left, top, label.width)) return;
    this.#boxes.push(left, top, left + label.width);
    g.drawImage(label.canvas, left, top, label.width, HEIGHT);
  }

  #taken(left, top, width) {
    const b = this.#boxes;
    for (let i = 0; i < b.length; i += 3) {
      if (left < b[i + 2] && left + width > b[i] && Math.abs(top - b[i + 1]) < HEIGHT - 3) return true;
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
