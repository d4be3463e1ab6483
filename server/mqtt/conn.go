package mqtt

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"github.com/mochi-mqtt/server/v2/packets"

	"mwm/server/broker"
	"mwm/server/netx"
)

// linger is how long a connection that the server ends may take to hear why.
const linger = time.Second

// Reasons why a connection ends that are not the client's fault.
var (
	errShutdown  = newFault(packets.ErrServerShuttingDown, "the server is shutting down")
	errTakenOver = newFault(packets.ErrSessionTakenOver, "another connection took over the client identifier")
	errKeepAlive = newFault(packets.ErrKeepAliveTimeout, "keep alive timeout")
	errRevoked   = newFault(packets.ErrNotAuthorized, "the credentials are no longer valid")
	errSlow      = newFault(packets.ErrQuotaExceeded, "the client does not acknowledge what it is sent")
)

// errGoodbye ends a connection whose client sent DISCONNECT.
var errGoodbye = errors.New("goodbye")

// conn is one connection. Its fields belong to its reader, but those that say
// otherwise.
type conn struct {
	srv *Server
	nc  netConn
	in  *netx.Reader
	out *netx.Outbound // safe for concurrent use
	log *slog.Logger

	level     byte           // protocol level; 0 before CONNECT
	client    *broker.Client // nil before CONNECT
	sess      *session       // nil before CONNECT
	pub       *broker.Publisher
	watch     *netx.Watchdog
	keepAlive time.Duration
	window    int  // how many QoS 1 and 2 messages the peer takes at a time
	maxPacket int  // the longest packet the peer takes; 0: any
	problems  bool // the peer wants reason strings (MQTT 5.0 §3.1.2.11.7)
	now       time.Time
	aliases   []string // canonical names, by topic alias - 1
	sent      *sentAliases
	replies   []byte // answers that are sent when the batch has been delivered
	pumpDue   bool   // acknowledgements made room in the session
	owed      owed   // PUBACKs and PUBRECs
	freed     []byte // PUBCOMPs that are sent once their identifiers are free on disk
	waited    bool   // for the disk, in this batch
	synced    bool   // answers of this batch may have to wait for the disk

	meters    netx.Meters                        // what the peer sends is held to
	published int                                // PUBLISHes of this read
	asking    atomic.Pointer[context.CancelFunc] // ends the authenticator's work; to any goroutine

	mu     sync.Mutex
	reason error         // why the connection is to end; nil: it is not
	said   chan struct{} // closed when close has told the peer; nil: it was not called
}

// netConn is a connection that can be told to end in order.
type netConn interface {
	net.Conn
	// inner is the connection itself.
	inner() net.Conn
	// interrupt makes the reader return, now or when it reads next.
	interrupt()
	// finish waits until the peer has read what was written, at most for linger,
	// and closes the connection.
	finish()
}

// ServeConn serves a connection over TCP, TLS or the like until it ends, and
// closes it.
func (s *Server) ServeConn(nc net.Conn) { s.serve(streamConn{nc}) }

func newConn(s *Server, nc netConn) *conn {
	c := &conn{srv: s, nc: nc, log: s.opt.Logger, meters: netx.Meters{netx.NewMeter(s.opt.Rate), nil, s.opt.Total}}
	io := nc.inner() // which may know writev and reading without a buffer
	c.out = netx.NewOutbound(io, s.opt.MaxOutbound, s.opt.WriteTimeout, func(err error) { c.close(err) })
	c.owed.out = c.out
	c.in = netx.NewReader(io, s.opt.MaxPacket+5)
	return c
}

func (s *Server) serve(nc netConn) {
	defer nc.Close()
	c := newConn(s, nc)
	if !s.enter(c) {
		return
	}
	defer s.leave(c)
	nc.SetReadDeadline(time.Now().Add(s.opt.ConnectTimeout))
	err := c.in.Serve(c)
	if c.watch != nil {
		c.watch.Stop()
	}
	c.end(err)
}

// Data implements [netx.Handler].
func (c *conn) Data(p []byte) (used, need int, err error) {
	c.now = time.Now()
	if c.pub != nil {
		c.pub.Begin(c.now)
	}
	if c.level == 0 && len(p) > 0 {
		err = checkFirst(p[0])
	}
	for err == nil && used < len(p) {
		head, total, serr := split(p[used:], c.packetLimit())
		if err = serr; err != nil || head == 0 {
			break
		}
		if total > len(p)-used {
			need = total
			break
		}
		if err = c.packet(p[used], p[used+head:used+total]); err != nil {
			break
		}
		used += total
	}
	c.flush()
	if err == nil {
		err = c.ending()
	}
	if err == nil && !c.meters.None() {
		c.in.Delay(c.meters.Take(c.now, c.published, used))
	}
	c.published = 0
	return used, need, err
}

