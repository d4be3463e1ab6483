package main

import (
	"context"
	"fmt"
	"io"
	"os"

	"mwm/server/store"
)

// BackupCmd is `mwm backup`. The server may run, and does not notice.
type BackupCmd struct {
	Data string `name:"data" env:"MWM_DATA" required:"" placeholder:"DIR" help:"The server's data directory."`
	File string `arg:"" type:"path" help:"Write the backup to this new file."`
}

// Run makes the backup.
func (c *BackupCmd) Run(ctx context.Context) error { return c.run(ctx, os.Stdout) }

func (c *BackupCmd) run(ctx context.Context, out io.Writer) error {
	info, err := store.Backup(ctx, c.Data, c.File)
	if err != nil {
		return fmt.Errorf("backup: %w", err)
	}
	fmt.Fprintf(out, "%s: %s\n", c.File, contents(info))
	return nil
}

// RestoreCmd is `mwm restore`.
type RestoreCmd struct {
	Data string `name:"data" env:"MWM_DATA" required:"" placeholder:"DIR" help:"The data directory to make; it must not hold a database."`
	File string `arg:"" type:"path" help:"A file that mwm backup wrote."`
}

// Run restores the backup.
func (c *RestoreCmd) Run(ctx context.Context) error { return c.run(ctx, os.Stdout) }

func (c *RestoreCmd) run(ctx context.Context, out io.Writer) error {
	info, err := store.Restore(ctx, c.File, c.Data)
	if err != nil {
		return fmt.Errorf("restore: %w", err)
	}
	fmt.Fprintf(out, "%s: %s; start it with mwm serve --data %s\n", c.Data, contents(info), c.Data)
	return nil
}

// contents says what a database holds.
func contents(info store.Info) string {
	return fmt.Sprintf("%.1f MB, %d messages, %d retained values, %d devices, version %d",
		float64(info.Bytes)/1e6, info.Messages, info.Retained, info.Devices, info.Version)
}
