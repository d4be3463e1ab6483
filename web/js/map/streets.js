/* global L */
// The streets of Andorra from OpenStreetMap, painted over the map of the world from
// zoom 9 up. Beyond the country's tiles there is nothing.

import { Brush } from './brush.js';
import { palette } from './palette.js';
import { streetLabels } from './streetlabels.js';
import { CASED_FROM, DRAWN_FROM, STREETS_BOUNDS, STREETS_FROM, roadWidth, widthAt } from './streetstyle.js';
import { PaintedTiles } from './tiles.js';

const SOURCE = new URL('../../map/andorra.bin', import.meta.url);

/**
 * Creates the layer. theme is 'light' or 'dark'; names are the local ones in every
 * language; url is where the data is when not beside this module.
 * @returns {L.GridLayer} with setTheme(theme), setLang(lang), setLabels(shown), attribution
 */
export function createStreetsLayer({ theme = 'light', lang = 'en', url = SOURCE } = {}) {
  return new Streets({ theme, lang, url });
}

const ORDER = ['pedestrian', 'service', 'street', 'tertiary', 'secondary', 'primary'];

const TUNNEL = 2;
const LINK = 4;

// Areas from the ground up, with the zoom from which they are drawn.
const AREAS = [
  ['rock', 10], ['grass', 11], ['forest', 9], ['built', 10], ['park', 12], ['pitch', 13],
  ['parking', 15], ['square', 14], ['water', 9],
];

const Streets = PaintedTiles.extend({
  attribution: '<a href="https://www.openstreetmap.org/copyright">© OpenStreetMap contributors</a>',

  initialize(options) {
    L.setOptions(this, {
      ...options,
      minZoom: STREETS_FROM,
      bounds: STREETS_BOUNDS,
      attribution: this.attribution,
      zIndex: 2,
    });
  },

  collect(view) {
    if (!this.layers || view.zoom < STREETS_FROM) return [];
    return streetLabels(this.layers, view, palette(this.options.theme));
  },

  paint(context, tile) {
    const colours = palette(this.options.theme);
    const brush = new Brush(context, tile, tile.size);
    context.lineJoin = 'round';
    context.save();
    this.country(brush, colours);
    this.ground(brush, colours);
    this.waterways(brush, colours);
    context.restore();
    brush.pad(40); // half the widest road, and its edge
    this.border(brush, colours);
    this.paths(brush, colours);
    this.tunnels(brush, colours);
    this.roads(brush, colours);
    this.lifts(brush, colours);
  },

  /**
   * The country's ground. What grows and flows beyond it is mapped in patches: it is
   * clipped away.
   */
  country(brush, colours) {
    brush.fill(this.layers.get('boundary'), colours.home);
    brush.context.clip('evenodd');
  },

  ground(brush, colours) {
    const { layers } = this;
    const { zoom } = brush;
    for (const [name, from] of AREAS) {
      if (zoom >= from) brush.fill(layers.get(name), colours[name]);
    }
    if (zoom < 15) return;
    const buildings = layers.get('building');
    brush.fill(buildings, colours.building);
    if (zoom >= 16) brush.stroke(buildings, colours.buildingEdge, 0.8);
  },

  /** Rivers and streams, cliffs, and the borders of parishes. */
  waterways(brush, colours) {
    const { layers } = this;
    const { zoom } = brush;
    if (zoom >= 13) brush.stroke(layers.get('stream'), colours.water, widthAt([[13, 0.7], [15, 1.4], [18, 4]], zoom));
    brush.stroke(layers.get('river'), colours.water, widthAt([[9, 0.8], [12, 1.6], [15, 4], [18, 14]], zoom));
    if (zoom >= 14) brush.stroke(layers.get('cliff'), colours.cliff, 1);
    if (zoom < 11) return;
    brush.context.setLineDash([3, 3]);
    brush.stroke(layers.get('parish'), colours.parish, 1);
    brush.context.setLineDash([]);
  },

  /** The country's border with a soft edge. */
  border(brush, colours) {
    const { context, zoom } = brush;
    const boundary = this.layers.get('boundary');
    brush.stroke(boundary, colours.boundaryGlow, widthAt([[9, 3], [13, 8], [17, 14]], zoom));
    context.setLineDash([6, 3, 1.5, 3]);
    brush.stroke(boundary, colours.boundary, widthAt([[9, 1], [13, 1.4], [17, 2]], zoom));
    context.setLineDash([]);
  },

  paths(brush, colours) {
    const { context, zoom } = brush;
    const { layers } = this;
    if (zoom >= 13) {
      context.setLineDash([5, 2.5]);
      brush.stroke(layers.get('road.track'), colours.track, widthAt([[13, 0.7], [15, 1.5], [18, 4]], zoom));
    }
    if (zoom >= 14) {
      context.setLineDash([2, 2.5]);
      brush.stroke(layers.get('road.path'), colours.path, widthAt([[14, 0.7], [16, 1.4], [18, 2.4]], zoom));
    }
    context.setLineDash([]);
  },

  /** Roads under ground: a dashed edge and a pale middle. */
  tunnels(brush, colours) {
    const { context, zoom } = brush;
    for (const name of ORDER) {
      if (zoom < Math.max(11, DRAWN_FROM[name])) continue;
      const layer = this.layers.get(`road.${name}`);
      const tunnel = (f) => (layer.attrs[1][f] & TUNNEL) !== 0;
      const width = roadWidth(name, zoom);
      const [fill, edge] = colours.roads[name];
      context.lineCap = 'butt';
      context.setLineDash([4, 3]);
      brush.stroke(layer, edge, width + 1.6, tunnel);
      context.setLineDash([]);
      brush.stroke(layer, colours.home, width, tunnel);
      context.globalAlpha = 0.45;
      brush.stroke(layer, fill, width, tunnel);
      context.globalAlpha = 1;
    }
  },

  /** First all edges, then all surfaces: where roads meet, no edge is in the way. */
  roads(brush, colours) {
    const { context, zoom } = brush;
    context.lineCap = 'round';
    const drawn = ORDER.filter((name) => zoom >= DRAWN_FROM[name]);
    const each = (draw) => {
      for (const name of drawn) {
        const layer = this.layers.get(`road.${name}`);
        const flags = layer.attrs[1];
        const under = zoom >= 11 ? TUNNEL : 0;
        const width = roadWidth(name, zoom);
        draw(layer, name, width, (f) => (flags[f] & (under | LINK)) === 0);
        draw(layer, name, width * 0.7, (f) => (flags[f] & under) === 0 && (flags[f] & LINK) !== 0);
      }
    };
    each((layer, name, width, accept) => {
      if (zoom < CASED_FROM[name]) return;
      brush.stroke(layer, colours.roads[name][1], width + Math.min(2.4, 1 + width / 8), accept);
    });
    each((layer, name, width, accept) => {
      const [fill, , thin] = colours.roads[name];
      brush.stroke(layer, zoom < CASED_FROM[name] ? thin : fill, width, accept);
    });
    context.lineCap = 'butt';
  },

  lifts(brush, colours) {
    const { context, zoom } = brush;
    if (zoom < 13) return;
    brush.stroke(this.layers.get('lift'), colours.lift, 1);
    if (zoom < 14) return;
    context.setLineDash([1.5, 14]);
    brush.stroke(this.layers.get('lift'), colours.lift, 5);
    context.setLineDash([]);
  },
});
