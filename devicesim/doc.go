// Package devicesim simulates devices against any server that speaks what mwm's does: trucks that report their locations over STOMP, and
// phones that report their motions over MQTT.
//
// A [Fleet] holds them. Each device is a connection of its own, as in life, or, as behind a gateway, shares one with others
// ([Config.PerConnection]). Trucks drive the roads of Andorra (devicesim/roads) or replay a GPX file (devicesim/gpx), show the texts
// they get and acknowledge them once shown. Phones lie on a table, are held, or walk in a pocket, and turn to the colour of an alert.
// Connections that are lost come back (devicesim/link).
//
// # Cost
//
// Devices do not have goroutines; connections do, because the client libraries do (about five a truck, four a phone). All trucks are moved
// by one goroutine and all phones by another, each device at its own phase of the interval, so that a thousand reports a second
// are spread over the second.
//
// # Gateways
//
// A gateway connects under an ID of its own, takes the texts and alerts of all of its devices, and reports for them. A last will can only
// speak for the client that leaves it, so the devices behind a gateway have none: when it is lost, they fall silent.
package devicesim
