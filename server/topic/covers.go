package topic

import "strings"

// Covers reports whether the pattern matches every name that the filter
// matches, so that who may read the pattern may read the filter. Both must be
// valid filters; a name is one. It errs on the side of no: patterns in which a
// "*" stands before a last ">" are compared level by level.
func Covers(pattern, filter string) bool {
	if len(filter) > 0 && filter[0] == '$' && len(pattern) > 0 && (pattern[0] == '*' || pattern[0] == '>') {
		return false
	}
	for {
		p, prest, pmore := strings.Cut(pattern, ".")
		if p == ">" {
			return true
		}
		f, frest, fmore := strings.Cut(filter, ".")
		if f == ">" || p != "*" && p != f {
			return false
		}
		switch {
		case !pmore:
			return !fmore
		case !fmore:
			return prest == ">"
		}
		pattern, filter = prest, frest
	}
}
