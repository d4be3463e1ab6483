package main

import (
	"errors"
	"io"
	"net"
	"os"
)

// notifyReady tells systemd that the service has started, if it waits for that: what
// is to come after the service then finds it, and a start that fails is seen by who
// asked for it. (sd_notify(3))
func notifyReady() error {
	name := os.Getenv("NOTIFY_SOCKET")
	if name == "" {
		return nil
	}
	c, err := net.Dial("unixgram", name) // #nosec G704 -- systemd names its own socket
	if err != nil {
		return err
	}
	_, err = io.WriteString(c, "READY=1")
	return errors.Join(err, c.Close())
}
