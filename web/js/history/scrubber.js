// The day as a line: how fast, where it stood, where it was silent, and the hand that is moved by pointer or keyboard (WAI-ARIA: slider).

import { make, sharp, setAttribute, setText } from '../ui/dom.js';
import { colour } from '../theme.js';
import { columns, span, ticks, speedScale, NOTHING, REPORTS, STOP } from './timeline.js';
import { clock, hour } from './words.js';

const HEIGHT = 40; // of the profile, px
const LABELS = 18;
const STEPS = { ArrowLeft: -10_000, ArrowDown: -10_000, ArrowRight: 10_000, ArrowUp: 10_000, PageDown: -600_000, PageUp: 600_000 };
const WIDER = 6; // with Shift: a minute for ten seconds

export class Scrubber {
  #seek;
  #text;
  #canvas = make('canvas', 'scrubber-canvas').attr('aria-hidden', 'true')[0];
  #hand = make('div', 'scrubber-hand')[0];
  #tip = make('div', 'scrubber-tip').prop('hidden', true)[0];
  #track = null;
  #tint = null;
  #day = 0; // when it begins
  #from = 0;
  #to = 1;
  #time = 0;
  #width = 0;
  #observer;

  // seek(time) is called when the hand is moved, text(time) says in words what is there.
  constructor({ label, seek, text }) {
    this.#seek = seek;
    this.#text = text;
    this.$root = make('div', 'scrubber').attr({ role: 'slider', tabindex: 0, 'aria-label': label, 'data-testid': 'scrubber' })
      .append(this.#canvas, this.#hand, this.#tip)
      .on('keydown', (e) => { this.key(e); }) // what returns false is stopped: jQuery
      .on('pointerdown', (e) => this.#grab(e))
      .on('pointermove', (e) => this.#point(e))
      .on('pointerleave', () => { this.#tip.hidden = true; });
    this.#observer = new ResizeObserver(() => this.redraw());
    this.#observer.observe(this.$root[0]);
  }

  destroy() {
    this.#observer.disconnect();
  }

  // show draws a track's day, or the part of it that has reports; tint(mps, time) is the colour of a speed at a time, as on the map.
  show(track, from, to, tint = () => '') {
    this.#track = track;
    this.#tint = tint;
    this.#day = from;
    ({ from: this.#from, to: this.#to } = span(track, from, to));
    setAttribute(this.$root[0], 'aria-valuemin', 0);
    setAttribute(this.$root[0], 'aria-valuemax', Math.round((this.#to - this.#from) / 1000));
    this.redraw();
  }

  // at moves the hand; said when it stands still, too: a screen reader is not to be told of each frame.
  at(time, said = true) {
    this.#time = time;
    this.#hand.style.transform = `translateX(${((time - this.#from) / (this.#to - this.#from) * this.#width).toFixed(2)}px)`;
    if (!said) return;
    setAttribute(this.$root[0], 'aria-valuenow', Math.round((time - this.#from) / 1000));
    setAttribute(this.$root[0], 'aria-valuetext', this.#text(time));
  }

  // key moves the hand if a key is for it, and reports whether it was.
  key(e) {
    if (e.altKey || e.ctrlKey || e.metaKey || !this.#track?.count) return false;
    const { ts, count } = this.#track;
    const step = STEPS[e.key] * (e.shiftKey ? WIDER : 1);
    const time = { Home: ts[0], End: ts[count - 1] }[e.key] ?? this.#time + step;
    if (Number.isNaN(time)) return false;
    e.preventDefault();
    this.#time = Math.max(ts[0], Math.min(ts[count - 1], time)); // the next key may come before the next frame
    this.#seek(this.#time);
    return true;
  }

  redraw() {
    this.#width = this.$root[0].clientWidth;
    if (!this.#track || !this.#width) return;
    const g = sharp(this.#canvas, this.#width, HEIGHT + LABELS);
    this.#drawTicks(g);
    this.#drawProfile(g);
    this.at(this.#time);
  }

  #drawTicks(g) {
    g.font = '500 11px "Atkinson Next", system-ui, sans-serif';
    g.textBaseline = 'alphabetic';
    g.fillStyle = colour('--ink-2');
    const line = colour('--line');
    for (const time of ticks(this.#from, this.#to, this.#width, this.#day)) {
      const x = Math.round((time - this.#from) / (this.#to - this.#from) * this.#width) + 0.5;
      g.strokeStyle = line;
      g.lineWidth = 1;
      g.beginPath();
      g.moveTo(x, 0);
      g.lineTo(x, HEIGHT);
      g.stroke();
      const text = hour(time);
      if (x + g.measureText(text).width < this.#width) g.fillText(text, x + (x < 2 ? 0 : -g.measureText(text).width / 2), HEIGHT + 13);
    }
    g.strokeStyle = colour('--line-strong');
    g.beginPath();
    g.moveTo(0, HEIGHT - 0.5);
    g.lineTo(this.#width, HEIGHT - 0.5);
    g.stroke();
  }

  // Each column of pixels: nothing where nobody reported, a band where the device stood, else its speed.
  #drawProfile(g) {
    const { state, speed } = columns(this.#track, this.#from, this.#to, Math.floor(this.#width));
    const top = speedScale(this.#track) / 3.6;
    const stands = colour('--ink-3');
    for (let c = 0; c < state.length; c++) {
      if (state[c] === NOTHING && !this.#silent(c / state.length)) continue;
      if (state[c] === NOTHING && c % 5 > 1) continue; // dotted, as on the map
      const height = state[c] === STOP ? 4 : state[c] === NOTHING ? 2 : Math.max(3, Math.min(1, speed[c] / top) * (HEIGHT - 6));
      g.fillStyle = state[c] !== REPORTS ? stands : this.#tint(speed[c], this.#from + (c + 0.5) / state.length * (this.#to - this.#from));
      g.fillRect(c, HEIGHT - 1 - height, 1, height);
    }
  }

  // #silent reports whether a place on the line, from 0 to 1, lies between the first report and the last.
  #silent(share) {
    const { ts, count } = this.#track;
    const time = this.#from + share * (this.#to - this.#from);
    return count > 0 && time > ts[0] && time < ts[count - 1];
  }

  #timeAt(e) {
    const { left } = this.$root[0].getBoundingClientRect();
    return this.#from + Math.max(0, Math.min(1, (e.clientX - left) / this.#width)) * (this.#to - this.#from);
  }

  #grab(e) {
    if (e.button !== 0) return;
    this.$root[0].setPointerCapture(e.pointerId);
    this.#seek(this.#timeAt(e));
  }

  #point(e) {
    const time = this.#timeAt(e);
    if (this.$root[0].hasPointerCapture(e.pointerId)) this.#seek(time);
    setText(this.#tip, clock(time));
    this.#tip.hidden = false;
    const x = (time - this.#from) / (this.#to - this.#from) * this.#width;
    this.#tip.style.transform = `translateX(${Math.max(0, Math.min(this.#width - this.#tip.offsetWidth, x - this.#tip.offsetWidth / 2))}px)`;
  }
}
