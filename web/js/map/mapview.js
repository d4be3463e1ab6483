// The map: Leaflet, the basemap, the device layer, and what the user does to them.

import $ from '../../vendor/jquery.js';
import { addTask } from '../scheduler.js';
import { mapPalette, onTheme, still } from '../theme.js';
import { LOCATED, MOVING, NO_SPEED, OFFLINE, SPEED_STEP } from '../fleet.js';
import { latOf, lngOf } from '../geo.js';
import { narrow, visibleHeight } from '../ui/sheet.js';
import { MapTip } from '../ui/maptip.js';
import { DeviceLayer } from '../devicelayer/layer.js';
import { addBasemap } from './basemap.js';
import { chooseView } from './view.js';

const WORLD = { centre: [30, 10], zoom: 2 };
const CLOSE = 15; // zoom on a device that was asked for from far away
const FIT_MARGIN = 48;
const PICK_RADIUS = { mouse: 12, touch: 24 };

export class MapView extends EventTarget {
  following = false;
  live = true; // whether the devices are shown as they are now
  covered = null; // () → insets, when something else than the card covers the map
  #fleet;
  #order;
  #selection;
  #task;
  #visible = true;
  #pointer = null;
  #flying = false;
  #measuring = false;
  #tip;

  // Fires 'view' when the map has moved, 'follow' when following begins or ends, 'touched' when the user moves the map, 'fit' when they ask for all.
  constructor({ fleet, order, selection }) {
    super();
    this.#fleet = fleet;
    this.#order = order;
    this.#selection = selection;
    this.#task = addTask((now) => this.#draw(now));
    this.map = L.map('map', {
      zoomControl: false, attributionControl: false, trackResize: false, minZoom: 2, maxZoom: 18, worldCopyJump: true, zoomAnimation: !still(),
      maxBounds: [[-89, -Infinity], [89, Infinity]], maxBoundsViscosity: 0.8,
    }).setView(WORLD.centre, WORLD.zoom, { animate: false });
    L.control.scale({ position: 'bottomleft', imperial: false }).addTo(this.map);
    L.control.attribution({ position: 'bottomleft', prefix: false }).addTo(this.map);
    addBasemap(this.map);
    this.layer = new DeviceLayer({
      fleet, still, palette: mapPalette, shown: () => order.shown, request: () => this.#task.request(),
    }).addTo(this.map);
    this.#tip = new MapTip(fleet, $('#map-view'));
    this.#bind();
  }

  // changed asks for a redraw of the devices.
  changed() {
    this.#task.request();
  }

  show(visible) {
    this.#visible = visible;
    $('#map-view').prop('hidden', !visible);
    if (!visible) return;
    this.#measure();
    this.#task.request();
  }

