package main

import (
	"fmt"

	"mwm/server"
)

// VersionCmd is `mwm version`.
type VersionCmd struct{}

// Run prints which program this is.
func (VersionCmd) Run() error {
	_, err := fmt.Println("mwm " + server.Build())
	return err
}
