package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// vendored is an npm package of which the page has files.
type vendored struct {
	name, version string
	licence       string
	files         map[string]string // SHA-256 by name
}

// vendoredIn reads what web/vendor says of itself: the table of VENDOR.md, and the
// checksums.
func vendoredIn(root string) (all []vendored, err error) {
	dir := filepath.Join(root, "web/vendor")
	text, err := os.ReadFile(filepath.Join(dir, "SHA256SUMS"))
	if err != nil {
		return nil, err
	}
	sums := map[string]string{}
	for line := range strings.Lines(string(text)) {
		if f := strings.Fields(line); len(f) == 2 {
			sums[f[1]] = f[0]
		}
	}
	rows, err := table(filepath.Join(dir, "VENDOR.md"))
	if err != nil {
		return nil, err
	}
	for _, row := range rows {
		if len(row) != 4 || !strings.HasPrefix(row[0], "`") {
			continue
		}
		licence, file, _ := strings.Cut(row[3], ", ")
		name, _, _ := strings.Cut(row[1], " (")
		v := vendored{name: name, version: row[2], licence: licence, files: map[string]string{}}
		for _, f := range append(strings.Split(row[0], ", "), file) {
			f = strings.Trim(f, "`")
			if v.files[f] = sums[f]; sums[f] == "" {
				return nil, fmt.Errorf("%s has no checksum", f)
			}
		}
		all = append(all, v)
	}
	return all, nil
}

// table reads the rows of all tables of a Markdown file.
func table(file string) (rows [][]string, err error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	for line := range strings.Lines(string(text)) {
		line = strings.TrimSpace(line)
		if !strings.HasPrefix(line, "|") || strings.HasPrefix(line, "|---") {
			continue
		}
		var row []string
		for _, cell := range strings.Split(strings.Trim(line, "|"), "|") {
			row = append(row, strings.TrimSpace(cell))
		}
		rows = append(rows, row)
	}
	return rows, nil
}
