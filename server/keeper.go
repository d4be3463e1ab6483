package server

import (
	"context"
	"log/slog"
	"sync/atomic"
	"time"

	"mwm/server/broker"
	"mwm/server/fleet"
	"mwm/server/store"
)

// keeper keeps last known values on disk: each second what has changed, the
// newest value of each, and once more when the server stops.
type keeper struct {
	store  *store.Store
	broker *broker.Broker
	fleet  *fleet.Fleet
	log    *slog.Logger

	saved   uint64         // the fleet's tick up to which devices are saved
	failing atomic.Bool    // the last attempt failed
	todo    store.Values   // what an attempt that failed has left
	names   map[string]int // of the retained values in todo
}

// load gives broker and fleet their last values back.
func (k *keeper) load(ctx context.Context) error {
	start := time.Now()
	so := newProgress(k.log, start)
	var boxes []broker.Box
	var records []broker.StoredRecord
	err := k.store.LoadJournal(ctx, func(b broker.Box) {
		boxes = append(boxes, b)
		so.loaded("queues and subscribers")
	}, func(r broker.StoredRecord) {
		records = append(records, r)
		so.loaded("messages")
	})
	if err != nil {
		return err
	}
	if err := k.broker.Restore(boxes, records, k.store.Doubtful()); err != nil {
		return err
	}
	if err := k.broker.RestoreDurables(broker.NewMatch); err != nil {
		return err
	}
	retained, devices := 0, 0
	err = k.store.LoadRetained(ctx, func(m *broker.Message) {
		k.broker.RestoreRetained(m)
		retained++
		so.loaded("retained values")
	})
	if err != nil {
		return err
	}
	err = k.store.LoadDevices(ctx, func(d fleet.Saved) {
		k.fleet.Restore(d)
		devices++
		so.loaded("devices")
	})
	if err != nil {
		return err
	}
	k.log.Info("loaded", "clean", k.store.Clean(), "messages", len(records), "retained", retained, "devices", devices, "took", time.Since(start).Round(time.Millisecond))
	return nil
}

// run saves until ctx ends.
func (k *keeper) run(ctx context.Context) error {
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			k.save(context.WithoutCancel(ctx)) // what has begun is finished
		case <-ctx.Done():
			return nil
		}
	}
}

// save writes what has changed. A disk that refuses does not stop the service:
// the values stay in memory and are tried again.
func (k *keeper) save(ctx context.Context) {
	k.gather()
	err := k.store.Save(ctx, k.todo)
	switch {
	case err != nil && !k.failing.Load():
		k.log.Error("cannot save last known values; trying again each second", "err", err)
	case err == nil && k.failing.Load():
		k.log.Info("saving last known values works again")
	}
	k.failing.Store(err != nil)
	if err == nil {
		k.todo, k.names = store.Values{}, nil
	}
}

// gather adds what has changed to what is still to be written, the newest value
// of each: a disk that stays full must not fill the memory.
func (k *keeper) gather() {
	if k.names == nil {
		k.names = map[string]int{}
	}
	for _, c := range k.broker.TakeRetainedChanges() {
		if i, again := k.names[c.Name]; again {
			k.todo.Retained[i] = c
			continue
		}
		k.names[c.Name] = len(k.todo.Retained)
		k.todo.Retained = append(k.todo.Retained, c)
	}
	if k.failing.Load() {
		return // the devices in todo are written first
	}
	k.todo.Devices = k.todo.Devices[:0]
	k.saved = k.fleet.Snapshot(k.saved, func(d fleet.Saved) bool {
		k.todo.Devices = append(k.todo.Devices, d)
		return true
	})
}
