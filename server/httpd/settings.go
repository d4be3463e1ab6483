package httpd

import (
	"fmt"
	"net/http"

	"mwm/server/telemetry"
)

// settings are what a page has to know about the server besides its state.
type settings struct {
	StaleMs   int64       `json:"staleMs"`
	OfflineMs int64       `json:"offlineMs"`
	MaxText   int         `json:"maxText"`
	MaxBulk   int         `json:"maxBulk"`
	MaxKeys   int         `json:"maxKeys"`
	MaxBody   int         `json:"maxBody"`
	Demo      bool        `json:"demo"`
	MaxDemo   int         `json:"maxDemo"`
	Colors    []colorView `json:"colors"`
	History   historyInfo `json:"history"`
}

// colorView is a colour of alerts.
type colorView struct {
	Name string `json:"name"`
	CSS  string `json:"css"`
}

func (s *Server) getSettings(w http.ResponseWriter, _ *http.Request) {
	v := settings{
		StaleMs: s.opts.Fleet.StaleAfter().Milliseconds(), OfflineMs: s.opts.Fleet.OfflineAfter().Milliseconds(),
		MaxText: s.opts.MaxText, MaxBulk: maxBulk, MaxKeys: maxKeys, MaxBody: maxBody,
		Demo: s.opts.Demo, MaxDemo: s.opts.MaxDemo, History: s.history(),
	}
	for _, c := range telemetry.Colors() {
		v.Colors = append(v.Colors, colorView{c.Name, fmt.Sprintf("#%06X", c.RGB)})
	}
	replyJSON(w, http.StatusOK, v)
}
