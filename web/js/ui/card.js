// The card of the selected device.

import $ from '../../vendor/jquery.js';
import { t, onLang } from '../i18n.js';
import { addTask } from '../scheduler.js';
import { onTheme } from '../theme.js';
import { HAS_MOTION, LOCATED, MQTT, NO_HEADING, STATUS_NAMES, STOMP } from '../fleet.js';
import { AXES } from '../motions.js';
import * as format from '../format.js';
import { make, button, icon, glyph, needle, setGlyph, setText } from './dom.js';
import { drawSpark, hoverLabels } from './spark.js';
import { drawAttitude } from './attitude.js';
import { units } from './units.js';
import { COLOURS, send } from './alerts.js';
import { TextsSection } from './texts.js';
import { makeSheet, narrow, settle } from './sheet.js';

const ATTITUDE = [220, 132];

export class Card {
  #fleet;
  #selection;
  #actions;
  #root = $('#card');
  #parts = null;
  #texts = null;
  #task;
  #drawn = -1;

  // actions: close(), follow(), following(), wire(), history(), copy(text), notify(text), forward(body)
  constructor({ fleet, selection, actions }) {
    this.#fleet = fleet;
    this.#selection = selection;
    this.#actions = actions;
    this.#task = addTask(() => this.#update(), 100);
    hoverLabels(this.#root, fleet.motions, (canvas) => this.#traceOf(canvas), () => units.radians);
    selection.addEventListener('change', () => this.#rebuild());
    selection.addEventListener('texts', () => this.#showTexts());
    onLang(() => this.#reword());
    onTheme(() => this.redraw());
    units.addEventListener('change', () => this.redraw());
  }

  // changed asks for an update of what is shown.
  changed() {
    if (this.#parts) this.#task.request();
  }

  redraw() {
    this.#drawn = -1;
    this.changed();
  }

  // writeText moves the keyboard to the form. On a phone, half a card is too little beside a keyboard on the screen.
  writeText() {
    if (narrow.matches) settle(this.#root[0], 'full');
    this.#texts?.focus();
  }

  // alertRed is the one-click alert.
  alertRed() {
    if (this.#parts) this.#sendAlert('red');
  }

  // #reword says everything in the other language; what the user is writing stays.
  #reword() {
    const texts = this.#texts;
    this.#rebuild();
    if (texts) this.#texts.goOn(texts);
  }

  #rebuild() {
    const { id } = this.#selection;
    this.#root.empty().prop('hidden', id === null);
    $('#stage').toggleClass('has-card', id !== null);
    this.#parts = this.#texts = null;
    this.#task.cancel();
    if (id === null) return;
    this.#build(id);
    this.#drawn = -1;
    this.#showTexts();
    this.#update();
  }

  #showTexts() {
    this.#texts?.show(this.#selection.texts, this.#selection.problem);
  }

  #build(id) {
    const parts = this.#parts = {};
    const $handle = make('button', 'sheet-handle').attr({ type: 'button', 'aria-label': t('sheet.resize') });
    this.#root.append($handle, this.#head(id, parts), this.#buttons(parts));
    this.#texts = new TextsSection(id, { heard: (text) => this.#selection.heard(text), forward: ({ body }) => this.#actions.forward(body) });
    const $body = make('div', 'card-body').append(
      this.#facts(parts), this.#motion(parts), this.#texts.$root, this.#alerts(parts),
    );
    this.#root.append($body);
    makeSheet(this.#root[0], $handle[0], this.#root[0].dataset.stop ?? 'half');
  }

  #head(id, parts) {
    parts.glyph = glyph(0);
    parts.state = make('p', 'card-state').attr('data-testid', 'card-state')[0];
    const $wire = make('button', 'tool').attr({ type: 'button', 'aria-label': t('key.wire'), title: t('key.wire'), 'data-testid': 'card-wire' })
      .append(icon('wire')).on('click', () => this.#actions.wire());
    const $history = make('button', 'tool').attr({ type: 'button', 'aria-label': t('key.history'), title: t('key.history'), 'data-testid': 'card-history' })
      .append(icon('history')).on('click', () => this.#actions.history());
    const $close = make('button', 'tool').attr({ type: 'button', 'aria-label': t('card.close'), title: t('card.close'), 'data-testid': 'card-close' })
      .append(icon('close')).on('click', () => this.#actions.close());
    return make('div', 'card-head').append(
      make('div', 'card-badge').append(parts.glyph),
      make('div').append(make('h2', 'card-id', id).attr({ 'data-testid': 'card-id', title: id }), parts.state),
      make('div', 'card-tools').append($history, $wire, $close),
    );
  }

  #buttons(parts) {
    parts.follow = button('button', 'follow', t('card.follow')).attr('data-testid', 'follow').on('click', () => this.#actions.follow());
    const $text = button('button', 'text', t('card.text')).attr('data-testid', 'card-text').on('click', () => this.writeText());
    const $alert = button('button button-danger', 'alert', t('alert.button')).attr('data-testid', 'alert-red').on('click', () => this.alertRed());
    return make('div', 'card-actions').append(parts.follow, $text, $alert);
  }

  #facts(parts) {
    const $facts = make('dl', 'facts');
    const fact = (name, { wide = false, located = false } = {}) => {
      const $value = make('dd').attr('data-testid', `fact-${name}`);
      const $fact = make('div', wide ? 'fact fact-wide' : 'fact').append(make('dt', '', t(`fact.${name}`)), $value).appendTo($facts);
      if (located) parts.located.push($fact[0]);
      return $value;
    };
    parts.located = []; // what only a device with a position has
    const $position = fact('position', { wide: true, located: true });
    parts.position = make('span').appendTo($position)[0];
    parts.accuracy = make('small').attr({ title: t('fact.accuracy'), 'data-testid': 'fact-accuracy' }).appendTo($position)[0];
    parts.copy = make('button', 'icon-button').attr({ type: 'button', 'aria-label': t('card.copyPosition'), title: t('card.copyPosition') })
      .append(icon('copy')).on('click', () => this.#actions.copy(this.#positionText())).appendTo($position);
    parts.speed = fact('speed', { located: true })[0];
    const $heading = fact('heading', { located: true });
    parts.needle = needle();
    parts.heading = make('span')[0];
    $heading.append(parts.needle, parts.heading);
    parts.seen = fact('seen')[0];
    parts.rate = fact('rate')[0];
    parts.link = fact('link', { wide: true })[0];
    parts.facts = make('section', 'card-section').append($facts);
    return parts.facts;
  }

  #motion(parts) {
    const $unit = make('div', 'segmented').attr({ role: 'group', 'aria-label': t('motion.unit') });
    parts.units = ['deg', 'rad'].map((unit) => (
      make('button', '', t(unit === 'deg' ? 'motion.degrees' : 'motion.radians')).attr('type', 'button')
        .on('click', () => units.set(unit === 'rad')).appendTo($unit)
    ));
    const $traces = make('div', 'traces');
    parts.traces = AXES.map((axis) => {
      const $value = make('b').attr('data-testid', `motion-${axis}`);
      const canvas = make('canvas', 'spark')[0];
      $traces.append(make('div', 'trace').append(canvas, make('div', 'trace-value').append(make('span', `axis-${axis}`, t(`motion.${axis}`)), $value)));
      return { canvas, value: $value[0] };
    });
    parts.attitude = make('canvas', 'attitude').attr({ role: 'img', 'aria-label': t('motion.attitude') })[0];
    parts.motion = make('section', 'card-section').attr('data-testid', 'card-motion')
      .append(make('h3', '', t('motion.title')).append($unit), $traces, parts.attitude);
    return parts.motion;
  }

  #alerts(parts) {
    const $swatches = make('div', 'alert-row').attr({ role: 'group', 'aria-label': t('alert.colours') });
    for (const [name, value] of Object.entries(COLOURS)) {
      make('button', 'swatch').attr({ type: 'button', 'aria-label': t(`colour.${name}`), title: t(`colour.${name}`), 'data-testid': `alert-${name}` })
        .css('background-color', value).on('click', () => this.#sendAlert(name)).appendTo($swatches);
    }
    parts.result = make('p', 'result').attr({ role: 'status', 'data-testid': 'alert-result' });
    return make('section', 'card-section').append(make('h3', '', t('alert.title')), $swatches, parts.result);
  }

  async #sendAlert(name) {
    const { id } = this.#selection;
    const { tone, text } = await send(id, name);
    if (id !== this.#selection.id || !this.#parts) return;
    const $result = this.#parts.result.text(text).attr('data-tone', tone);
    if (!inSight($result[0])) this.#actions.notify(text);
  }

  #update() {
    const parts = this.#parts;
    if (!parts) return undefined;
    const fleet = this.#fleet;
    const i = this.#selection.index;
    const known = i >= 0;
    const status = known ? fleet.status[i] : 0;
    setGlyph(parts.glyph, status);
    setText(parts.state, known ? t('card.state', { status: t(`status.${STATUS_NAMES[status]}`), seen: format.lastSeen(fleet, i) }) : t('card.unknown'));
    parts.follow.attr('aria-pressed', this.#actions.following()).prop('disabled', !known || !fleet.has(i, LOCATED));
    const located = known && fleet.has(i, LOCATED);
    parts.facts.prop('hidden', !known);
    if (known) this.#updateFacts(parts, i, located);
    const motion = known && fleet.has(i, HAS_MOTION);
    parts.motion.prop('hidden', !motion);
    if (motion) this.#updateMotion(parts, i);
    return 500; // ages tick
  }

  #updateFacts(parts, i, located) {
    const fleet = this.#fleet;
    for (const element of parts.located) element.hidden = !located;
    if (located) {
      setText(parts.position, this.#positionText());
      const { accuracy } = this.#selection;
      setText(parts.accuracy, Number.isNaN(accuracy) ? '' : t('unit.accuracy', { n: Math.round(accuracy) }));
      setText(parts.speed, format.speed(fleet.speed[i]));
      setText(parts.heading, format.heading(fleet.heading[i]));
      parts.needle.style.transform = `rotate(${fleet.heading[i] / 100}deg)`;
      parts.needle.style.display = fleet.heading[i] === NO_HEADING ? 'none' : '';
    }
    setText(parts.seen, format.lastSeen(fleet, i));
    setText(parts.rate, format.rate(fleet.rate(performance.now())));
    const links = [['STOMP', STOMP], ['MQTT', MQTT]].filter(([, flag]) => fleet.has(i, flag)).map(([name]) => name);
    setText(parts.link, links.join(' + ') || t('fact.noLink'));
  }

  #updateMotion(parts, i) {
    const { motions } = this.#fleet;
    const total = motions.total(i);
    if (total === this.#drawn) return;
    this.#drawn = total;
    parts.traces.forEach(({ canvas, value }, axis) => {
      drawSpark(canvas, motions, i, [axis]);
      setText(value, format.angle(motions.value(i, axis), units.radians));
    });
    parts.units.forEach(($unit, k) => $unit.attr('aria-pressed', units.radians === (k === 1)));
    drawAttitude(parts.attitude, ...ATTITUDE, motions.value(i, 0), motions.value(i, 1), motions.value(i, 2));
  }

  #positionText() {
    const i = this.#selection.index;
    return `${format.degreesOfArc(this.#fleet.lat[i])}, ${format.degreesOfArc(this.#fleet.lng[i])}`;
  }

  #traceOf(canvas) {
    const axis = this.#parts?.traces.findIndex((trace) => trace.canvas === canvas) ?? -1;
    return axis < 0 ? null : { device: this.#selection.index, axes: [axis] };
  }
}

// inSight reports whether the user can see an element: on a small screen the card scrolls.
function inSight(element) {
  const { left, top } = element.getBoundingClientRect();
  return element.contains(document.elementFromPoint(left + 4, top + 4));
}
