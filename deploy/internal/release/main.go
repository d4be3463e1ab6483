// Release makes what is published: static programs for each kind of machine, what
// they consist of (SBOM), and checksums of it all.
//
//	go run ./deploy/internal/release dist
//
// The same commit makes the same bytes, wherever and whenever it is built with the
// same Go: no path, time or name of the machine gets into them. The tests hold
// that, and that every library and every file of the page has a licence that is
// known, allowed, and named in THIRD_PARTY.md.
package main

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"os"
	"path/filepath"
)

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: release DIR")
		os.Exit(2)
	}
	if err := release(".", os.Args[1]); err != nil {
		fmt.Fprintln(os.Stderr, "release:", err)
		os.Exit(1)
	}
}

// release builds everything from the source in root into the directory out.
func release(root, out string) error {
	if err := os.MkdirAll(out, 0o755); err != nil {
		return err
	}
	commit, err := commitOf(root)
	if err != nil {
		return err
	}
	var files []string
	for _, t := range targets {
		name := "mwm-" + version() + "-" + t.name
		fmt.Println(name)
		if err := build(root, filepath.Join(out, name), t, commit); err != nil {
			return err
		}
		files = append(files, name)
	}
	// The targets have the same libraries: a test holds that.
	bom, err := describe(root, filepath.Join(out, files[0]), commit)
	if err != nil {
		return err
	}
	name := "mwm-" + version() + ".cdx.json"
	if err := os.WriteFile(filepath.Join(out, name), bom, 0o644); err != nil {
		return err
	}
	return writeSums(out, append(files, name))
}

// writeSums writes what sha256sum -c reads.
func writeSums(dir string, files []string) error {
	var sums bytes.Buffer
	for _, name := range files {
		data, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			return err
		}
		fmt.Fprintf(&sums, "%x  %s\n", sha256.Sum256(data), name)
	}
	return os.WriteFile(filepath.Join(dir, "SHA256SUMS"), sums.Bytes(), 0o644)
}
