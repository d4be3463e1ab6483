package main

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/go-stomp/stomp/v3"
	"github.com/go-stomp/stomp/v3/frame"

	"mwm/devicesim/link"
	"mwm/devicesim/terminal"
	"mwm/server/telemetry"
)

// TextCmd sends a text to a device.
//
// Over STOMP it sees whether the text waits in the queue or a device was given it. With --http the server's API is asked as well what
// became of it.
type TextCmd struct {
	STOMP   string        `name:"stomp" env:"MWM_CLIENT_STOMP" default:"127.0.0.1:61613" placeholder:"HOST:PORT" help:"The server's STOMP address. Default: ${default}"`
	HTTP    string        `name:"http" env:"MWM_CLIENT_HTTP" placeholder:"HOST:PORT" help:"The server's HTTP address; with it the answer says whether the device has got the text."`
	Expires time.Duration `placeholder:"1h" help:"Do not deliver the text after this time."`

	AccessFlags `embed:""`

	ID   string   `arg:"" help:"The device's ID."`
	Text []string `arg:"" help:"The text; several words are joined."`

	patience time.Duration // how long what becomes of the text is waited for; 0: two seconds
}

// Run sends the text and says what is known of it.
func (c *TextCmd) Run(ctx context.Context) error { return c.send(ctx, os.Stdout) }

func (c *TextCmd) send(ctx context.Context, out io.Writer) error {
	if err := telemetry.CheckID(c.ID); err != nil {
		return fmt.Errorf("ID %q: %w", c.ID, err)
	}
	body := strings.Join(c.Text, " ")
	if strings.TrimSpace(body) == "" {
		return errors.New("the text is empty")
	}
	if c.Expires != 0 && c.Expires < time.Second {
		return fmt.Errorf("--expires %v: a text needs a second to arrive", c.Expires)
	}
	mark := rand.Text() // to find the text in the queue by
	header := []func(*frame.Frame) error{stomp.SendOpt.Header("persistent", "true"), stomp.SendOpt.Header("correlation-id", mark)}
	began := time.Now()
	if c.Expires != 0 {
		header = append(header, stomp.SendOpt.Header("expires", strconv.FormatInt(began.Add(c.Expires).UnixMilli(), 10)))
	}
	access, err := c.access()
	if err != nil {
		return err
	}
	l, err := link.DialSTOMP(ctx, link.STOMPConfig{Addr: c.STOMP, Access: access})
	if err != nil {
		return err
	}
	defer l.Close()
	if err := l.Send(ctx, telemetry.TextDestination(c.ID), "text/plain;charset=utf-8", []byte(body), header...); err != nil {
		return err
	}
	fmt.Fprintf(out, "accepted: the server has the text and keeps it until %s takes it\n", terminal.Clean(c.ID))
	if c.HTTP == "" {
		c.look(ctx, out, l, mark)
		return nil
	}
	state, err := c.outcome(ctx, access, body, began)
	if err != nil {
		return fmt.Errorf("the text is accepted, but the server does not say what became of it: %w", err)
	}
	fmt.Fprintln(out, state)
	return nil
}

// look says whether the text waits in the queue. Servers that know no browsers of queues, which would take SUBSCRIBE for a wish to
// consume, are not asked.
func (c *TextCmd) look(ctx context.Context, out io.Writer, l *link.STOMP, mark string) {
	if name, _, _ := strings.Cut(l.Server(), "/"); name != "mwm" && name != "ActiveMQ" {
		return
	}
	seen, waits := make(chan bool, 1), false
	err := l.Subscribe(telemetry.TextDestination(c.ID), stomp.AckAuto, func(m *stomp.Message) {
		if m.Header.Get("browser") != "end" {
			waits = true
			return
		}
		select {
		case seen <- waits:
		default:
		}
	}, stomp.SubscribeOpt.Header("browser", "true"), stomp.SubscribeOpt.Header("selector", "JMSCorrelationID = '"+mark+"'"))
	if err != nil {
		return
	}
	timeout := time.NewTimer(c.waits())
	defer timeout.Stop()
	id := terminal.Clean(c.ID)
	select {
	case waits := <-seen:
		if waits {
			fmt.Fprintln(out, waiting(id, false))
		} else {
			fmt.Fprintf(out, "taken: it is on its way to %s\n", id)
		}
	case <-l.Lost(): // it may not look into the queue
	case <-timeout.C:
	case <-ctx.Done():
	}
}

func (c *TextCmd) waits() time.Duration { return cmp.Or(c.patience, 2*time.Second) }

// outcome asks until the text has reached its last state or the patience is over; a
// server that is slow to answer is waited for a little longer.
func (c *TextCmd) outcome(ctx context.Context, access link.Access, body string, since time.Time) (string, error) {
	enough := time.NewTimer(c.waits())
	defer enough.Stop()
	ctx, cancel := context.WithTimeout(ctx, c.waits()+link.HandshakeTimeout)
	defer cancel()
	tick := time.NewTicker(150 * time.Millisecond)
	defer tick.Stop()
	id, last := terminal.Clean(c.ID), ""
	for {
		d, err := c.device(ctx, access)
		switch {
		case err != nil && last == "":
			return "", err
		case err != nil:
			return last, nil
		}
		switch d.stateOf(body, since) {
		case "consumed":
			return "consumed: " + id + " has shown it", nil
		case "refused":
			return "refused: " + id + " did not want it", nil
		case "expired":
			return "expired: " + id + " did not take it in time", nil
		case "delivered": // the last state of a device that acknowledges nothing
			last = "delivered: " + id + " has got it"
		default:
			last = waiting(id, d.Online.STOMP)
		}
		select {
		case <-enough.C:
			return last, nil
		case <-ctx.Done():
			return last, nil
		case <-tick.C:
		}
	}
}

func waiting(id string, online bool) string {
	if online {
		return "waiting: " + id + " is connected and has not taken it yet"
	}
	return "waiting: no device was listening; " + id + " gets it when it comes"
}

// apiDevice is what of the API's device matters here.
type apiDevice struct {
	Online struct {
		STOMP bool `json:"stomp"`
	} `json:"online"`
	Texts []struct {
		Body  string `json:"body"`
		State string `json:"state"`
		At    int64  `json:"at"`
	} `json:"texts"`
}

// stateOf returns the state of the newest text of that wording; the clocks of the two machines may differ a little.
func (d *apiDevice) stateOf(body string, since time.Time) string {
	for i := len(d.Texts) - 1; i >= 0; i-- {
		if t := d.Texts[i]; t.Body == body && t.At >= since.Add(-5*time.Second).UnixMilli() {
			return t.State
		}
	}
	return ""
}

func (c *TextCmd) device(ctx context.Context, access link.Access) (d apiDevice, err error) {
	err = newAPI(c.HTTP, access).get(ctx, "/devices/"+url.PathEscape(c.ID), &d)
	if status := (*statusError)(nil); errors.As(err, &status) && status.code == http.StatusNotFound {
		return apiDevice{}, nil // never heard of: it is certainly not listening
	}
	return d, err
}
