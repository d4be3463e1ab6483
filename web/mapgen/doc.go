// Command mapgen cuts the map data that the program embeds out of public
// sources. It is run by hand, rarely; its output is committed. The README beside
// the output (web/map/README.md) names sources, licences and the commands.
//
// It writes three files: world.bin and andorra.bin for the page, and the road
// graph for the simulator, whose format package devicesim/roads documents.
//
// # Map files
//
// world.bin and andorra.bin have one format. Integers are unsigned LEB128 varints
// unless said otherwise; a signed one is zigzag coded first.
//
//	file    = "MWMM" version:byte(1) strings layers
//	strings = n, n × (length, UTF-8 bytes); string 0 is empty
//	layers  = n, n × layer
//	layer   = name:string-index kind:byte bits attrs features feature…
//	feature = name:string-index, attrs × attribute, geometry
//
// bits is the layer's grid: 2^bits cells across the world in Web Mercator
// (x 0..1 from 180° W to 180° E, y 0..1 from north to south), so a reader needs
// no trigonometry. Each coordinate is a signed difference to the vertex before it
// in the same layer, across features; the first is relative to 0, 0.
//
//	kind 1, points: geometry = dx dy
//	kind 2, lines:  geometry = n, n × (dx dy)
//	kind 3, areas:  geometry = rings, rings × (n, n × (dx dy)); even-odd, not
//	                repeating the first vertex
//
// Rings and lines that cross the antimeridian are unwrapped: x leaves 0..1 and
// readers draw them again one world to the side. A ring around a pole is closed
// beyond the map's edge.
//
// border.home is Andorra's outline, for readers that do not draw the streets.
//
// Attributes by layer:
//
//	country           ISO 3166-1 alpha-2 code (string index), width of the
//	                  country at the label in 1/10000 of the world
//	city              1 for a capital, population in thousands
//	place.*           population (0 unknown)
//	peak, pass        elevation in metres (0 unknown)
//	lakename          area in 1e-12 of the world
//	road.*            road number (string index), flags: 1 bridge, 2 tunnel,
//	                  4 link
package main