  // #measure tells the map how large it is now. Leaflet calls that the end of a movement, too, which it is not: a flight goes on.
  #measure() {
    this.#measuring = true;
    this.map.invalidateSize({ animate: false });
    this.#measuring = false;
  }

  // insets are the pixels at the map's edges that something covers.
  insets() {
    if (this.covered) return this.covered();
    const card = $('#card')[0];
    if (narrow.matches) {
      const sheet = card.hidden ? $('#panel')[0] : card;
      return { left: 0, top: 0, right: 0, bottom: Math.min(visibleHeight(sheet), this.map.getSize().y * 0.6) };
    }
    if (card.hidden) return { left: 0, top: 0, right: 0, bottom: 0 };
    const [covers, map] = [card.getBoundingClientRect(), this.map.getContainer().getBoundingClientRect()];
    if (covers.left <= map.left) return { left: covers.right - map.left, top: 0, right: 0, bottom: 0 };
    return { left: 0, top: 0, right: map.right - covers.left, bottom: 0 };
  }

  setPlace({ zoom, lat, lng }) {
    this.follow(false);
    this.map.setView([lat, lng], zoom, { animate: false });
  }

  // fit shows everything that the filter shows; wide: all of it, without regard to movement being visible.
  fit({ wide = true, animate = true } = {}) {
    const { points, speeds } = this.#survey();
    const view = this.fitPoints(points, animate, wide ? [] : speeds);
    return view && { ...view, moving: speeds.length, devices: points.length / 2 };
  }

  // fitPoints shows points [x, y, …].
  fitPoints(points, animate, speeds = []) {
    const inset = this.insets();
    const size = this.map.getSize();
    const room = L.point(
      Math.max(120, size.x - inset.left - inset.right - 2 * FIT_MARGIN), Math.max(120, size.y - inset.top - inset.bottom - 2 * FIT_MARGIN),
    );
    const view = chooseView(points, speeds, room);
    if (view) this.#go(L.latLng(latOf(view.y), lngOf(view.x)), view.zoom, animate);
    return view;
  }

  // #survey gathers the positions of the devices to fit (those that are gone only when there are no others) and the speeds
  // of the moving ones in m/s.
  #survey() {
    const { status, flags, count, x, y, speed } = this.#fleet;
    const { shown } = this.#order;
    const here = [];
    const gone = [];
    const speeds = [];
    for (let i = 0; i < count; i++) {
      if (!(flags[i] & LOCATED) || (shown && !shown[i])) continue;
      (status[i] === OFFLINE ? gone : here).push(x[i], y[i]);
      if (status[i] === MOVING && speed[i] !== NO_SPEED) speeds.push(speed[i] * SPEED_STEP);
    }
    return { points: here.length ? here : gone, speeds };
  }

  // focus brings a device into sight: no movement when it is well in view already.
  focus(i, { fly = false } = {}) {
    if (i < 0 || !this.#fleet.has(i, LOCATED)) return;
    const p = this.layer.devicePoint(i);
    const inset = this.insets();
    const size = this.map.getSize();
    const inside = p.x > inset.left + 60 && p.x < size.x - inset.right - 60 && p.y > inset.top + 60 && p.y < size.y - inset.bottom - 60;
    if (inside && !fly) return;
    const zoom = this.map.getZoom();
    this.#go(this.#latLng(i), inside || zoom >= CLOSE - 3 ? zoom : CLOSE, true);
  }

  // #go centres on a place the part of the map that nothing covers.
  #go(latLng, zoom, animate) {
    const inset = this.insets();
    const offset = L.point(inset.right - inset.left, inset.bottom - inset.top).divideBy(2);
    const centre = this.map.unproject(this.map.project(latLng, zoom).add(offset), zoom);
    if (!animate || still() || !this.#visible) {
      this.map.setView(centre, zoom, { animate: false });
      return;
    }
    const size = this.map.getSize();
    const way = this.map.latLngToContainerPoint(centre).subtract(size.divideBy(2));
    this.#flying = true;
    if (zoom === this.map.getZoom() && Math.abs(way.x) < size.x && Math.abs(way.y) < size.y) this.map.panBy(way, { duration: 0.4 });
    else this.map.flyTo(centre, zoom, { duration: 0.7 });
  }

  #latLng(i) {
    return L.latLng(latOf(this.#fleet.y[i]), lngOf(this.#fleet.x[i]));
  }

  follow(on) {
    if (this.following === on) return;
    this.following = on;
    if (on) this.focus(this.#selection.index, { fly: true });
    this.dispatchEvent(new Event('follow'));
    this.changed();
  }

  #bind() {
    const { map } = this;
    map.on('moveend', () => {
      if (!this.#measuring) this.#landed();
      this.dispatchEvent(new Event('view'));
    });
    map.on('dragstart', () => {
      this.follow(false);
      this.dispatchEvent(new Event('touched'));
    });
    $('#map, .map-tools').on('wheel keydown pointerdown', () => this.dispatchEvent(new Event('touched')));
    map.on('click', (e) => this.#click(e));
    map.on('mousemove', (e) => { this.#pointer = e.containerPoint; this.#task.request(); });
    map.on('mouseout', () => { this.#pointer = null; this.#task.request(); });
    $('#zoom-in').on('click', () => map.zoomIn());
    $('#zoom-out').on('click', () => map.zoomOut());
    $('#fit').on('click', () => this.dispatchEvent(new Event('fit')));
    onTheme(() => this.layer.restyle());
    new ResizeObserver(() => { if (this.#visible) this.#measure(); }).observe($('#map')[0]);
    document.fonts?.ready.then(() => this.layer.restyle());
    this.#selection.addEventListener('change', () => {
      this.follow(false);
      this.changed();
    });
    this.#selection.addEventListener('trail', () => this.changed());
  }

  // A flight that the user breaks off ends between two zooms, where the drawn map is blurred.
  #landed() {
    this.#flying = false;
    const zoom = this.map.getZoom();
    if (!Number.isInteger(zoom)) setTimeout(() => this.map.setZoom(Math.round(zoom)));
  }

  #click(e) {
    if (!this.live) return;
    const radius = e.originalEvent.pointerType === 'touch' ? PICK_RADIUS.touch : PICK_RADIUS.mouse;
    const i = this.layer.pick(e.containerPoint, radius);
    if (i >= 0) this.#selection.select(this.#fleet.ids[i]);
  }

  #draw(now) {
    if (!this.#visible || !this.live) return undefined;
    const { layer } = this;
    layer.selected = this.#selection.index;
    this.#selection.grow();
    layer.trail = this.#selection.trail;
    layer.accuracy = this.#selection.accuracy;
    layer.hovered = this.#pointer ? layer.pick(this.#pointer, PICK_RADIUS.mouse) : -1;
    $('#map-view').toggleClass('pointing', layer.hovered >= 0);
    if (this.following) this.#keepCentred(layer.selected);
    const again = layer.draw(now);
    const { hovered } = layer;
    this.#tip.show(hovered, hovered < 0 ? null : layer.devicePoint(hovered), this.map.getSize());
    return again;
  }

  // While following, the map moves with the device, a pixel at a time.
  #keepCentred(i) {
    if (i < 0 || !this.#fleet.has(i, LOCATED) || this.map._animatingZoom || this.#flying) return;
    const inset = this.insets();
    const middle = this.map.getSize().add([inset.left - inset.right, inset.top - inset.bottom]).divideBy(2);
    const by = this.layer.devicePoint(i).subtract(middle).round();
    if (by.x || by.y) this.map.panBy(by, { animate: false });
  }
}
