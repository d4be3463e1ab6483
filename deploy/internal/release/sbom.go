package main

import (
	"bytes"
	"crypto/sha256"
	"debug/buildinfo"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
)

// bom is a list of parts in the form of CycloneDX 1.6, as much of it as is used.
type bom struct {
	Format       string      `json:"bomFormat"`
	SpecVersion  string      `json:"specVersion"`
	SerialNumber string      `json:"serialNumber"`
	Version      int         `json:"version"`
	Metadata     metadata    `json:"metadata"`
	Components   []component `json:"components"`
}

type metadata struct {
	Component component `json:"component"`
}

type component struct {
	Type       string      `json:"type"`
	Name       string      `json:"name"`
	Version    string      `json:"version,omitempty"`
	PURL       string      `json:"purl,omitempty"`
	Ref        string      `json:"bom-ref,omitempty"`
	Licences   []licence   `json:"licenses,omitempty"`
	Hashes     []hash      `json:"hashes,omitempty"`
	Components []component `json:"components,omitempty"`
	Properties []property  `json:"properties,omitempty"`
}

type licence struct {
	Expression string `json:"expression"`
}

type hash struct {
	Algorithm string `json:"alg"`
	Content   string `json:"content"`
}

type property struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}

// describe lists what a program consists of: the modules that are linked in, as it
// says itself, Go's own library, and the files of the page that others made. It has
// no time and no random number in it, so that it is the same for the same program.
func describe(root, program, commit string) ([]byte, error) {
	info, err := buildinfo.ReadFile(program)
	if err != nil {
		return nil, err
	}
	b := bom{Format: "CycloneDX", SpecVersion: "1.6", Version: 1, Metadata: metadata{component{
		Type: "application", Name: "mwm", Version: version(), Ref: "mwm", Licences: []licence{{"MIT"}},
		Properties: []property{{"mwm:commit", commit}},
	}}}
	b.Components = append(b.Components, component{
		Type: "library", Name: "std", Version: info.GoVersion, PURL: "pkg:golang/std@" + info.GoVersion[len("go"):],
		Ref: "std", Licences: []licence{{"BSD-3-Clause"}},
	})
	linked, err := modules(root, targets[0])
	if err != nil {
		return nil, err
	}
	dirs := map[string]module{}
	for _, m := range linked {
		dirs[m.path] = m
	}
	for _, d := range info.Deps {
		l, err := licenceOf(dirs[d.Path])
		if err != nil {
			return nil, err
		}
		purl := "pkg:golang/" + d.Path + "@" + d.Version
		b.Components = append(b.Components, component{
			Type: "library", Name: d.Path, Version: d.Version, PURL: purl, Ref: purl, Licences: []licence{{l}},
			Properties: []property{{"go:sum", d.Sum}},
		})
	}
	page, err := vendoredIn(root)
	if err != nil {
		return nil, err
	}
	for _, v := range page {
		b.Components = append(b.Components, v.component())
	}
	return b.encode()
}

func (v vendored) component() component {
	purl := "pkg:npm/" + v.name + "@" + v.version
	if v.name[0] == '@' {
		purl = "pkg:npm/%40" + v.name[1:] + "@" + v.version
	}
	c := component{Type: "library", Name: v.name, Version: v.version, PURL: purl, Ref: purl, Licences: []licence{{v.licence}}}
	for _, name := range slices.Sorted(maps.Keys(v.files)) {
		c.Components = append(c.Components, component{Type: "file", Name: "web/vendor/" + name, Hashes: []hash{{"SHA-256", v.files[name]}}})
	}
	return c
}

// encode gives the list a number of its own, made of its content.
func (b bom) encode() ([]byte, error) {
	text, err := json.Marshal(b)
	if err != nil {
		return nil, err
	}
	u := sha256.Sum256(text)
	u[6], u[8] = u[6]&0x0f|0x80, u[8]&0x3f|0x80 // RFC 9562 §5.8
	b.SerialNumber = fmt.Sprintf("urn:uuid:%x-%x-%x-%x-%x", u[:4], u[4:6], u[6:8], u[8:10], u[10:16])
	var out bytes.Buffer
	e := json.NewEncoder(&out)
	e.SetIndent("", "  ")
	e.SetEscapeHTML(false)
	err = e.Encode(b)
	return out.Bytes(), err
}
