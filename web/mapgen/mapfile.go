package main

import (
	"encoding/binary"
	"math"
)

// vertex is a position in Web Mercator, 0..1 across the world.
type vertex struct{ x, y float64 }

type kind byte

const (
	points kind = 1
	lines  kind = 2
	areas  kind = 3
)

// feature is one thing to draw: a point or a line is its only part, an area has
// one part per ring.
type feature struct {
	name  string
	attrs []attr
	parts [][]vertex
}

// attr is a number, or a string when text is set.
type attr struct {
	number uint64
	text   string
	isText bool
}

func number(n int) attr  { return attr{number: uint64(max(n, 0))} }
func text(s string) attr { return attr{text: s, isText: true} }

type layer struct {
	name     string
	kind     kind
	bits     uint // grid: 2^bits cells across the world
	attrs    int  // attributes per feature
	features []feature
}

// encodeMap writes the layers in the format of the package documentation.
func encodeMap(layers []layer) []byte {
	e := encoder{index: map[string]uint64{"": 0}, strings: []string{""}}
	var body []byte
	body = binary.AppendUvarint(body, uint64(len(layers)))
	for _, l := range layers {
		body = e.appendLayer(body, l)
	}
	return append(e.appendHeader([]byte("MWMM")), body...)
}

type encoder struct {
	index   map[string]uint64
	strings []string
	x, y    int64 // the vertex before, on the layer's grid
}

// appendHeader writes the version and the strings that were used.
func (e *encoder) appendHeader(b []byte) []byte {
	b = append(b, 1)
	b = binary.AppendUvarint(b, uint64(len(e.strings)))
	for _, s := range e.strings {
		b = binary.AppendUvarint(b, uint64(len(s)))
		b = append(b, s...)
	}
	return b
}

func (e *encoder) intern(s string) uint64 {
	i, ok := e.index[s]
	if !ok {
		i = uint64(len(e.strings))
		e.index[s] = i
		e.strings = append(e.strings, s)
	}
	return i
}

func (e *encoder) appendLayer(b []byte, l layer) []byte {
	scale := float64(uint64(1) << l.bits)
	e.x, e.y = 0, 0
	var drawn []byte
	count := uint64(0)
	for _, f := range l.features {
		parts := gridParts(f.parts, l.kind, scale)
		if len(parts) == 0 {
			continue
		}
		count++
		drawn = binary.AppendUvarint(drawn, e.intern(f.name))
		for i := range l.attrs {
			drawn = binary.AppendUvarint(drawn, e.attr(f.attrs[i]))
		}
		drawn = e.appendGeometry(drawn, l.kind, parts)
	}
	b = binary.AppendUvarint(b, e.intern(l.name))
	b = append(b, byte(l.kind))
	b = binary.AppendUvarint(b, uint64(l.bits))
	b = binary.AppendUvarint(b, uint64(l.attrs))
	b = binary.AppendUvarint(b, count)
	return append(b, drawn...)
}

func (e *encoder) attr(a attr) uint64 {
	if a.isText {
		return e.intern(a.text)
	}
	return a.number
}

func (e *encoder) appendGeometry(b []byte, k kind, parts [][]cell) []byte {
	if k == areas {
		b = binary.AppendUvarint(b, uint64(len(parts)))
	}
	for _, p := range parts {
		if k != points {
			b = binary.AppendUvarint(b, uint64(len(p)))
		}
		for _, c := range p {
			b = binary.AppendVarint(b, c.x-e.x)
			b = binary.AppendVarint(b, c.y-e.y)
			e.x, e.y = c.x, c.y
		}
	}
	return b
}

// cell is a vertex on a layer's grid.
type cell struct{ x, y int64 }

// gridParts puts a feature on the grid and drops what vanishes there: vertices on
// the cell of the one before, lines of one vertex, rings of fewer than three.
func gridParts(parts [][]vertex, k kind, scale float64) [][]cell {
	least := map[kind]int{points: 1, lines: 2, areas: 3}[k]
	var out [][]cell
	for i, p := range parts {
		cells := gridPart(p, scale)
		if k == areas && len(cells) > 1 && cells[0] == cells[len(cells)-1] {
			cells = cells[:len(cells)-1]
		}
		if len(cells) >= least {
			out = append(out, cells)
		} else if i == 0 {
			return nil // without its outer ring an area is nothing
		}
	}
	return out
}

func gridPart(p []vertex, scale float64) []cell {
	var out []cell
	for _, v := range p {
		c := cell{int64(math.Round(v.x * scale)), int64(math.Round(v.y * scale))}
		if len(out) == 0 || out[len(out)-1] != c {
			out = append(out, c)
		}
	}
	return out
}
