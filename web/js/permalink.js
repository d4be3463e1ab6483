// The address bar holds what is looked at: #map=14/42.5063/1.5218&device=BBB&view=motion&q=…&status=moving,idle&sort=seen,
// of the history also &day=2025-03-01&at=50400, seconds of that day, and of the console &console=queue/orders, a place in it

import { MOST_CHARACTERS } from './deviceid.js';
import { STATUS_NAMES } from './fleet.js';
import { ALL_STATUSES, SORTS } from './order.js';

export const VIEWS = ['map', 'motion', 'wire', 'history', 'console'];

export function parse(hash) {
  const params = new URLSearchParams(hash.replace(/^#/, ''));
  const [zoom, lat, lng] = (params.get('map') ?? '').split('/').map(Number);
  const place = params.has('map') && zoom >= 0 && zoom <= 20 && Math.abs(lat) <= 90 && Math.abs(lng) <= 540;
  const statuses = (params.get('status') ?? '').split(',').reduce((mask, name) => (
    STATUS_NAMES.includes(name) ? mask | 1 << STATUS_NAMES.indexOf(name) : mask
  ), 0);
  return {
    map: place ? { zoom, lat, lng } : null,
    device: [...params.get('device') ?? ''].slice(0, MOST_CHARACTERS).join('') || null,
    view: VIEWS.includes(params.get('view')) ? params.get('view') : 'map',
    query: (params.get('q') ?? '').slice(0, 128),
    statuses: statuses || ALL_STATUSES,
    sort: SORTS.includes(params.get('sort')) ? params.get('sort') : 'id',
    console: (params.get('console') ?? '').slice(0, 1024),
    day: /^\d{4}-\d\d-\d\d$/.test(params.get('day')) ? params.get('day') : null,
    at: /^\d{1,5}$/.test(params.get('at')) ? Number(params.get('at')) : null,
  };
}

export function format({ map, device, view, query, statuses, sort, day = null, at = null, console = '' }) {
  const params = new URLSearchParams();
  if (map) params.set('map', `${map.zoom}/${map.lat.toFixed(5)}/${map.lng.toFixed(5)}`);
  if (device) params.set('device', device);
  if (view !== 'map') params.set('view', view);
  if (query) params.set('q', query);
  if (statuses !== ALL_STATUSES) params.set('status', STATUS_NAMES.filter((_, s) => statuses >> s & 1).join(','));
  if (sort !== 'id') params.set('sort', sort);
  if (console) params.set('console', console);
  if (day) params.set('day', day);
  if (at !== null) params.set('at', at);
  return `#${params.toString().replaceAll('%2F', '/').replaceAll('%2C', ',')}`;
}
