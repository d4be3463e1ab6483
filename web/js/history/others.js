// Tracks of other devices on the same day: of those that are marked in the list. Each has a colour and a marker that moves with the replay.

import * as api from '../api.js';
import { colour, mapPalette } from '../theme.js';
import { decode } from './decode.js';
import { ReplayMarker } from './marker.js';
import { courseAt, placeAt } from './timeline.js';
import { measure } from './track.js';
import { TrackLayer } from './tracklayer.js';
import { zone } from './words.js';

export const MOST = 4;
const COLOURS = ['--other-0', '--other-1', '--other-2', '--other-3'];

export class Others {
  list = []; // {id, property (of the colour), track, layer, marker}; without a track when there is none of that day
  #map;
  #request = null;
  #place = {};

  constructor(map) {
    this.#map = map;
  }

  get names() {
    return this.list.map(({ id }) => id);
  }

  // show fetches and draws what these devices did on a day.
  async show(ids, day) {
    this.clear();
    this.#request = new AbortController();
    this.list = ids.slice(0, MOST).map((id, k) => ({ id, property: COLOURS[k] }));
    await this.grow(day);
  }

  // grow fetches and draws it again: the day is not over. What cannot be fetched stays as it was.
  async grow(day) {
    const signal = this.#request?.signal;
    await Promise.all(this.list.map(async (other) => {
      try {
        const track = measure(decode(await api.getTrack(other.id, day, zone, { signal })));
        if (!signal.aborted && track.count) this.#draw(other, track);
      } catch (err) {
        if (!signal.aborted) console.warn(`track of ${other.id}: ${err.message}`);
      }
    }));
  }

  #draw(other, track) {
    const { count } = other.track ?? { count: 0 };
    other.track = track;
    if (count) {
      if (track.count !== count) other.layer.show(track);
      return;
    }
    const palette = () => {
      const own = colour(other.property);
      const devices = { ...mapPalette(), status: COLOURS.map(() => own) };
      return { ramp: () => own, casing: colour('--casing'), ink: colour('--ink'), gap: own, accent: own, devices };
    };
    other.layer = new TrackLayer({ palette, marks: false }).addTo(this.#map);
    other.layer.show(track);
    other.marker = new ReplayMarker({ palette }).addTo(this.#map);
  }

  // at moves the markers to where the devices were.
  at(time) {
    for (const { track, marker } of this.list) {
      if (track) marker.moveTo(placeAt(track, time, this.#place), courseAt(track, this.#place.index));
    }
  }

  restyle() {
    for (const { layer, marker } of this.list) {
      layer?.redraw();
      marker?.restyle();
    }
  }

  clear() {
    this.#request?.abort();
    for (const { layer, marker } of this.list) {
      layer?.remove();
      marker?.remove();
    }
    this.list = [];
  }
}
