/* global L */
// A grid layer whose tiles are painted in the page, a few milliseconds' worth per
// frame.

import { addLabels, refreshLabels, removeLabels } from './labels.js';
import { loadMap } from './mapfile.js';

const PANE = 'mwm-base'; // below the tile pane: somebody's map tiles cover it

const BUDGET = 9; // milliseconds of painting per frame

const queue = [];
let frame = 0;

function enqueue(job) {
  queue.push(job);
  if (!frame) frame = requestAnimationFrame(work);
}

function work() {
  const start = performance.now();
  while (queue.length && performance.now() - start < BUDGET) queue.shift()();
  frame = queue.length ? requestAnimationFrame(work) : 0;
}

/**
 * Subclasses implement paint(context, tile), whose context is in CSS pixels of the
 * tile and whose tile has x, y, z (x within the world) and size, and collect(view),
 * the labels (labels.js). Both find the map data in this.layers. It is fetched from
 * options.url when the first tile is wanted, and again after a failure.
 *
 * Tiles appear at once instead of fading in, over what they replace: nothing
 * flickers. Half a tile around the view is painted ahead.
 */
export const PaintedTiles = L.GridLayer.extend({
  options: {
    tileSize: 256,
    updateInterval: 60,
    updateWhenZooming: true,
    updateWhenIdle: false,
    keepBuffer: 3,
    maxZoom: 22,
    theme: 'light',
    labels: true,
    pane: PANE,
  },

  onAdd(map) {
    if (!map.getPane(PANE)) map.createPane(PANE).style.zIndex = 150;
    L.GridLayer.prototype.onAdd.call(this, map);
    if (this.options.labels) addLabels(map, this);
  },

  onRemove(map) {
    removeLabels(map, this);
    L.GridLayer.prototype.onRemove.call(this, map);
  },

  /** Changes the colours in place: no tile disappears meanwhile. */
  setTheme(theme) {
    if (theme === this.options.theme) return this;
    this.options.theme = theme;
    for (const { el } of Object.values(this._tiles ?? {})) {
      if (this.layers) this.paintTile(el);
    }
    return this.relabel();
  },

  /** Changes the language of the names. */
  setLang(lang) {
    this.options.lang = lang;
    return this.relabel();
  },

  /** Shows the names or hides them, as for a map above that has its own. */
  setLabels(shown) {
    if (shown === this.options.labels) return this;
    this.options.labels = shown;
    if (this._map) (shown ? addLabels : removeLabels)(this._map, this);
    return this;
  },

  relabel() {
    if (this._map) refreshLabels(this._map);
    return this;
  },

  load() {
    this.loading ??= loadMap(this.options.url).then((layers) => {
      this.layers = layers;
      this.relabel();
    }).catch((error) => {
      this.loading = null;
      throw error;
    });
    return this.loading;
  },

  createTile(coords, done) {
    const canvas = L.DomUtil.create('canvas', 'leaflet-tile');
    canvas.tile = { x: coords.x, y: coords.y, z: coords.z, size: this.getTileSize().x };
    this.load().then(() => enqueue(() => {
      if (canvas.gone) return;
      this.paintTile(canvas);
      done(null, canvas);
    }), (error) => done(error, canvas));
    return canvas;
  },

  paintTile(canvas) {
    const { tile } = canvas;
    const density = Math.min(window.devicePixelRatio || 1, 2);
    const pixels = Math.round(tile.size * density);
    if (canvas.width !== pixels) canvas.width = canvas.height = pixels;
    const context = canvas.getContext('2d');
    context.setTransform(density, 0, 0, density, 0, 0);
    context.clearRect(0, 0, tile.size, tile.size);
    const start = performance.now();
    this.paint(context, tile);
    this.painted = (this.painted ?? 0) + 1;
    this.paintTime = (this.paintTime ?? 0) + performance.now() - start;
  },

  // What follows overrides Leaflet's own methods (1.9), so that no part of the view is
  // ever bare while there is something to show.

  // Tiles fade in over 200 ms unless they say they loaded long ago.
  _tileReady(coords, error, el) {
    L.GridLayer.prototype._tileReady.call(this, coords, error, el);
    const tile = this._tiles?.[this._tileCoordsToKey(coords)];
    if (tile?.loaded) {
      tile.loaded = 1;
      L.DomUtil.setOpacity(tile.el, 1);
    }
  },

  // The pixels at the tiles' zoom for which tiles are wanted. Leaflet takes the view
  // before a zoom out instead of the one after it.
  _getTiledPixelBounds(center) {
    const map = this._map;
    const zoom = map._animatingZoom ? map._animateToZoom : map.getZoom();
    const middle = map.project(center, this._tileZoom).floor();
    const half = map.getSize().divideBy(2 * map.getZoomScale(zoom, this._tileZoom)).add(this.getTileSize().divideBy(2));
    return L.bounds(middle.subtract(half), middle.add(half));
  },

  // Over more than one level Leaflet goes on with the tiles of the zoom it comes from,
  // but when asked it believes to be there already.
  _animateZoom(event) {
    this.target = event.zoom;
    L.GridLayer.prototype._animateZoom.call(this, event);
    this.target = undefined;
  },

  _clampZoom(zoom) {
    return L.GridLayer.prototype._clampZoom.call(this, Math.round(this.target ?? zoom));
  },

  // Until a zoom has ended, what it started from is still to be seen.
  _pruneTiles() {
    if (!this._map?._animatingZoom) L.GridLayer.prototype._pruneTiles.call(this);
  },

  _removeTile(key) {
    const tile = this._tiles[key];
    if (tile) tile.el.gone = true;
    L.GridLayer.prototype._removeTile.call(this, key);
  },
});
