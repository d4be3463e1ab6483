// Where the device was at the time that is looked at: a small canvas of its own that is moved, so that the replay draws nothing else.

import { MOVING } from '../fleet.js';
import { paintSymbol } from '../devicelayer/sprites.js';
import { latOf, lngOf } from '../geo.js';

const SIZE = 44;
const PANE = 'replay';
const RADIUS = 16;

export const ReplayMarker = L.Layer.extend({
  // options: palette() → {devices: colours of the device layer, accent}
  initialize(options) {
    L.setOptions(this, options);
    this._at = { x: 0.5, y: 0.5 };
  },

  onAdd(map) {
    const pane = map.getPane(PANE) ?? map.createPane(PANE);
    pane.style.zIndex = 470;
    pane.style.pointerEvents = 'none';
    this._element = L.DomUtil.create('div', 'replay-marker leaflet-zoom-animated', pane);
    this._arrow = L.DomUtil.create('canvas', '', this._element);
    this._arrow.setAttribute('aria-hidden', 'true');
    this.restyle();
    this._place();
  },

  onRemove() {
    this._element.remove();
  },

  getEvents() {
    return { viewreset: this._place, zoom: this._place, moveend: this._place, zoomanim: this._animateZoom };
  },

  restyle() {
    const ratio = Math.min(window.devicePixelRatio || 1, 2);
    this._arrow.width = this._arrow.height = SIZE * ratio;
    const g = this._arrow.getContext('2d');
    const { devices, accent } = this.options.palette();
    g.setTransform(ratio, 0, 0, ratio, SIZE / 2 * ratio, SIZE / 2 * ratio);
    g.beginPath();
    g.arc(0, 0, RADIUS, 0, 7);
    g.fillStyle = devices.veil;
    g.fill();
    g.lineWidth = 5;
    g.strokeStyle = devices.casing;
    g.stroke();
    g.lineWidth = 2.5;
    g.strokeStyle = accent;
    g.stroke();
    g.scale(1.2, 1.2);
    paintSymbol(g, MOVING, devices);
  },

  // moveTo places it; course is in degrees, NaN at rest, and silent says that the device did not report then.
  moveTo({ x, y, silent }, course) {
    this._at.x = x;
    this._at.y = y;
    if (course === course) this._arrow.style.transform = `rotate(${course.toFixed(1)}deg)`;
    if (silent !== this._silent) {
      this._silent = silent;
      this._element.classList.toggle('silent', silent);
    }
    this._place();
  },

  // point returns where it is, in pixels of the map's container, in the copy of the world that is in view.
  point() {
    const map = this._map;
    const k = 256 * 2 ** map.getZoom();
    const corner = map.getPixelBounds().min;
    const middle = map.getSize().x / 2;
    let x = this._at.x * k - corner.x;
    x += Math.round((middle - x) / k) * k;
    return L.point(x, this._at.y * k - corner.y);
  },

  _place() {
    if (this._map._animatingZoom) return;
    const { x, y } = this._map.containerPointToLayerPoint(this.point());
    this._element.style.transform = `translate3d(${x.toFixed(2)}px, ${y.toFixed(2)}px, 0)`;
  },

  _animateZoom(e) {
    const { x, y } = this._map._latLngToNewLayerPoint(L.latLng(latOf(this._at.y), lngOf(this._at.x)), e.zoom, e.center);
    this._element.style.transform = `translate3d(${x}px, ${y}px, 0)`;
  },
});