// maxConnect is the longest CONNECT in bytes, with a will and a token: a stranger
// need not send more.
const maxConnect = 160 << 10

// packetLimit is the longest packet that is taken just now.
func (c *conn) packetLimit() int {
	if c.level == 0 {
		return min(c.srv.opt.MaxPacket, maxConnect)
	}
	return c.srv.opt.MaxPacket
}

// flush delivers what was published and then sends what is to be answered.
func (c *conn) flush() {
	if c.pub != nil {
		c.pub.Flush()
	}
	c.waited = false
	if c.synced {
		c.synced = false
		c.awaitChanges()
	}
	if len(c.freed) > 0 {
		freed := c.freed
		c.freed = nil
		c.srv.whenSynced(func() { c.send(freed) })
	}
	wake := c.owed.flush(c.replies)
	if c.replies = c.replies[:0]; cap(c.replies) > netx.ChunkSize {
		c.replies = nil
	}
	if c.pumpDue {
		c.pumpDue = false
		wake = c.sess.pumpFor(c) || wake
	}
	if wake {
		c.out.WakeHere()
	}
}

// awaitChanges waits while too much is on its way to the disk, before something that
// a kept session is told once it is there.
func (c *conn) awaitChanges() {
	if c.sess.box.Load() != 0 {
		c.srv.b.Journal().WaitChanges()
	}
}

// packet handles one packet, without its fixed header.
func (c *conn) packet(first byte, p []byte) error {
	if c.level == 0 {
		return c.connect(p)
	}
	if first>>4 == packets.Publish {
		return c.publish(first&15, p)
	}
	if err := checkFlags(first); err != nil {
		return err
	}
	switch first >> 4 {
	case packets.Puback, packets.Pubrec, packets.Pubrel, packets.Pubcomp:
		return c.acknowledge(first>>4, p)
	case packets.Subscribe:
		c.flush()
		c.awaitChanges()
		return c.subscribe(p)
	case packets.Unsubscribe:
		c.flush()
		c.awaitChanges()
		return c.unsubscribe(p)
	case packets.Pingreq:
		if len(p) > 0 {
			return malformed("PINGREQ with a payload")
		}
		c.replies = append(c.replies, packets.Pingresp<<4, 0)
		return nil
	case packets.Disconnect:
		return c.disconnect(p)
	}
	// A second CONNECT [MQTT-3.1.0-2], AUTH without an authentication method
	// (MQTT 5.0 §4.12.1), and what only a server sends.
	return violation("%s is not expected here", packetName(first))
}

// disconnect handles DISCONNECT.
func (c *conn) disconnect(p []byte) error {
	if c.level < v5 {
		if len(p) > 0 {
			return malformed("DISCONNECT with a payload")
		}
		c.sess.setWill(c, nil)
		return errGoodbye
	}
	s := scan{p: p}
	code := byte(0)
	if len(s.p) > 0 {
		code = s.u8()
	}
	var fail error
	if len(s.p) > 0 {
		s.properties(packets.Disconnect, func(pr property) {
			if pr.id == packets.PropSessionExpiryInterval && fail == nil {
				fail = c.sess.setExpiry(c, time.Duration(pr.num)*time.Second)
			}
		})
	}
	if err := s.end(); err != nil {
		return err
	}
	if fail != nil {
		return fail
	}
	if code == 0 { // MQTT 5.0 §3.14.4
		c.sess.setWill(c, nil)
	}
	return errGoodbye
}

// send appends packets that must arrive.
func (c *conn) send(b []byte) {
	if _, wake := c.out.Send(b); wake {
		c.out.Wake()
	}
}

// sendPacket encodes a packet with the codec and sends it.
func (c *conn) sendPacket(pk *packets.Packet, encode func(*packets.Packet, *bytes.Buffer) error) {
	var buf bytes.Buffer
	if !c.problems && pk.FixedHeader.Type != packets.Connack && pk.FixedHeader.Type != packets.Disconnect {
		pk.Mods.DisallowProblemInfo = true
	}
	pk.Mods.MaxSize = uint32(c.maxPacket)
	if err := encode(pk, &buf); err != nil {
		c.log.Error("cannot encode a packet", "type", packets.PacketNames[pk.FixedHeader.Type], "err", err)
		return
	}
	if c.maxPacket > 0 && buf.Len() > c.maxPacket { // [MQTT-3.1.2-24]
		return
	}
	c.send(buf.Bytes())
}

