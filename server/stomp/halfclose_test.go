package stomp_test

import (
	"context"
	"log/slog"
	"net"
	"strings"
	"testing"

	"mwm/server/broker"
	"mwm/server/stomp"
)

// A client that closes its sending side at once, as netcat does when its input ends,
// still gets the receipts that wait for the disk.
func TestReceiptAfterHalfClose(t *testing.T) {
	disk := slowStore{make(chan struct{})}
	b := broker.New(broker.Options{Store: disk})
	ctx, cancel := context.WithCancel(t.Context())
	running := make(chan error, 1)
	go func() { running <- b.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		<-running
	})
	var log logged
	w := serveBroker(t, b, stomp.Options{Linger: patience, Logger: slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug}))})
	p := w.connect("1.2")
	p.send("SEND\ndestination:/queue/q\npersistent:true\nreceipt:1\n\nx^@")
	if err := p.nc.(*net.TCPConn).CloseWrite(); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the server knows", func() bool { return strings.Contains(log.String(), "without DISCONNECT") })
	close(disk.release)
	p.want("RECEIPT", "receipt-id:1")
	p.wantEnd()
}
