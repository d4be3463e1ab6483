package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"time"

	"mwm/server/broker"
	"mwm/server/fleet"
	"mwm/server/telemetry"
)

// Values are last known values that have changed, and news.
type Values struct {
	Retained []broker.RetainedChange
	Devices  []fleet.Saved
	Texts    []fleet.Text  // as they are now
	Events   []fleet.Event // new ones
	Clock    int64         // what time it is for the server, in ms since 1970; see [Store.Clock]
}

const (
	putRetained = `INSERT INTO retained VALUES (?,?,?,?,?,?,?,?,?,?,?,?) ON CONFLICT (name) DO UPDATE SET head=excluded.head,
		body=excluded.body, properties=excluded.properties, id=excluded.id, timestamp=excluded.timestamp, expires=excluded.expires,
		priority=excluded.priority, qos=excluded.qos, persistent=excluded.persistent, haslength=excluded.haslength, sender=excluded.sender`
	putDevice = `INSERT INTO devices VALUES (?,?,?,?,?,?,?,?,?,?,?) ON CONFLICT (id) DO UPDATE SET seen=excluded.seen, lat=excluded.lat,
		lng=excluded.lng, ts=excluded.ts, speed=excluded.speed, heading=excluded.heading, accuracy=excluded.accuracy, pitch=excluded.pitch,
		roll=excluded.roll, yaw=excluded.yaw`
)

// Save writes values in one transaction and returns when it is synced. Without
// values it reports whether the disk takes any, as of the last ten seconds.
func (s *Store) Save(ctx context.Context, v Values) error {
	s.mu.Lock()
	s.clock = v.Clock
	s.mu.Unlock()
	if len(v.Retained)+len(v.Devices)+len(v.Texts)+len(v.Events) == 0 {
		return s.beat(ctx)
	}
	return s.inTx(ctx, func(tx *sql.Tx) error {
		if _, err := tx.ExecContext(ctx, "UPDATE life SET clock = ?", v.Clock); err != nil {
			return err
		}
		if err := saveRetained(ctx, tx, v.Retained); err != nil {
			return err
		}
		if err := saveNews(ctx, tx, v.Texts, v.Events); err != nil {
			return err
		}
		return saveDevices(ctx, tx, v.Devices)
	})
}

func saveRetained(ctx context.Context, tx *sql.Tx, changes []broker.RetainedChange) error {
	if len(changes) == 0 {
		return nil
	}
	put, err := tx.PrepareContext(ctx, putRetained)
	if err != nil {
		return err
	}
	defer put.Close()
	for _, c := range changes {
		m := c.Message
		if m == nil {
			if _, err := tx.ExecContext(ctx, "DELETE FROM retained WHERE name = ?", c.Name); err != nil {
				return err
			}
			continue
		}
		var properties []byte
		if m.Properties != nil {
			if properties, err = json.Marshal(m.Properties); err != nil {
				return err
			}
		}
		if _, err := put.ExecContext(ctx, c.Name, m.Head, m.Body, properties, m.ID.String(), m.Timestamp, m.Expires,
			m.Priority, m.QoS, m.Persistent, m.HasLength, m.Sender); err != nil {
			return err
		}
	}
	return nil
}

// LoadRetained calls yield with every retained message.
func (s *Store) LoadRetained(ctx context.Context, yield func(*broker.Message)) error {
	rows, err := s.db.QueryContext(ctx, "SELECT * FROM retained")
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		m := &broker.Message{Retain: true}
		var properties []byte
		var id string
		if err := rows.Scan(&m.Name, &m.Head, &m.Body, &properties, &id, &m.Timestamp, &m.Expires,
			&m.Priority, &m.QoS, &m.Persistent, &m.HasLength, &m.Sender); err != nil {
			return err
		}
		if len(m.Head) == 0 {
			m.Head = nil // it has a meaning: the sender wrote no header block
		}
		if m.ID, err = broker.ParseID(id); err != nil {
			return err
		}
		if properties != nil {
			m.Properties = &broker.Properties{}
			if err := json.Unmarshal(properties, m.Properties); err != nil {
				return err
			}
		}
		yield(m)
	}
	return rows.Err()
}

func saveDevices(ctx context.Context, tx *sql.Tx, devices []fleet.Saved) error {
	if len(devices) == 0 {
		return nil
	}
	put, err := tx.PrepareContext(ctx, putDevice)
	if err != nil {
		return err
	}
	defer put.Close()
	for _, d := range devices {
		if _, err := put.ExecContext(ctx, deviceRow(d)...); err != nil {
			return err
		}
	}
	return nil
}

// deviceRow returns the columns of a device; what is not known is NULL.
func deviceRow(d fleet.Saved) []any {
	row := make([]any, 11)
	row[0] = d.ID
	if !d.Seen.IsZero() {
		row[1] = d.Seen.UnixMilli()
	}
	if l := d.Location; l != nil {
		row[2], row[3], row[4] = l.Lat, l.Lng, l.TS.UnixMilli()
		for i, o := range []telemetry.Optional{l.Speed, l.Heading, l.Accuracy} {
			if o.Set {
				row[5+i] = o.Value // #nosec G602 -- i is 0 to 2
			}
		}
	}
	if m := d.Motion; m != nil {
		row[8], row[9], row[10] = m.Pitch, m.Roll, m.Yaw
	}
	return row
}

// LoadDevices calls yield with the last known values of every device.
func (s *Store) LoadDevices(ctx context.Context, yield func(fleet.Saved)) error {
	rows, err := s.db.QueryContext(ctx, "SELECT * FROM devices")
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		var d fleet.Saved
		var seen, ts sql.NullInt64
		var v [8]sql.NullFloat64 // lat, lng, speed, heading, accuracy, pitch, roll, yaw
		if err := rows.Scan(&d.ID, &seen, &v[0], &v[1], &ts, &v[2], &v[3], &v[4], &v[5], &v[6], &v[7]); err != nil {
			return err
		}
		if seen.Valid {
			d.Seen = time.UnixMilli(seen.Int64).UTC()
		}
		if v[0].Valid && v[1].Valid && ts.Valid {
			d.Location = &telemetry.Location{
				Lat: v[0].Float64, Lng: v[1].Float64, TS: time.UnixMilli(ts.Int64).UTC(), TSForm: telemetry.TSSeconds,
				Speed: optional(v[2]), Heading: optional(v[3]), Accuracy: optional(v[4]),
			}
		}
		if v[5].Valid && v[6].Valid && v[7].Valid {
			d.Motion = &telemetry.Motion{Pitch: v[5].Float64, Roll: v[6].Float64, Yaw: v[7].Float64}
		}
		yield(d)
	}
	return rows.Err()
}

func optional(v sql.NullFloat64) telemetry.Optional {
	if !v.Valid {
		return telemetry.Optional{}
	}
	return telemetry.Some(v.Float64)
}
