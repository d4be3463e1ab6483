// Which device is where on the canvas: a grid of 2-pixel cells, filled while drawing.
//
// It answers two questions without any spatial index: is this cell taken (then the next symbol would hide exactly
// under the one there and is not drawn), and which device is nearest to the pointer.

export class PickGrid {
  #cells;
  #across;
  #down;

  constructor(width, height) {
    this.#across = (width >> 1) + 1;
    this.#down = (height >> 1) + 1;
    this.#cells = new Int32Array(this.#across * this.#down);
  }

  clear() {
    this.#cells.fill(0);
  }

  // claim takes the cell at (x, y) for a device and reports whether it was free.
  claim(x, y, device) {
    const cell = (y >> 1) * this.#across + (x >> 1);
    if (this.#cells[cell]) return false;
    this.#cells[cell] = device + 1;
    return true;
  }

  // nearest returns the device nearest to (x, y) within radius pixels, or -1.
  nearest(x, y, radius) {
    const reach = radius >> 1;
    const cx = x >> 1;
    const cy = y >> 1;
    let best = -1;
    let bestDistance = reach * reach + 1;
    for (let row = Math.max(0, cy - reach); row <= Math.min(this.#down - 1, cy + reach); row++) {
      for (let col = Math.max(0, cx - reach); col <= Math.min(this.#across - 1, cx + reach); col++) {
        const device = this.#cells[row * this.#across + col];
        if (!device) continue;
        const distance = (col - cx) ** 2 + (row - cy) ** 2;
        if (distance < bestDistance) {
          bestDistance = distance;
          best = device - 1;
        }
      }
    }
    return best;
  }
}
