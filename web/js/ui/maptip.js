// The note beside the device that the pointer is on.

import { t } from '../i18n.js';
import { MOVING, STATUS_NAMES } from '../fleet.js';
import * as format from '../format.js';
import { make, glyph, setGlyph, setText } from './dom.js';

const GAP = 16; // px between the device and its note

export class MapTip {
  #fleet;
  #parts;
  #root;
  #shown = -1;

  constructor(fleet, map) {
    this.#fleet = fleet;
    const symbol = glyph(0);
    const $id = make('b', 'tip-id');
    const $state = make('span', 'tip-state');
    this.#root = make('div', 'map-tip').attr({ 'aria-hidden': true, 'data-testid': 'map-tip' }).prop('hidden', true)
      .append($id, make('div', 'tip-line').append(symbol, $state)).appendTo(map)[0];
    this.#parts = { symbol, id: $id[0], state: $state[0] };
  }

  // show puts the note beside device i at a point of the map of the given size; -1 takes it away.
  show(i, point, size) {
    if (i !== this.#shown) {
      this.#shown = i;
      this.#root.hidden = i < 0;
    }
    if (i < 0) return;
    const fleet = this.#fleet;
    const status = fleet.status[i];
    const speed = status === MOVING ? ` · ${format.speed(fleet.speed[i])}` : '';
    setText(this.#parts.id, fleet.ids[i]);
    setGlyph(this.#parts.symbol, status);
    setText(this.#parts.state, `${t(`status.${STATUS_NAMES[status]}`)}${speed} · ${format.lastSeen(fleet, i)}`);
    const { offsetWidth, offsetHeight } = this.#root;
    const left = point.x + GAP + offsetWidth > size.x ? point.x - GAP - offsetWidth : point.x + GAP;
    const top = Math.max(4, Math.min(size.y - offsetHeight - 4, point.y - offsetHeight / 2));
    this.#root.style.transform = `translate(${Math.round(left)}px, ${Math.round(top)}px)`;
  }
}
