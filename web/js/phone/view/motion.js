// The card of the motion: the phone as it is held, the angles, their last values; simulated, all of it can be grabbed.

import $ from '../../../vendor/jquery.js';
import { t, onLang } from '../../i18n.js';
import { onTheme } from '../../theme.js';
import { addTask } from '../../scheduler.js';
import { make, setText } from '../../ui/dom.js';
import { drawAttitude } from '../../ui/attitude.js';
import { drawSpark } from '../../ui/spark.js';
import { MotionRings, UNIT } from '../../motions.js';
import { inDegrees } from '../attitude.js';
import { AXES } from '../tilt.js';
import { CardFrame } from './card.js';

const SMALL = 116;
const LARGE = 168; // to put a finger on
const DEGREES = 180 / Math.PI;

export class MotionCard {
  #channel;
  #frame;
  #rings = new MotionRings();
  #attitude = null;
  #rows = {};
  #traced = -1; // motions in the lines that are drawn
  #task = addTask(() => this.#render(), 50); // a hand is not faster, and a battery lasts longer

  constructor({ channel, secureURL }) {
    this.#channel = channel;
    this.#frame = new CardFrame('motion', channel, secureURL);
    channel.addEventListener('state', () => this.changed());
    channel.addEventListener('value', ({ detail }) => {
      this.#attitude = detail;
      this.changed();
    });
    for (const axis of Object.keys(AXES)) this.#row(axis);
    this.#grab($('#attitude')[0]);
    onLang(() => this.changed());
    onTheme(() => {
      this.#traced = -1;
      this.changed();
    });
    this.changed();
  }

  changed() {
    this.#task.request();
  }

  // published notes what was sent: that is what the lines show, here as on the dashboard.
  published({ pitch, roll, yaw }) {
    this.#rings.push(0, ...[pitch, roll, yaw].map((angle) => Math.round(angle / UNIT)));
    this.changed();
  }

  #row(axis) {
    const most = Math.round(AXES[axis] * DEGREES);
    const $value = make('b').attr('data-testid', `own-${axis}`);
    const $slider = make('input', 'hs-slider').attr({ type: 'range', min: -most, max: most, step: 1, 'data-testid': `slide-${axis}` }).on('input', (e) => {
      this.#channel.source('simulated').turnTo(axis, Number(e.target.value) / DEGREES);
    });
    make('div', `hs-angle axis-${axis}`).append($value, $slider).appendTo('#angles');
    this.#rows[axis] = { value: $value[0], slider: $slider[0] };
  }

  #grab(canvas) {
    let last = null;
    canvas.addEventListener('pointerdown', (e) => {
      if (this.#channel.mode !== 'simulated') return;
      last = { x: e.clientX, y: e.clientY };
      canvas.setPointerCapture(e.pointerId);
    });
    canvas.addEventListener('pointermove', (e) => {
      if (!last) return;
      this.#channel.source('simulated').drag(e.clientX - last.x, e.clientY - last.y);
      last = { x: e.clientX, y: e.clientY };
    });
    for (const end of ['pointerup', 'pointercancel']) canvas.addEventListener(end, () => { last = null; });
  }

  #render() {
    this.#frame.render();
    const { mode, on, state } = this.#channel;
    const attitude = on && state === 'live' ? this.#attitude : null;
    const simulated = mode === 'simulated';
    const size = simulated ? LARGE : SMALL;
    const { pitch, roll, yaw } = attitude ?? { pitch: 0.35, roll: 0, yaw: 0.4 };
    this.#frame.$root.toggleClass('empty', attitude === null);
    drawAttitude($('#attitude')[0], size, size, pitch, roll, yaw);
    for (const [axis, { value, slider }] of Object.entries(this.#rows)) {
      const words = attitude ? inDegrees(attitude[axis]) : '–';
      setText(value, t('phone.motion.value', { axis: t(`motion.${axis}`), angle: words }));
      slider.hidden = !simulated;
      if (!simulated || !attitude) continue;
      slider.setAttribute('aria-label', t(`motion.${axis}`));
      slider.setAttribute('aria-valuetext', words);
      slider.value = Math.round(attitude[axis] * DEGREES);
    }
    if (this.#rings.total(0) === this.#traced) return;
    this.#traced = this.#rings.total(0);
    drawSpark($('#spark')[0], this.#rings, 0, [0, 1, 2]);
  }
}
