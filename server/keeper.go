package server

import (
	"cmp"
	"context"
	"log/slog"
	"maps"
	"slices"
	"sync/atomic"
	"time"

	"mwm/server/broker"
	"mwm/server/fleet"
	"mwm/server/store"
	"mwm/server/telemetry"
)

// keeper keeps last known values on disk: each second what has changed, the
// newest value of each, and once more when the server stops.
type keeper struct {
	store  *store.Store
	broker *broker.Broker
	fleet  *fleet.Fleet
	log    *slog.Logger

	saved   uint64         // the fleet's tick up to which devices are saved
	told    uint64         // the position in the fleet's log up to which news are saved
	failing atomic.Bool    // the last attempt failed
	asked   time.Time      // see ask
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
	err = during(k.log, "queues", func() error {
		if err := k.broker.Restore(boxes, records, k.store.Doubtful()); err != nil {
			return err
		}
		return k.broker.RestoreDurables(broker.NewMatch)
	})
	if err != nil {
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
	if err := k.loadNews(ctx, records); err != nil {
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
	k.todo.Clock = k.broker.Clock().At(time.Now()).UnixMilli()
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
		k.ask(ctx)
	}
}

// askEvery is how often ask writes. A disk that takes little and not much would be
// said to work, and not to work, as often.
const askEvery = 10 * time.Second

// ask finds out whether a disk that has refused messages takes something again. Until
// that is known /readyz says that it does not, and who goes by that sends none.
func (k *keeper) ask(ctx context.Context) {
	j := k.broker.Journal()
	if !j.Failing() || time.Since(k.asked) < askEvery {
		return
	}
	k.asked = time.Now()
	if k.store.Probe(ctx) == nil {
		j.Works()
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
	k.gatherNews()
	k.todo.Devices = k.todo.Devices[:0]
	k.saved = k.fleet.Snapshot(k.saved, func(d fleet.Saved) bool {
		k.todo.Devices = append(k.todo.Devices, d)
		return true
	})
}

// gatherNews adds texts that have changed, as they are now, and new events. What
// the fleet has forgotten meanwhile is not kept.
func (k *keeper) gatherNews() {
	changed := map[string]int{}
	for _, it := range k.fleet.Log(k.told, nil) {
		k.told = it.Seq
		switch {
		case it.Event != nil:
			k.todo.Events = append(k.todo.Events, *it.Event)
		case it.Text != nil:
			i, again := changed[it.Text.ID]
			if !again {
				i = len(k.todo.Texts)
				changed[it.Text.ID] = i
				k.todo.Texts = append(k.todo.Texts, fleet.Text{})
			}
			k.todo.Texts[i] = *it.Text
		}
	}
}

// loadNews gives the fleet its texts and events back. A text that was waiting and
// is on no queue any more was lost with the server; one that is on a queue and not
// remembered is remembered again.
func (k *keeper) loadNews(ctx context.Context, records []broker.StoredRecord) error {
	queued := map[string]*broker.Message{}
	for _, r := range records {
		if _, ok := telemetry.TextID(r.Message.Name); ok {
			queued[r.Message.ID.String()] = r.Message
		}
	}
	err := k.store.LoadNews(ctx, func(t fleet.Text) {
		if queued[t.ID] == nil && (t.State == fleet.TextAccepted || t.State == fleet.TextWaiting) {
			t.State = fleet.TextExpired
		}
		delete(queued, t.ID)
		k.fleet.RestoreText(t)
	}, k.fleet.RestoreEvent)
	rest := slices.SortedFunc(maps.Values(queued), func(a, b *broker.Message) int { return cmp.Compare(a.Timestamp, b.Timestamp) })
	for _, m := range rest {
		device, _ := telemetry.TextID(m.Name)
		k.fleet.RestoreText(fleet.Text{ID: m.ID.String(), Device: device, Body: string(m.Body), State: fleet.TextWaiting, At: m.Timestamp, Updated: m.Timestamp, Expires: m.Expires})
	}
	return err
}
