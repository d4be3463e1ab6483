/* global L */
// The map of the world: land, borders, water and names from Natural Earth and
// GeoNames, painted in the page; good from zoom 2 to 9.

import { Brush } from './brush.js';
import { palette } from './palette.js';
import { STREETS_BOUNDS, STREETS_FROM } from './streetstyle.js';
import { PaintedTiles } from './tiles.js';

const SOURCE = new URL('../../map/world.bin', import.meta.url);

/**
 * Creates the layer. theme is 'light' or 'dark', lang a BCP 47 tag for the names of
 * countries and oceans, url where the data is when not beside this module.
 * @returns {L.GridLayer} with setTheme(theme), setLang(lang), setLabels(shown), attribution
 */
export function createWorldLayer({ theme = 'light', lang = 'en', url = SOURCE } = {}) {
  return new World({ theme, lang, url });
}

const World = PaintedTiles.extend({
  attribution: 'Natural Earth · GeoNames',

  initialize(options) {
    L.setOptions(this, { ...options, attribution: this.attribution });
  },

  setLang(lang) {
    this.names = null;
    return PaintedTiles.prototype.setLang.call(this, lang);
  },

  paint(context, tile) {
    const colours = palette(this.options.theme);
    const { layers } = this;
    const brush = new Brush(context, tile, tile.size);
    const level = tile.z <= 2 ? '.low' : '';
    const land = layers.get(`land${level}`);
    context.fillStyle = colours.sea;
    context.fillRect(0, 0, tile.size, tile.size);
    context.lineJoin = 'round';
    brush.fill(land, colours.land);
    // The rivers are drawn with a broad pen: close up they would be straight lines.
    if (tile.z >= 4 && tile.z <= 8) brush.stroke(layers.get('river'), colours.river, tile.z > 6 ? 1.3 : 0.8);
    if (tile.z >= 3) brush.fill(layers.get('lake'), colours.lake);
    brush.stroke(land, colours.coast, tile.z < 3 ? 0.6 : 0.9);
    graticule(brush, colours.graticule);
    context.setLineDash(tile.z > 4 ? [5, 3, 1, 3] : []);
    const width = tile.z < 3 ? 0.6 : 1;
    brush.stroke(layers.get(`border${level}`), colours.border, width);
    if (tile.z < STREETS_FROM) brush.stroke(layers.get('border.home'), colours.border, width);
    context.setLineDash([]);
  },

  collect(view) {
    if (!this.layers) return [];
    const colours = palette(this.options.theme);
    const labels = [];
    const each = (layer, add) => {
      for (let f = 0; f < layer.count; f++) {
        for (let copy = Math.floor(view.left / view.scale); copy * view.scale < view.left + view.width; copy++) {
          const x = (layer.xy[2 * f] + copy) * view.scale - view.left;
          const y = layer.xy[2 * f + 1] * view.scale - view.top;
          if (view.visible(x, y)) add(f, x, y);
        }
      }
    };
    if (view.zoom <= 5) each(OCEANS, (f, x, y) => labels.push(this.ocean(f, x, y, view, colours)));
    const countries = this.layers.get('country');
    each(countries, (f, x, y) => {
      const label = this.country(countries, f, x, y, view, colours);
      if (label) labels.push(label);
    });
    const cities = this.layers.get('city');
    if (view.zoom >= 4) {
      each(cities, (f, x, y) => {
        const label = city(cities, f, x, y, view, colours);
        if (label) labels.push(label);
      });
    }
    return labels;
  },

  ocean(f, x, y, view, colours) {
    const korean = this.options.lang.startsWith('ko');
    return {
      text: OCEANS.names[f][korean ? 1 : 0],
      x,
      y,
      rank: 500 + f,
      size: view.zoom < 3 ? 11 : 13,
      style: korean ? 'normal' : 'italic',
      spacing: 2,
      fill: colours.ocean,
      halo: 'rgba(0, 0, 0, 0)',
    };
  },

  /** A country's name, if there is room for it in the country. */
  country(layer, f, x, y, view, colours) {
    const room = layer.attrs[1][f] / 10000 * view.scale;
    if (view.zoom > 12 || room < (view.zoom < 3 ? 34 : 22) || room > 1.3 * view.width) return null;
    const size = Math.max(10, Math.min(16, 9 + room / 70));
    const name = this.countryName(layer, f);
    const capitals = size > 12 && !/^(ko|ja|zh)/.test(this.options.lang);
    if (name.length * size * 0.62 > room * 2.2 + 44) return null;
    return {
      text: capitals ? name.toLocaleUpperCase(this.options.lang) : name,
      x,
      y,
      rank: 100 - Math.min(99, room / 20),
      size,
      weight: 600,
      spacing: size > 12 ? 1.4 : 0.3,
      fill: colours.country,
      halo: colours.halo,
    };
  },

  countryName(layer, f) {
    const code = layer.strings[layer.attrs[0][f]];
    this.names ??= regionNames(this.options.lang);
    return (code && this.names?.of(code)) || layer.names[f];
  },
});

