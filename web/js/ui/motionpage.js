// The motion page: every phone with its sparkline, attitude and alert button. Cards are virtual: only those on
// screen exist and are drawn.

import $ from '../../vendor/jquery.js';
import { t, lang, onLang } from '../i18n.js';
import { addTask } from '../scheduler.js';
import { onTheme } from '../theme.js';
import { HAS_MOTION } from '../fleet.js';
import { AXES } from '../motions.js';
import * as format from '../format.js';
import { make, button, glyph, setGlyph, setText } from './dom.js';
import { drawSpark, hoverLabels } from './spark.js';
import { drawAttitude } from './attitude.js';
import { units } from './units.js';
import { flash, send, stopFlash } from './alerts.js';

const CARD = { height: 124, least: 440, gap: 12 };
const ALL_AXES = [0, 1, 2];

export class MotionPage {
  visible = false;
  #fleet;
  #order;
  #selection;
  #notify;
  #scroll = $('#motion-scroll')[0];
  #space = $('#motion-scroll .motion-space')[0];
  #phones = [];
  #cards = [];
  #columns = 1;
  #seen = '';
  #task;

  constructor({ fleet, order, selection, notify }) {
    this.#fleet = fleet;
    this.#order = order;
    this.#selection = selection;
    this.#notify = notify;
    this.#task = addTask(() => this.#render());
    $(this.#scroll).on('scroll', () => this.#task.request())
      .on('click', '.phone-name', (e) => this.#select(e.currentTarget))
      .on('click', '.button-danger', (e) => this.#alert(e.currentTarget));
    $('#motion-view .segmented').on('click', 'button', (e) => units.set(e.currentTarget.dataset.unit === 'rad'));
    hoverLabels($(this.#scroll), fleet.motions, (canvas) => {
      const card = this.#cards.find((c) => c.spark === canvas);
      return card && card.device >= 0 ? { device: card.device, axes: ALL_AXES } : null;
    }, () => units.radians);
    new ResizeObserver(() => this.redraw()).observe(this.#scroll);
    for (const target of [units, selection]) target.addEventListener('change', () => this.redraw());
    onTheme(() => this.redraw());
    onLang(() => {
      $(this.#space).empty();
      this.#cards = [];
      this.redraw();
    });
  }

  show(visible) {
    this.visible = visible;
    $('#motion-view').prop('hidden', !visible);
    this.redraw();
  }

  changed() {
    if (this.visible) this.#task.request();
  }

  redraw() {
    for (const card of this.#cards) card.total = -1;
    this.changed();
  }

  // flash lights a phone's card in the colour its screen has now.
  flash(device, colour) {
    const card = this.#cards.find((c) => c.device === device);
    if (card) flash(card.element, colour);
  }

  #render() {
    if (!this.visible) return;
    this.#learnPhones();
    const width = this.#space.clientWidth;
    this.#columns = Math.max(1, Math.floor((width + CARD.gap) / (CARD.least + CARD.gap)));
    const rowHeight = CARD.height + CARD.gap;
    this.#space.style.height = `${Math.ceil(this.#phones.length / this.#columns) * rowHeight}px`;
    const firstRow = Math.max(0, Math.floor(this.#scroll.scrollTop / rowHeight) - 1);
    const rows = Math.ceil(this.#scroll.clientHeight / rowHeight) + 2;
    const room = rows * this.#columns;
    while (this.#cards.length < room) this.#cards.push(this.#makeCard());
    const first = firstRow * this.#columns;
    for (let slot = 0; slot < this.#cards.length; slot++) {
      const size = this.#cards.length;
      const position = first + ((slot - first % size) + size) % size;
      this.#fill(this.#cards[slot], position, position < this.#phones.length ? this.#phones[position] : -1, width);
    }
  }

  #learnPhones() {
    const fleet = this.#fleet;
    const seen = `${fleet.revision}/${this.#order.query}/${this.#order.statuses}/${this.#order.sort}/${units.radians}/${lang()}`;
    if (seen === this.#seen) return;
    this.#seen = seen;
    this.#order.refresh();
    this.#phones = Array.from(this.#order.rows).filter((i) => fleet.has(i, HAS_MOTION));
    const total = fleet.motions.size;
    setText($('#motion-summary')[0], t('motion.count', { n: total }));
    $('#motion-empty').prop('hidden', this.#phones.length > 0);
    $('#motion-empty p').text(t(total ? 'list.nothingFound' : 'motion.empty'));
    for (const element of $('#motion-view .segmented button')) {
      element.setAttribute('aria-pressed', (element.dataset.unit === 'rad') === units.radians);
    }
  }

  #makeCard() {
    const attitude = make('canvas', 'attitude')[0];
    const symbol = glyph(0);
    const $id = make('span');
    const $name = make('button', 'phone-name').attr('type', 'button').append(symbol, $id);
    const $alert = button('button button-danger', 'alert', t('alert.button')).attr('data-testid', 'motion-alert');
    const spark = make('canvas', 'spark')[0];
    const values = AXES.map((axis) => make('span', `axis-${axis}`).attr('data-axis', axis)[0]);
    const $data = make('div', 'phone-data').append(spark, make('div', 'phone-values').append(values));
    const element = make('article', 'phone').attr('data-testid', 'phone').append(attitude, $name, $alert, $data).appendTo(this.#space)[0];
    return { element, attitude, symbol, id: $id[0], spark, values, alert: $alert[0], device: undefined, total: -1 };
  }

  #fill(card, position, device, width) {
    if (card.device !== device) {
      card.device = device;
      card.total = -1;
      card.element.hidden = device < 0;
      stopFlash(card.element);
    }
    if (device < 0) return;
    this.#place(card.element, position, width);
    const fleet = this.#fleet;
    const id = fleet.ids[device];
    setText(card.id, id);
    setGlyph(card.symbol, fleet.status[device]);
    card.element.classList.toggle('selected', id === this.#selection.id);
    const total = fleet.motions.total(device);
    if (total === card.total) return;
    card.total = total;
    card.element.dataset.device = id;
    card.alert.setAttribute('aria-label', t('alert.to', { id }));
    drawSpark(card.spark, fleet.motions, device, ALL_AXES);
    const angles = ALL_AXES.map((axis) => fleet.motions.value(device, axis));
    drawAttitude(card.attitude, 64, 96, ...angles);
    card.values.forEach((element, axis) => setText(element, format.angle(angles[axis], units.radians)));
  }

  #place(element, position, width) {
    const cardWidth = (width - (this.#columns - 1) * CARD.gap) / this.#columns;
    const x = (position % this.#columns) * (cardWidth + CARD.gap);
    const y = Math.floor(position / this.#columns) * (CARD.height + CARD.gap);
    const transform = `translate(${x}px, ${y}px)`;
    if (element.style.transform !== transform) element.style.transform = transform;
    if (element.style.width !== `${cardWidth}px`) element.style.width = `${cardWidth}px`;
  }

  #deviceOf(element) {
    return this.#cards.find((card) => card.element.contains(element))?.device ?? -1;
  }

  #select(element) {
    const device = this.#deviceOf(element);
    if (device >= 0) this.#selection.select(this.#fleet.ids[device]);
  }

  async #alert(element) {
    const device = this.#deviceOf(element);
    if (device < 0) return;
    const { text } = await send(this.#fleet.ids[device], 'red');
    this.#notify(text);
  }
}

