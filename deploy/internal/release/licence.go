package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// allowed are the licences under which something may be part of the program, by
// their SPDX identifiers: those that ask for no more than to be named.
var allowed = map[string]bool{
	"MIT": true, "ISC": true, "BSD-2-Clause": true, "BSD-3-Clause": true, "Apache-2.0": true, "OFL-1.1": true,
	"EPL-2.0 OR BSD-3-Clause": true, // BSD is chosen
}

// identify recognises a licence by sentences that no other has.
func identify(text string) string {
	text = strings.Join(strings.FieldsFunc(strings.ToLower(text), func(r rune) bool {
		return !(r >= 'a' && r <= 'z' || r >= '0' && r <= '9' || r == '.')
	}), " ")
	has := func(sentence string) bool { return strings.Contains(text, sentence) }
	switch {
	case has("eclipse public license") && has("eclipse distribution license"):
		return "EPL-2.0 OR BSD-3-Clause"
	case has("sil open font license version 1.1"):
		return "OFL-1.1"
	case has("apache license version 2.0"):
		return "Apache-2.0"
	case has("permission is hereby granted free of charge to any person obtaining a copy"):
		return "MIT"
	case has("permission to use copy modify and or distribute this software for any purpose with or without fee is hereby granted"),
		has("permission to use copy modify and distribute this software for any purpose with or without fee is hereby granted"):
		return "ISC"
	case has("redistribution and use in source and binary forms") && (has("neither the name") || has("the names of its contributors may not be used")):
		return "BSD-3-Clause"
	case has("redistribution and use in source and binary forms"):
		return "BSD-2-Clause"
	}
	return ""
}

// licenceOf finds the licence of a module.
func licenceOf(m module) (string, error) {
	for _, name := range []string{"LICENSE", "LICENSE.txt", "LICENSE.md", "COPYING"} {
		text, err := os.ReadFile(filepath.Join(m.dir, name))
		if err != nil {
			continue
		}
		if l := identify(string(text)); allowed[l] {
			return l, nil
		}
		return "", fmt.Errorf("%s: %s is no licence that is allowed", m.path, name)
	}
	return "", fmt.Errorf("%s has no licence in %s", m.path, m.dir)
}
