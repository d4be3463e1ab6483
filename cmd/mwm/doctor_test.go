package main

import (
	"bytes"
	"errors"
	"strings"
	"testing"

	"mwm/server"
)

// The doctor takes the settings of serve, from a file, too; it fails when
// something does not work, and says what.
func TestDoctor(t *testing.T) {
	at, _ := serving(t, server.Config{Data: t.TempDir()})
	examine := func(text string) (string, error) {
		t.Helper()
		c, err := parse(t, "doctor", "--config", write(t, "stomp-ws =\nmqtt-ws =\n"+text))
		if err != nil {
			t.Fatal(err)
		}
		var out bytes.Buffer
		err = c.Doctor.run(t.Context(), &out)
		return out.String(), err
	}
	out, err := examine("http = " + at.HTTP + "\nstomp = " + at.STOMP + "\nmqtt = " + at.MQTT)
	if err != nil || strings.Contains(out, "FAIL") || !strings.Contains(out, "answers with STOMP, as mwm "+server.Version) {
		t.Errorf("%v\n%s", err, out)
	}
	out, err = examine("http = " + at.STOMP + "\nstomp =\nmqtt =\n")
	if !errors.Is(err, errUnwell) || !strings.Contains(out, "FAIL  --http "+at.STOMP) || !strings.Contains(out, "→ stop that program") {
		t.Errorf("%v\n%s", err, out)
	}
}
