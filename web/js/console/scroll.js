// Scrolling through more rows than a browser can lay out: it knows no element higher than some 17 million pixels. What is higher
// gets a space of that height. Turning the wheel moves it row by row as ever; dragging the scroll bar moves it in proportion.

const TALLEST = 16_000_000;

export class Scroll {
  top = 0; // of the window, in pixels of the whole list
  #row;
  #rows = 0;
  #window = 0;
  #last = 0; // scrollTop

  constructor(row) {
    this.#row = row;
  }

  get #whole() {
    return this.#rows * this.#row;
  }

  // height is that of the space that scrolls.
  get height() {
    return Math.min(this.#whole, TALLEST);
  }

  get row() {
    return this.#row;
  }

  // resize says how many rows there are and how high the window is.
  resize(rows, window, row = this.#row) {
    this.#rows = rows;
    this.#window = window;
    this.#row = row;
    this.top = Math.max(0, Math.min(this.top, this.#whole - window));
  }

  // moved takes the element's scrollTop.
  moved(scrollTop) {
    const step = scrollTop - this.#last;
    this.#last = scrollTop;
    const end = this.#whole - this.#window;
    const realEnd = this.height - this.#window;
    if (this.#whole <= TALLEST) this.top = scrollTop;
    else if (scrollTop <= 0) this.top = 0;
    else if (scrollTop >= realEnd) this.top = end;
    else if (Math.abs(step) <= this.#window) this.top = Math.max(0, Math.min(end, this.top + step));
    else this.top = scrollTop / realEnd * end;
  }

  // settled returns the scrollTop that fits the place, for when nothing moves: steps have led away from it.
  settled() {
    const end = this.#whole - this.#window;
    this.#last = this.#whole <= TALLEST || end <= 0 ? this.top : Math.round(this.top / end * (this.height - this.#window));
    return this.#last;
  }

  // reveal moves so that a row can be seen, under a head of some height, and returns the new scrollTop.
  reveal(position, head = 0) {
    const y = position * this.#row;
    if (y < this.top) this.top = y;
    else if (y + this.#row > this.top + this.#window - head) this.top = y + this.#row - this.#window + head;
    this.top = Math.max(0, this.top);
    return this.settled();
  }

  // yOf returns where in the space a row is.
  yOf(position, scrollTop) {
    return position * this.#row - this.top + scrollTop;
  }

  get first() {
    return Math.floor(this.top / this.#row);
  }
}
