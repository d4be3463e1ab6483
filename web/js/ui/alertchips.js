// Alerts to phones that the map cannot show, because they have not reported a position: they light up at its edge as a phone
// does: 0.5 s coming, 2 s there, 0.5 s going.

import $ from '../../vendor/jquery.js';
import { make, icon } from './dom.js';

const MOST = 4;
const LIFETIME = 3000; // ms; css/map.css has the same

export class AlertChips {
  #root;
  #chips = new Map(); // by device ID: an alert during an alert starts again

  constructor(onOpen) {
    this.#root = make('div', 'alert-chips').attr('data-testid', 'alert-chips').appendTo($('#map-view'))
      .on('click', '.alert-chip', (e) => onOpen(e.currentTarget.dataset.device));
  }

  show(id, colour) {
    this.#drop(id);
    const $chip = make('button', 'alert-chip').attr({ type: 'button', 'data-device': id }).append(icon('alert'), make('span', '', id)).prependTo(this.#root);
    $chip[0].style.setProperty('--flash', colour);
    this.#chips.set(id, { $chip, timer: setTimeout(() => this.#drop(id), LIFETIME) });
    if (this.#chips.size > MOST) this.#drop(this.#chips.keys().next().value);
  }

  #drop(id) {
    const chip = this.#chips.get(id);
    if (!chip) return;
    clearTimeout(chip.timer);
    chip.$chip.remove();
    this.#chips.delete(id);
  }
}
