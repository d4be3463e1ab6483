package auth

import (
	"fmt"
	"log/slog"
)

// Secret is a text that must not be seen: whatever prints it, logs it or writes
// it as JSON gets a placeholder. Reveal returns the text.
type Secret string

const hidden = "[secret]"

// Reveal returns the text, for the one place that needs it.
func (s Secret) Reveal() string { return string(s) }

// String implements [fmt.Stringer].
func (Secret) String() string { return hidden }

// Format implements [fmt.Formatter]: no verb shows more than the others.
func (Secret) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte(hidden)) }

// LogValue implements [slog.LogValuer].
func (Secret) LogValue() slog.Value { return slog.StringValue(hidden) }

// MarshalText implements [encoding.TextMarshaler], for JSON too.
func (Secret) MarshalText() ([]byte, error) { return []byte(hidden), nil }
