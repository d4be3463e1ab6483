import test from 'node:test';
import assert from 'node:assert/strict';
import { chooseView, zoomForSpeed } from '../js/map/view.js';
import { worldX, worldY, latOf, lngOf, metresPerPixel, median } from '../js/geo.js';

const size = { x: 1000, y: 700 };
const ANDORRA = [[42.4345, 1.464], [42.5063, 1.5218], [42.545, 1.514], [42.568, 1.484], [42.576, 1.65], [42.54, 1.734], [42.507, 1.52]];
const points = (places) => places.flatMap(([lat, lng]) => [worldX(lng), worldY(lat)]);

test('mercator there and back', () => {
  for (const [lat, lng] of [[0, 0], [42.5, 1.5], [-33.9, 151.2], [84.9, -179.9]]) {
    assert.ok(Math.abs(latOf(worldY(lat)) - lat) < 1e-9);
    assert.ok(Math.abs(lngOf(worldX(lng)) - lng) < 1e-9);
  }
  assert.ok(Number.isFinite(worldY(90)) && Number.isFinite(worldY(-90)));
});

test('nothing to show, nothing chosen', () => assert.equal(chooseView([], [], size), null));

test('without movement everything fits', () => {
  const view = chooseView(points(ANDORRA), [], size);
  const k = 256 * 2 ** view.zoom;
  for (const [lat, lng] of ANDORRA) {
    assert.ok(Math.abs(worldX(lng) - view.x) * k <= size.x / 2);
    assert.ok(Math.abs(worldY(lat) - view.y) * k <= size.y / 2);
  }
});

test('the median moving truck goes at least a pixel a second', () => {
  const speeds = [4, 8, 12, 14, 22];
  const view = chooseView(points(ANDORRA), speeds, size);
  assert.ok(median(speeds) / metresPerPixel(latOf(view.y), view.zoom) >= 1);
  const dx = Math.abs(view.x - worldX(1.5218)) * 256 * 2 ** view.zoom;
  assert.ok(dx < size.x / 2, 'looks at the densest part');
});

test('fast trucks near each other are not zoomed out on', () => {
  const near = points([[42.5063, 1.5218], [42.5065, 1.5225]]);
  assert.ok(chooseView(near, [30, 30], size).zoom >= 15);
});

test('a fleet all over the world is shown whole', () => {
  const view = chooseView(points([[40, -120], [50, 10], [-30, 150]]), [10, 10, 10], size);
  assert.ok(view.zoom <= 3);
});

test('the lowest zoom at which a speed is a pixel a second', () => {
  const zoom = zoomForSpeed(10, 42.5);
  assert.ok(10 / metresPerPixel(42.5, zoom) >= 1);
  assert.ok(10 / metresPerPixel(42.5, zoom - 1) < 1);
  assert.ok(Number.isNaN(zoomForSpeed(NaN, 42.5)));
});
