module mwm/mapgen

go 1.26.8

require (
	github.com/paulmach/osm v0.8.0
	golang.org/x/text v0.43.0
)

require github.com/paulmach/orb v0.1.3 // indirect
