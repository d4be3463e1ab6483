// An alert: the page's background fades to the colour in half a second, holds it for two, and fades back in half a second.
// An alert during an alert starts again, from what is seen at that moment; the style's own colour always returns, because
// nothing but an animation ever replaced it.

const FADE = 500;
const HOLD = 2000;
const TOTAL = FADE + HOLD + FADE;

export class Alarm {
  #ground; // whose background it is
  #content; // what steps aside meanwhile
  #label;
  #running = [];

  constructor({ ground, content, label }) {
    this.#ground = ground;
    this.#content = content;
    this.#label = label;
  }

  // show returns when the alert is over, or when another one has begun.
  async show(colour, words) {
    const from = {
      ground: getComputedStyle(this.#ground).backgroundColor,
      content: getComputedStyle(this.#content).opacity,
      label: getComputedStyle(this.#label).opacity,
    };
    for (const animation of this.#running) animation.cancel();
    const [span] = this.#label.getElementsByTagName('span');
    span.textContent = words;
    this.#label.dataset.ink = isLight(colour) ? 'dark' : 'light';
    const home = getComputedStyle(this.#ground).backgroundColor;
    this.#running = [
      this.#animate(this.#ground, 'backgroundColor', from.ground, colour, home),
      this.#animate(this.#content, 'opacity', from.content, 0, 1),
      this.#animate(this.#label, 'opacity', from.label, 1, 0),
    ];
    const mine = this.#running;
    await Promise.allSettled(mine.map((animation) => animation.finished));
    if (mine === this.#running) span.textContent = ''; // so that the same words are read aloud the next time
  }

  #animate(element, property, from, held, to) {
    return element.animate([
      { [property]: from, easing: 'ease-out' },
      { [property]: held, offset: FADE / TOTAL },
      { [property]: held, offset: 1 - FADE / TOTAL, easing: 'ease-in' },
      { [property]: to },
    ], TOTAL);
  }
}

// isLight tells which ink can be read on a colour "#RRGGBB" (WCAG 2, relative luminance).
export function isLight(colour) {
  const [r, g, b] = [1, 3, 5].map((at) => {
    const c = parseInt(colour.slice(at, at + 2), 16) / 255;
    return c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * r + 0.7152 * g + 0.0722 * b > 0.179;
}
