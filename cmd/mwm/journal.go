package main

import (
	"bytes"
	"io"
	"log/slog"
	"os"
)

// newLogger logs to standard error, as text for a person.
func newLogger(level slog.Level) *slog.Logger {
	return slog.New(slog.NewTextHandler(logTo(os.Stderr), &slog.HandlerOptions{Level: level}))
}

// logTo is where the lines of a log that goes to f are written.
func logTo(f *os.File) io.Writer {
	if inJournal(f) {
		return journal{f}
	}
	return f
}

// journal gives lines the priorities by which the journal can be searched, and takes
// the time away, which it shows itself. (sd-daemon(3))
type journal struct{ w io.Writer }

var priorities = map[string]string{"level=DEBUG": "<7>", "level=INFO": "<6>", "level=WARN": "<4>", "level=ERROR": "<3>"}

// Write writes one line of [slog.TextHandler]: the time, the level, and the rest.
func (j journal) Write(line []byte) (int, error) {
	_, text, _ := bytes.Cut(line, []byte(" "))
	level, _, _ := bytes.Cut(text, []byte(" "))
	_, err := j.w.Write(append([]byte(priorities[string(level)]), text...))
	return len(line), err
}
