package httpd

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"time"
	_ "time/tzdata" // the system may know no time zones, as in a container

	"mwm/server/history"
)

// maxSpan is the longest piece of a track that one answer holds: a month, with
// the hour that the clock may be put back.
const maxSpan = 32 * 24 * time.Hour

// noHistory answers when no positions are kept.
func (s *Server) noHistory(w http.ResponseWriter) bool {
	if s.opts.History == nil {
		problem(w, http.StatusNotFound, "this server keeps no history; see --history")
	}
	return s.opts.History == nil
}

// getTrack streams where a device has been. It is not asked whether the device is
// known: its history may outlive it.
func (s *Server) getTrack(w http.ResponseWriter, r *http.Request) {
	id, ok := deviceID(w, r)
	if !ok || s.noHistory(w) {
		return
	}
	q := queryOf(r)
	from, to := q.span(time.Now())
	names := make([]string, len(history.Formats))
	for i, f := range history.Formats {
		names[i] = f.Name
	}
	format, _ := history.FormatNamed(q.choice("format", names...))
	if q.bad(w) {
		return
	}
	if !s.hold(w, 2*streamChunk) {
		return
	}
	h := history.Heading{Device: id, From: from, To: to}
	if format.Extension != "" {
		w.Header().Set("Content-Disposition", attachment(h, format))
	}
	out := stream{w: w, control: http.NewResponseController(w), timeout: s.opts.Timeout, contentType: format.ContentType}
	e := format.New(h)
	out.buf = e.Begin(out.buf)
	err := s.opts.History.Track(r.Context(), id, from, to, func(points []history.Point) error {
		out.buf = e.Append(out.buf, points)
		return out.flush(streamChunk)
	})
	if err == nil {
		out.buf = e.End(out.buf)
		err = out.flush(0)
	}
	if err != nil {
		s.cutOff(w, r, &out, err)
	}
}

// deleteTrack deletes all that is known of where a device has been.
func (s *Server) deleteTrack(w http.ResponseWriter, r *http.Request) {
	id, ok := deviceID(w, r)
	if !ok || s.noHistory(w) {
		return
	}
	ctx, cancel := context.WithTimeout(r.Context(), s.opts.Timeout)
	defer cancel()
	if err := s.opts.History.Delete(ctx, id); err != nil {
		s.unavailable(w, r, "delete track", err)
		return
	}
	s.note(r, "an operator deleted a track", "device", id)
	w.WriteHeader(http.StatusNoContent)
}

// cutOff answers that a stream has failed; one that has begun is cut, so that
// nobody takes it for the whole.
func (s *Server) cutOff(w http.ResponseWriter, r *http.Request, out *stream, err error) {
	if r.Context().Err() == nil {
		s.opts.Logger.Warn("a track could not be sent", "err", err)
	}
	if out.begun {
		panic(http.ErrAbortHandler)
	}
	w.Header().Del("Content-Disposition")
	problem(w, http.StatusInternalServerError, "the history cannot be read; the server's log says why")
}

// attachment names the file that a browser makes of an answer (RFC 6266): once in
// ASCII, once as it should be.
func attachment(h history.Heading, f history.Format) string {
	name, plain := history.FileName(h)
	return fmt.Sprintf(`attachment; filename="%s.%s"; filename*=UTF-8''%s.%s`, plain, f.Extension, url.PathEscape(name), f.Extension)
}

const streamChunk = 64 << 10

// stream is an answer that is sent piece by piece, each within a time.
type stream struct {
	w           http.ResponseWriter
	control     *http.ResponseController
	timeout     time.Duration
	contentType string
	buf         []byte
	begun       bool
}

// flush sends what has gathered, if it is more than least.
func (s *stream) flush(least int) error {
	if len(s.buf) <= least {
		return nil
	}
	if !s.begun {
		s.begun = true
		s.w.Header().Set("Content-Type", s.contentType)
		s.w.Header().Set("Cache-Control", "no-store")
	}
	_ = s.control.SetWriteDeadline(time.Now().Add(s.timeout)) // a recorder in tests has none
	_, err := s.w.Write(s.buf)
	s.buf = s.buf[:0]
	return err
}

