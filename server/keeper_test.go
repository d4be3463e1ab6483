package server

import (
	"context"
	"errors"
	"log/slog"
	"testing"
	"testing/synctest"
	"time"

	"mwm/server/broker"
	"mwm/server/fleet"
	"mwm/server/store"
)

// fullDisk refuses what messages need.
type fullDisk struct{}

func (fullDisk) Apply(*broker.Changes) error { return errors.New("the disk is full") }

// A disk that has refused messages counts as one that works as soon as it takes
// something else, looked at now and then: who goes by /readyz sends no message before.
func TestDiskWorksAgainWithoutMessages(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		disk, err := store.Open(t.TempDir())
		if err != nil {
			t.Fatal(err)
		}
		defer disk.Close()
		devices, err := fleet.New(fleet.Options{})
		if err != nil {
			t.Fatal(err)
		}
		var told []error
		b := broker.New(broker.Options{Store: fullDisk{}, OnDisk: func(err error) { told = append(told, err) }})
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() { ended <- b.Run(ctx) }()
		refuse := func() {
			t.Helper()
			answer := make(chan error, 1)
			p := b.NewPublisher(nil)
			p.Enqueue("q", func(m *broker.Message) { m.Persistent = true }, func(err error) { answer <- err })
			p.Flush()
			if err := <-answer; err == nil || !b.Journal().Failing() {
				t.Fatalf("the message is answered with %v", err)
			}
		}
		k := &keeper{store: disk, broker: b, fleet: devices, log: slog.New(slog.DiscardHandler)}
		refuse()
		k.save(ctx)
		if b.Journal().Failing() || len(told) != 2 || told[1] != nil {
			t.Errorf("the disk does not count as working; told %v", told)
		}
		refuse()
		k.save(ctx)
		if !b.Journal().Failing() {
			t.Error("it is looked at again at once")
		}
		time.Sleep(askEvery)
		synctest.Wait() // the broker, too, tries again now and then
		k.save(ctx)
		if b.Journal().Failing() {
			t.Error("it is not looked at again")
		}
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
}
