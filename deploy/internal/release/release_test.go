package main

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

const root = "../../.."

// Every module that is linked into one of the programs, and every file of the page
// that others made, has a licence that is allowed, and stands with it in
// THIRD_PARTY.md; and nothing stands there that is not used.
func TestLicences(t *testing.T) {
	rows, err := table(filepath.Join(root, "THIRD_PARTY.md"))
	if err != nil {
		t.Fatal(err)
	}
	named := map[string]string{}
	for _, row := range rows {
		if len(row) == 3 {
			named[row[0]] = row[2]
		}
	}
	used := map[string]bool{}
	say := func(name, licence string, err error) {
		if err != nil {
			t.Error(err)
			return
		}
		if used[name] = true; named[name] != licence {
			t.Errorf("THIRD_PARTY.md says %q of %s, which is under %s", named[name], name, licence)
		}
	}
	for _, target := range targets {
		all, err := modules(root, target)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range all {
			licence, err := licenceOf(m)
			say(m.path, licence, err)
		}
	}
	page, err := vendoredIn(root)
	if err != nil {
		t.Fatal(err)
	}
	for _, v := range page {
		say(v.name, v.licence, nil)
		if !allowed[v.licence] {
			t.Errorf("%s: the licence %s is not allowed", v.name, v.licence)
		}
	}
	for name := range named {
		module := strings.Contains(name, "/") && !strings.Contains(name, " ")
		if module && !used[name] {
			t.Errorf("THIRD_PARTY.md names %s, which is not in the program", name)
		}
	}
}

// Every file in web/vendor belongs to a package, has the checksum that is noted,
// and its package the licence that is named.
func TestVendored(t *testing.T) {
	page, err := vendoredIn(root)
	if err != nil {
		t.Fatal(err)
	}
	known := map[string]bool{"VENDOR.md": true, "SHA256SUMS": true}
	for _, v := range page {
		for name, sum := range v.files {
			known[name] = true
			text, err := os.ReadFile(filepath.Join(root, "web/vendor", name))
			if err != nil {
				t.Fatal(err)
			}
			if got := fmt.Sprintf("%x", sha256.Sum256(text)); got != sum {
				t.Errorf("%s has the checksum %s, not %s", name, got, sum)
			}
			if strings.HasSuffix(name, ".LICENSE.txt") {
				if got := identify(string(text)); got != v.licence {
					t.Errorf("%s is %s, not %s", name, got, v.licence)
				}
			}
		}
	}
	files, err := os.ReadDir(filepath.Join(root, "web/vendor"))
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		if !known[f.Name()] {
			t.Errorf("%s is in web/vendor, and nobody knows whose it is", f.Name())
		}
	}
}

func TestIdentify(t *testing.T) {
	for text, want := range map[string]string{
		"Permission is hereby granted, free of charge, to any\nperson obtaining a copy of":                                                      "MIT",
		"Redistribution and use in source and binary forms, with":                                                                               "BSD-2-Clause",
		"Redistribution and use in source and binary forms ... * Neither the name of":                                                           "BSD-3-Clause",
		"Apache License\n  Version 2.0, January":                                                                                                "Apache-2.0",
		"GNU GENERAL PUBLIC LICENSE Version 3":                                                                                                  "",
		"This Font Software is licensed under the SIL Open Font License, Version 1.1.":                                                          "OFL-1.1",
		"Permission to use, copy, modify, and/or distribute this software for any purpose with or without fee is hereby granted, provided that": "ISC",
	} {
		if got := identify(text); got != want {
			t.Errorf("%.40q is %q, not %q", text, got, want)
		}
	}
}

// The same source makes the same bytes: here, and in a copy elsewhere with nothing
// built before. All targets have the same libraries, so that one list of parts
// describes them all.
func TestReproducible(t *testing.T) {
	dir := t.TempDir()
	first, second, copied := filepath.Join(dir, "first"), filepath.Join(dir, "second"), filepath.Join(dir, "copy")
	for _, part := range []string{"go.mod", "go.sum", "cmd", "server", "devicesim", "web"} {
		if err := copyTree(filepath.Join(root, part), filepath.Join(copied, part)); err != nil {
			t.Fatal(err)
		}
	}
	if err := build(root, first, targets[0], "0123456789ab"); err != nil {
		t.Fatal(err)
	}
	if err := build(copied, second, targets[0], "0123456789ab", "GOCACHE="+filepath.Join(dir, "cache")); err != nil {
		t.Fatal(err)
	}
	a, err1 := os.ReadFile(first)
	b, err2 := os.ReadFile(second)
	if err1 != nil || err2 != nil {
		t.Fatal(err1, err2)
	}
	if !bytes.Equal(a, b) {
		t.Error("the same source made other bytes in another place")
	}
	text, err := describe(root, first, "0123456789ab")
	if err != nil {
		t.Fatal(err)
	}
	again, err := describe(root, second, "0123456789ab")
	if err != nil || !bytes.Equal(text, again) {
		t.Errorf("the lists of parts differ: %v", err)
	}
	var list bom
	if err := json.Unmarshal(text, &list); err != nil {
		t.Fatal(err)
	}
	parts := map[string]bool{}
	for _, c := range list.Components {
		parts[c.Name] = true
	}
	for _, target := range targets {
		all, err := modules(root, target)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range all {
			if !parts[m.path] {
				t.Errorf("the list of parts does not have %s of %s", m.path, target.name)
			}
		}
	}
	for _, name := range []string{"std", "jquery", "@stomp/stompjs"} {
		if !parts[name] {
			t.Errorf("the list of parts does not have %s", name)
		}
	}
}

// copyTree copies files, without what is not part of the program.
func copyTree(from, to string) error {
	return filepath.WalkDir(from, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name, err := filepath.Rel(from, path)
		if err != nil {
			return err
		}
		switch {
		case d.IsDir() && (d.Name() == "node_modules" || d.Name() == "testdata" || d.Name() == "e2e" || d.Name() == "bench"):
			return filepath.SkipDir
		case d.IsDir():
			return os.MkdirAll(filepath.Join(to, name), 0o755)
		}
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		if err := os.MkdirAll(filepath.Dir(filepath.Join(to, name)), 0o755); err != nil {
			return err
		}
		return os.WriteFile(filepath.Join(to, name), text, 0o644)
	})
}
