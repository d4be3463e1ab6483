package main

import (
	"context"
	"errors"
	"io"
	"os"

	"github.com/alecthomas/kong"

	"mwm/server"
	"mwm/server/doctor"
)

// DoctorCmd is `mwm doctor`. It takes the settings of `mwm serve`, from the same
// flags, variables and file.
type DoctorCmd struct {
	Config   kong.ConfigFlag `placeholder:"FILE" help:"Read settings from this file, as mwm serve does."`
	Settings server.Config   `embed:""`
}

// Run fails if something does not work.
func (c *DoctorCmd) Run(ctx context.Context) error { return c.run(ctx, os.Stdout) }

var errUnwell = errors.New("something is wrong: see the lines that begin with FAIL")

func (c *DoctorCmd) run(ctx context.Context, out io.Writer) error {
	findings := doctor.Examine(ctx, c.Settings)
	if err := doctor.Write(out, findings); err != nil {
		return err
	}
	if doctor.Worst(findings) == doctor.Fail {
		return errUnwell
	}
	return nil
}