function regionNames(lang) {
  try {
    return new Intl.DisplayNames([lang, 'en'], { type: 'region' });
  } catch {
    return null; // not a language tag: the data's English names
  }
}

// At a zoom, the people (thousands) a city needs to be named.
const CITY_SIZES = [[5, 3000], [6, 1500], [7, 600], [8, 250], [9, 80], [10, 15]];

function city(layer, f, x, y, view, colours) {
  if (view.zoom >= STREETS_FROM && withinStreets(layer.xy[2 * f], layer.xy[2 * f + 1])) return null;
  const [capital, people] = [layer.attrs[0][f], layer.attrs[1][f]];
  const least = CITY_SIZES.find(([zoom]) => view.zoom < zoom)?.[1] ?? 0;
  if (capital ? view.zoom < 5 && people < 1000 : people < least) return null;
  return {
    text: layer.names[f],
    x,
    y,
    rank: 200 + f / 20, // capitals first, then by size, as in the file
    size: people > 3000 ? 12.5 : 11.5,
    weight: capital ? 600 : 400,
    fill: colours.city,
    halo: colours.halo,
    mark: { kind: 'dot', size: capital ? 2.8 : 2.1 },
    apart: 160,
  };
}

const [[STREETS_SOUTH, STREETS_WEST], [STREETS_NORTH, STREETS_EAST]] = STREETS_BOUNDS;

/** Whether the street map names what is here. */
function withinStreets(x, y) {
  const lng = x * 360 - 180;
  const lat = latitudeAt(y);
  return lng > STREETS_WEST && lng < STREETS_EAST && lat > STREETS_SOUTH && lat < STREETS_NORTH;
}

function graticule(brush, style) {
  const { context, scale, left, top, size, zoom } = brush;
  const step = gridStep(zoom);
  const x = (lng) => (lng + 180) / 360 * scale - left;
  const y = (lat) => mercatorY(lat) * scale - top;
  const latitude = (py) => latitudeAt((py + top) / scale);
  const longitude = (px) => (px + left) / scale * 360 - 180;
  context.beginPath();
  for (let i = Math.floor(longitude(-1) / step); i * step <= longitude(size + 1); i++) {
    context.moveTo(x(i * step), 0);
    context.lineTo(x(i * step), size);
  }
  for (let i = Math.floor(latitude(size + 1) / step); i * step <= Math.min(80, latitude(-1)); i++) {
    if (i * step < -80) continue;
    context.moveTo(0, y(i * step));
    context.lineTo(size, y(i * step));
  }
  context.strokeStyle = style;
  context.lineWidth = 1;
  context.stroke();
}

/** Degrees between the lines of the graticule: 64 to 256 pixels or so. */
function gridStep(zoom) {
  const steps = [30, 30, 30, 20, 10, 5, 2, 1, 0.5, 0.25, 0.1, 0.05, 0.025];
  return steps[zoom] ?? 0.01;
}

// longitude, latitude, English, Korean
const OCEANS = oceans([
  [-30, 28, 'Atlantic Ocean', '대서양'],
  [-15, -25, 'South Atlantic', '남대서양'],
  [-150, 25, 'Pacific Ocean', '태평양'],
  [-120, -30, 'South Pacific', '남태평양'],
  [78, -22, 'Indian Ocean', '인도양'],
  [150, 18, 'Pacific Ocean', '태평양'],
  [0, 78, 'Arctic Ocean', '북극해'],
  [20, -62, 'Southern Ocean', '남극해'],
]);

function oceans(rows) {
  const xy = rows.flatMap(([lng, lat]) => [(lng + 180) / 360, mercatorY(lat)]);
  return { count: rows.length, xy, names: rows.map((row) => row.slice(2)) };
}

function mercatorY(lat) {
  return 0.5 - Math.asinh(Math.tan(lat * Math.PI / 180)) / (2 * Math.PI);
}

function latitudeAt(y) {
  return Math.atan(Math.sinh(Math.PI * (1 - 2 * y))) * 180 / Math.PI;
}
