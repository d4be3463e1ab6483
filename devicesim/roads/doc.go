// Package roads is a road network to drive on: a graph with fastest routes, and
// drivers that follow them with the speeds a truck would have.
//
// [Andorra] is embedded: the country's drivable roads from OpenStreetMap
// (© OpenStreetMap contributors, ODbL). Every place of it reaches every other.
// Turn restrictions are not modelled.
//
// # Speed
//
// A truck obeys the signed limit, or the usual one of the road's class; it takes
// curves with at most [LateralAccel], slows on gradients, and changes speed by at
// most [MaxAccel] and [MaxBrake]. A [Profile] has the speed at every point of a
// route; between two points the acceleration is constant, so a [Driver] computes
// positions exactly, however long its steps are. Elevations, and with them
// gradients, are estimates: interpolated along the roads between known places and
// passes.
//
// # Format
//
// [Decode] reads the output of web/mapgen. Integers are unsigned LEB128 varints
// unless said otherwise; a signed one is zigzag coded first.
//
//	graph    = "MWMR" version:byte(1) strings nodes segments places
//	strings  = n, n × (length, UTF-8 bytes)
//	nodes    = n, n × (position, elevation in 0.1 m, flags:byte)
//	segments = n, n × (from, to:signed, class:byte, speed:byte, flags:byte,
//	           road:string-index, points, points × position)
//	places   = n, n × (name:string-index, kind:byte, position, node)
//
// A position is two signed differences in 1e-6°, latitude first, to the position
// before it in its list; a segment's list starts at its from node, and holds what
// lies between its ends. from is the difference to the segment before, to the
// difference to from. Node flags: 1 traffic light, 2 pedestrian crossing. speed is
// in km/h. Segment flags: 1 one-way (from → to), 2 roundabout, 4 bridge, 8 tunnel.
// [Class] and [Kind] have the other codes.
package roads
