package frame

import (
	"bytes"
	"strconv"
)

// Len is the length of the first frame in p, which holds whole frames that this
// package has encoded. A line end between frames is one of its own.
func Len(p []byte) int {
	if p[0] == '\n' {
		return 1
	}
	head, _, _ := bytes.Cut(p, []byte("\n\n"))
	body := len(head) + 2
	if _, v, ok := bytes.Cut(head, []byte("\ncontent-length:")); ok {
		v, _, _ = bytes.Cut(v, []byte("\n"))
		if n, err := strconv.Atoi(string(v)); err == nil && n >= 0 && n < len(p)-body {
			return body + n + 1
		}
	}
	if i := bytes.IndexByte(p, 0); i >= 0 {
		return i + 1
	}
	return len(p)
}
