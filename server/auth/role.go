package auth

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"

	"mwm/server/telemetry"
)

// Role is what an account is for.
type Role uint8

const (
	Nobody   Role = iota
	Device        // speaks for itself, to its own addresses
	Viewer        // looks
	Operator      // does everything
)

var roleNames = [...]string{"nobody", "device", "viewer", "operator"}

func (r Role) String() string { return roleNames[r] }

// ParseRole reads what String returns.
func ParseRole(s string) (Role, error) {
	for r, name := range roleNames {
		if r != int(Nobody) && s == name {
			return Role(r), nil
		}
	}
	return Nobody, fmt.Errorf("%.40q is no role: one of operator, viewer, device", s)
}

// maxName is the longest name of a person, in characters, as that of a device.
const maxName = telemetry.MaxIDLength

// CheckName reports why an account of that role cannot have the name. A device's
// is its ID; a person's may have dots, as an address of mail has.
func CheckName(r Role, name string) error {
	if r == Device {
		if err := telemetry.CheckID(name); err != nil {
			return fmt.Errorf("name %.40q: %w", name, err)
		}
		return nil
	}
	switch {
	case name == "" || !utf8.ValidString(name) || utf8.RuneCountInString(name) > maxName:
		return fmt.Errorf("name %.40q: a name is UTF-8, of 1 to %d characters", name, maxName)
	case strings.ContainsFunc(name, func(c rune) bool { return unicode.IsControl(c) || strings.ContainsRune(":#/*>", c) }):
		return fmt.Errorf("name %.40q: a name has no control characters and none of : # / * >", name)
	}
	return nil
}