// span reads which piece of a track is asked for: from and to, or a day of a
// zone, or nothing for the last 24 hours.
func (q *query) span(now time.Time) (from, to time.Time) {
	zone := q.zone()
	if v := q.text("day"); v != "" {
		day, err := time.Parse(time.DateOnly, v)
		if err != nil {
			q.fail("day", "a date, such as 2025-03-01")
		}
		if q.text("from") != "" || q.text("to") != "" {
			q.fail("day", "alone, without from and to")
		}
		return history.DayIn(day.Year(), day.Month(), day.Day(), zone)
	}
	to = q.time("to", now).In(zone)
	from = q.time("from", to.Add(-24*time.Hour)).In(zone)
	switch {
	case from.After(to):
		q.fail("from", "before to")
	case to.Sub(from) > maxSpan:
		q.fail("to", "at most 32 days after from")
	}
	return from, to
}

// time reads a moment, in milliseconds since 1970 or as of RFC 3339.
func (q *query) time(name string, standard time.Time) time.Time {
	v := q.text(name)
	if v == "" {
		return standard
	}
	if ms, err := strconv.ParseInt(v, 10, 64); err == nil && ms > -maxMillis && ms < maxMillis {
		return time.UnixMilli(ms)
	}
	t, err := time.Parse(time.RFC3339, v)
	if err != nil {
		q.fail(name, "a time in milliseconds since 1970, or such as 2025-03-01T12:00:00Z")
		return standard
	}
	return t
}

// maxMillis is more than times of four digits for the year need.
const maxMillis = 1 << 48

// zone reads in which time zone days begin; UTC if it is not said.
func (q *query) zone() *time.Location {
	v := q.text("zone")
	if v == "" {
		return time.UTC
	}
	zone, err := time.LoadLocation(v)
	if err != nil || v == "Local" {
		q.fail("zone", "the name of a time zone, such as Asia/Seoul")
		return time.UTC
	}
	return zone
}

type trackDays struct {
	Device string        `json:"device"`
	Zone   string        `json:"zone"`
	Days   []history.Day `json:"days"` // oldest first
}

// getDays tells on which days there is something of a device.
func (s *Server) getDays(w http.ResponseWriter, r *http.Request) {
	id, ok := deviceID(w, r)
	if !ok || s.noHistory(w) {
		return
	}
	q := queryOf(r)
	zone := q.zone()
	if q.bad(w) {
		return
	}
	days, err := s.opts.History.Days(r.Context(), id, zone)
	if err != nil {
		s.unavailable(w, r, "days", err)
		return
	}
	replyJSON(w, http.StatusOK, trackDays{id, zone.String(), entries(days)})
}

// historyInfo is what is kept, and how much it is.
type historyInfo struct {
	Mode       string  `json:"mode"` // sampled, all or off
	Distance   float64 `json:"distance"`
	IntervalMs int64   `json:"intervalMs"`
	MaxAgeMs   int64   `json:"maxAgeMs"`
	MaxBytes   int64   `json:"maxBytes"`

	Bytes   int64 `json:"bytes"`
	Points  int64 `json:"points"`
	Pending int   `json:"pendingBytes"`
	Devices int   `json:"devices"`

	Recorded int64        `json:"recorded"`
	Sampled  int64        `json:"sampled"`
	Removed  int64        `json:"removed"`
	Dropped  historyDrops `json:"dropped"`
	Failing  bool         `json:"failing"`
}

type historyDrops struct {
	Disk    int64 `json:"disk"`
	Rate    int64 `json:"rate"`
	Devices int64 `json:"devices"`
	Invalid int64 `json:"invalid"`
}

func (s *Server) history() historyInfo {
	if s.opts.History == nil {
		return historyInfo{Mode: "off"}
	}
	st, o := s.opts.History.Stats(), s.opts.History.Limits()
	mode := "sampled"
	if o.All {
		mode = "all"
	}
	return historyInfo{
		Mode: mode, Distance: o.Distance, IntervalMs: o.Interval.Milliseconds(), MaxAgeMs: o.MaxAge.Milliseconds(), MaxBytes: o.MaxBytes,
		Bytes: st.Usage.Bytes, Points: st.Usage.Points, Pending: st.Pending, Devices: st.Devices,
		Recorded: st.Recorded, Sampled: st.Sampled, Removed: st.Removed, Dropped: historyDrops(st.Dropped), Failing: st.Failing,
	}
}

func (s *Server) getHistory(w http.ResponseWriter, _ *http.Request) {
	replyJSON(w, http.StatusOK, s.history())
}
