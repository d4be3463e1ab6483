// What the map shows of the history: the track, and where on it the device was at the time that is looked at.

import { colour, mapPalette } from '../theme.js';
import { ReplayMarker } from './marker.js';
import { ramp } from './ramp.js';
import { bounds } from './simplify.js';
import { courseAt, placeAt } from './timeline.js';
import { TrackLayer } from './tracklayer.js';

const EDGE = 0.12; // of the map: so near its edge, the replayed device is followed

const palette = () => ({
  ramp, casing: colour('--casing'), ink: colour('--ink'), gap: colour('--ink-2'), start: colour('--good'), end: colour('--ink'), accent: colour('--accent'), devices: mapPalette(),
});

export class OnMap {
  #mapView;
  #track = null;
  #layer = null;
  #marker = null;
  #place = { x: 0, y: 0, index: 0, silent: true };

  constructor(mapView) {
    this.#mapView = mapView;
  }

  // show draws a track; share(mps, time), from 0 to 1, says which colour of the ramp it has there.
  show(track, share) {
    const { map } = this.#mapView;
    if (!this.#layer) {
      this.#layer = new TrackLayer({ palette }).addTo(map);
      this.#marker = new ReplayMarker({ palette }).addTo(map);
    }
    this.#track = track;
    this.#layer.show(track, (i) => share(track.mps[i], track.ts[i]));
  }

  clear() {
    this.#layer?.remove();
    this.#marker?.remove();
    this.#layer = this.#marker = this.#track = null;
  }

  // fit brings the whole track into view.
  fit(animate) {
    this.#mapView.fitPoints(bounds(this.#track), animate);
  }

  // at moves the device to where it was.
  at(time) {
    const place = placeAt(this.#track, time, this.#place);
    this.#marker.moveTo(place, courseAt(this.#track, place.index));
  }

  // bringIntoView moves the map when the place at a time is not well inside it; covers are the pixels at its edges that are not seen.
  bringIntoView(time, { left, top, right, bottom }, animate) {
    const { map } = this.#mapView;
    if (map._animatingZoom || !this.#marker) return;
    this.#marker.moveTo(placeAt(this.#track, time, this.#place), NaN);
    const size = map.getSize();
    const edge = Math.min(size.x - left - right, size.y - top - bottom) * EDGE;
    const at = this.#marker.point();
    if (at.x > left + edge && at.x < size.x - right - edge && at.y > top + edge && at.y < size.y - bottom - edge) return;
    const middle = L.point((left + size.x - right) / 2, (top + size.y - bottom) / 2);
    map.panBy(at.subtract(middle).round(), { animate });
  }

  restyle() {
    this.#layer?.redraw();
    this.#marker?.restyle();
  }

  // effort is for diagnostics.
  get effort() {
    return { drawMs: this.#layer?.drawMs ?? NaN, draws: this.#layer?.draws ?? 0 };
  }
}
