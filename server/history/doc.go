// Package history keeps where every device has been: a [Recorder] takes the
// positions that the fleet believes, samples them, and gives tracks back, also as
// GPX, GeoJSON and CSV.
//
// # Storage
//
// The points of one device in one hour, UTC, gather in memory in a chunk, delta
// coded (see appendPoint): 3 bytes for a point at rest, 6 to 9 for one on the
// move. A chunk goes to the [Store] when it is full or its hour is over; until
// then a log, written each second, holds its points, and brings them back after
// a crash. So the disk is asked for one row a second plus one for each 256
// points, however many devices report, and at most a second is lost.
//
// # Order and time
//
// Points may come in any order. A track is sorted when it is read, and a point
// that was reported twice is given once. Hours and days are those of the
// points; age, for the retention, counts from when they came in: a report that
// comes a year late is kept as long as any other.
//
// # Deletion
//
// A device's history can be deleted, all of it. From then on nothing gives it
// back, not even a crash; the bytes are gone from the store's tables within the
// hour.
//
// # When the disk does not keep up
//
// Memory is bounded. Beyond the bound points are dropped, counted by reason, and
// nobody waits: Add never touches the disk.
package history
