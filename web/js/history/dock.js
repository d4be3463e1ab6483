// The controls of the replay: play, speed, the line of the day, and what was at the time that is looked at, in words.

import { t } from '../i18n.js';
import { make, button, icon, setAttribute, setText } from '../ui/dom.js';
import { SPEEDS } from './replay.js';
import { Scrubber } from './scrubber.js';
import { courseAt, momentAt, placeAt } from './timeline.js';
import { clock, duration, heading, minute, speed } from './words.js';

export class Dock {
  #actions;
  #parts = {};
  #track = null;
  #moments = [];
  #place = {};
  #said = '';

  // actions: toggle(), faster(speed), seek(time), step(direction), follow()
  constructor(actions) {
    this.#actions = actions;
    this.scrubber = new Scrubber({ label: t('history.timeline'), seek: (time) => actions.seek(time), text: (time) => this.#sentence(time) });
    this.$root = make('div', 'replay').attr({ role: 'group', 'aria-label': t('history.replay'), 'data-testid': 'replay' })
      .append(this.#controls(), this.scrubber.$root);
  }

  destroy() {
    this.scrubber.destroy();
  }

  #controls() {
    const parts = this.#parts;
    parts.play = make('button', 'replay-play').attr({ type: 'button', 'data-testid': 'play' }).append(icon('play'), icon('pause')).on('click', () => this.#actions.toggle());
    const step = (symbol, key, direction) => make('button', 'tool').attr({ type: 'button', 'aria-label': t(key), title: t(key), 'data-testid': direction < 0 ? 'moment-before' : 'moment-after' })
      .append(icon(symbol)).on('click', () => this.#actions.step(direction));
    const $speeds = make('div', 'segmented').attr({ role: 'group', 'aria-label': t('history.rate') });
    parts.speeds = SPEEDS.map((n) => make('button', '', t('history.times', { n })).attr({ type: 'button', 'data-testid': `speed-${n}`, 'data-speed': n })
      .on('click', () => this.#actions.faster(n)).appendTo($speeds)[0]);
    parts.follow = button('button', 'follow', '').attr({ 'aria-label': t('history.follow'), title: t('history.follow'), 'data-testid': 'replay-follow' }).on('click', () => this.#actions.follow());
    parts.time = make('b', 'replay-time').attr('data-testid', 'replay-time')[0];
    parts.what = make('span', 'replay-what').attr('data-testid', 'replay-what')[0];
    return make('div', 'replay-controls').append(
      make('div', 'replay-buttons').append(step('left', 'history.before', -1), parts.play, step('right', 'history.after', 1)),
      make('p', 'replay-now').append(parts.time, parts.what), $speeds, parts.follow,
    );
  }

  show(track, moments, from, to, tint) {
    this.#track = track;
    this.#moments = moments;
    this.#said = '';
    this.scrubber.show(track, from, to, tint);
  }

  // at shows a time. While the replay runs the slider's words stay as they are.
  at(time, { playing, rate, following }) {
    const { play, speeds, follow, time: $time, what } = this.#parts;
    this.scrubber.at(time, !playing);
    setAttribute(play[0], 'aria-label', t(playing ? 'history.pause' : 'history.play'));
    setAttribute(play[0], 'data-playing', playing);
    for (const element of speeds) setAttribute(element, 'aria-pressed', Number(element.dataset.speed) === rate);
    setAttribute(follow[0], 'aria-pressed', following);
    const second = `${Math.floor(time / 1000)}`;
    if (second === this.#said) return;
    this.#said = second;
    setText($time, clock(time));
    setText(what, this.#what(time));
  }

  // #what says what the device did: its speed and heading, that it stood, or that nobody knows.
  #what(time) {
    const track = this.#track;
    const moment = momentAt(this.#moments, time);
    if (moment) return t(moment.kind === 'stop' ? 'history.stoodFor' : 'history.silentFor', { from: minute(moment.from), to: minute(moment.to), duration: duration(moment.to - moment.from) });
    const { index } = placeAt(track, time, this.#place);
    const course = courseAt(track, index);
    return Number.isNaN(course) ? speed(track.mps[index]) : t('history.moves', { speed: speed(track.mps[index]), heading: heading(course) });
  }

  #sentence(time) {
    return this.#track?.count ? t('history.atTime', { time: clock(time), what: this.#what(time) }) : '';
  }
}
