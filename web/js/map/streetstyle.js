// How the street map looks at each zoom: what is drawn, and how wide.

/** The zoom from which the streets are drawn. */
export const STREETS_FROM = 9;

/** Where there are any: south-west and north-east, latitude first. */
export const STREETS_BOUNDS = [[42.35, 1.40], [42.69, 1.82]];

// Widths in pixels at zooms; between them they grow evenly (in the exponent).
const WIDTHS = {
  primary: [[9, 1], [11, 2], [13, 4.2], [15, 8.5], [17, 17], [19, 44]],
  secondary: [[9, 0.6], [11, 1.5], [13, 3.4], [15, 7.5], [17, 15], [19, 40]],
  tertiary: [[11, 0.7], [13, 2.6], [15, 6.5], [17, 13.5], [19, 36]],
  street: [[12, 0.6], [13, 1.2], [14, 2.4], [15, 5], [17, 12], [19, 32]],
  service: [[13, 0.5], [14, 1], [15, 2.4], [17, 7], [19, 18]],
  pedestrian: [[14, 1], [15, 2.6], [17, 7], [19, 18]],
};

// From which zoom a road has an edge, and is drawn at all.
export const CASED_FROM = { primary: 10, secondary: 12, tertiary: 13, street: 14, service: 15, pedestrian: 15 };
export const DRAWN_FROM = { primary: 9, secondary: 9, tertiary: 11, street: 12, service: 13, pedestrian: 14 };

/** A value at a zoom, between the rows of a table of widths. */
export function widthAt(table, zoom) {
  let before = table[0];
  for (const row of table) {
    if (zoom <= row[0]) {
      if (row[0] === before[0]) return row[1];
      const f = (zoom - before[0]) / (row[0] - before[0]);
      return before[1] * (row[1] / before[1]) ** f;
    }
    before = row;
  }
  return before[1];
}

/** The width of a road of a class at a zoom. */
export function roadWidth(name, zoom) {
  return widthAt(WIDTHS[name], zoom);
}