// sayWhy sends DISCONNECT with the reason, if the peer can be told.
func (c *conn) sayWhy(err error) bool {
	var f *fault
	if c.session() == nil || c.level < v5 || !errors.As(err, &f) {
		return false
	}
	pk := packets.Packet{ProtocolVersion: v5, ReasonCode: f.code, FixedHeader: packets.FixedHeader{Type: packets.Disconnect}}
	pk.Properties.ReasonString = f.text
	c.sendPacket(&pk, (*packets.Packet).DisconnectEncode)
	return true
}

// kick is close for those who know nothing of MQTT.
func (c *conn) kick(reason error) {
	switch {
	case errors.Is(reason, broker.ErrTakenOver):
		c.close(errTakenOver)
		return
	case errors.Is(reason, broker.ErrRevoked):
		c.close(errRevoked)
		return
	}
	c.close(newFault(packets.ErrAdministrativeAction, "%s", reason))
}

// close ends the connection from outside its reader. It does not block.
func (c *conn) close(reason error) {
	c.mu.Lock()
	if c.reason != nil {
		c.mu.Unlock()
		return
	}
	c.reason, c.said = reason, make(chan struct{})
	c.mu.Unlock()
	if cancel := c.asking.Load(); cancel != nil {
		(*cancel)()
	}
	c.in.Hurry()
	told := c.sayWhy(reason)
	close(c.said)
	go func() {
		if s := c.session(); s != nil {
			s.unbind(c)
		}
		if told {
			c.out.Flush(linger)
		}
		c.nc.interrupt()
	}()
}

// session returns the session, to any goroutine.
func (c *conn) session() *session {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.sess
}

// ending returns why the connection is to end; nil: it is not.
func (c *conn) ending() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.reason
}

// end takes the connection out of everything, when its reader has returned err.
func (c *conn) end(err error) {
	c.mu.Lock()
	said := c.said
	if c.reason == nil {
		c.reason = err
	}
	err = c.reason
	c.mu.Unlock()
	if c.level == 0 && errors.Is(err, os.ErrDeadlineExceeded) {
		err = errors.New("no CONNECT in time")
	}
	if c.client != nil {
		c.srv.detach(c, err)
	}
	var f *fault
	bad := errors.As(err, &f)
	c.report(err, bad)
	if said != nil {
		<-said
	} else if bad {
		c.sayWhy(err) // a refused CONNECT has been answered
	}
	c.out.Flush(linger)
	if bad {
		c.nc.finish()
	}
	c.out.Close()
	for _, name := range c.aliases {
		netx.Unbook(len(name))
	}
}

// report writes the one line of the log about the end of a connection.
func (c *conn) report(err error, bad bool) {
	level := slog.LevelDebug
	if bad && err != errShutdown {
		level = slog.LevelInfo
	}
	if bad && err != errShutdown && err != errTakenOver && err != errSlow && err != errKeepAlive {
		c.srv.stats.Faults.Add(1)
	}
	if errors.Is(err, netx.ErrOverflow) {
		c.srv.stats.Slow.Add(1)
		level = slog.LevelInfo
	}
	args := []any{"remote", c.nc.RemoteAddr().String(), "reason", reasonText(err)}
	if c.client != nil {
		args = append(args, "client", c.client.ID)
	}
	if n := c.out.Dropped(); n > 0 {
		level = slog.LevelInfo
		args = append(args, "dropped", n)
	}
	c.log.Log(context.Background(), level, "client disconnected", args...)
}

func reasonText(err error) string {
	if errors.Is(err, io.EOF) {
		return "the client closed the connection"
	}
	return err.Error()
}

// start begins what runs beside the reader once the client is accepted.
func (c *conn) start() {
	c.nc.SetReadDeadline(time.Time{})
	if c.keepAlive > 0 { // [MQTT-3.1.2-22]: one and a half times
		c.watch = netx.NewWatchdog(c.in.Idle, func() { c.close(errKeepAlive) })
		c.watch.Set(c.keepAlive * 3 / 2)
	}
}

// streamConn is a TCP or TLS connection.
type streamConn struct{ net.Conn }

func (s streamConn) inner() net.Conn { return s.Conn }

// NetConn is for [netx.PeerCertificate].
func (s streamConn) NetConn() net.Conn { return s.Conn }

func (s streamConn) interrupt() { s.SetReadDeadline(time.Unix(1, 0)) }

// finish closes the sending side and drains the other: if there were unread
// input, closing would reset the connection and the last packet be lost.
func (s streamConn) finish() {
	if half, ok := s.Conn.(interface{ CloseWrite() error }); ok && half.CloseWrite() == nil {
		s.SetReadDeadline(time.Now().Add(linger))
		io.Copy(io.Discard, io.LimitReader(s.Conn, 16<<20))
	}
	s.Close()
}
