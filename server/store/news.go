package store

import (
	"context"
	"database/sql"
	"encoding/json"

	"mwm/server/fleet"
)

// What is remembered of texts and events, the newest of each: as much as the fleet
// remembers.
const (
	maxTexts  = 20_000
	maxEvents = 200
)

// saveNews writes texts that have changed, and new events.
func saveNews(ctx context.Context, tx *sql.Tx, texts []fleet.Text, events []fleet.Event) error {
	for _, t := range texts {
		data, err := json.Marshal(t)
		if err != nil {
			return err
		}
		if _, err := tx.ExecContext(ctx, "INSERT INTO texts (id, data) VALUES (?,?) ON CONFLICT (id) DO UPDATE SET data=excluded.data", t.ID, data); err != nil {
			return err
		}
	}
	for _, e := range events {
		data, err := json.Marshal(e)
		if err != nil {
			return err
		}
		if _, err := tx.ExecContext(ctx, "INSERT INTO events (data) VALUES (?)", data); err != nil {
			return err
		}
	}
	for table, limit := range map[string]int{"texts": min(len(texts), 1) * maxTexts, "events": min(len(events), 1) * maxEvents} {
		if limit == 0 {
			continue
		}
		if _, err := tx.ExecContext(ctx, "DELETE FROM "+table+" WHERE num <= (SELECT max(num) FROM "+table+") - ?", limit); err != nil { // #nosec G202 -- table is one of two words above
			return err
		}
	}
	return nil
}

// LoadNews calls text with the texts, then event with the events, oldest first.
func (s *Store) LoadNews(ctx context.Context, text func(fleet.Text), event func(fleet.Event)) error {
	if err := loadJSON(ctx, s.db, "SELECT data FROM texts ORDER BY num", text); err != nil {
		return err
	}
	return loadJSON(ctx, s.db, "SELECT data FROM events ORDER BY num", event)
}

func loadJSON[T any](ctx context.Context, db *sql.DB, query string, yield func(T)) error {
	rows, err := db.QueryContext(ctx, query)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		var data []byte
		var v T
		if err := rows.Scan(&data); err != nil {
			return err
		}
		if err := json.Unmarshal(data, &v); err != nil {
			return err
		}
		yield(v)
	}
	return rows.Err()
}
