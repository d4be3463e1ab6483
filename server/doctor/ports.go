package doctor

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"strconv"
	"syscall"
	"time"

	"mwm/server"
)

// patience is how long somebody who listens may take to answer. Tests have more.
var patience = 3 * time.Second

// listeners looks at each port: who listens there, and does he speak what he should?
func (d *Doctor) listeners(ctx context.Context) {
	var free []server.Listener
	for _, l := range d.cfg.Listeners() {
		about := "--" + l.Flag + " " + l.Addr
		target, err := reachable(l.Addr)
		if err != nil {
			d.note(Fail, about, "write host:port", "%v", err)
			continue
		}
		if target.Port() == 0 {
			d.note(Warn, about, "name a port, so that clients find it", "takes a free port at each start")
			continue
		}
		switch taken, err := d.occupied(l.Addr); {
		case (taken || errors.Is(err, os.ErrPermission)) && open(ctx, target):
			d.taken(ctx, l, about, target) // also where the server may listen, and who asks may not
		case err != nil:
			d.unlistenable(about, err)
		case !taken:
			free = append(free, l)
		default:
			who, _ := d.owner(target.Port())
			if who == "" {
				who = "another program"
			}
			d.note(Fail, about, "stop it, or choose another port: --"+l.Flag+" "+elsewhere(l.Addr), "%s holds the port, but accepts nothing", who)
		}
	}
	for _, l := range free {
		about := "--" + l.Flag + " " + l.Addr
		if d.running == "" {
			d.note(OK, about, "", "free")
			continue
		}
		d.note(Warn, about, "start it with these settings, or ask the doctor with those it has", "the server that runs does not listen here")
	}
	if d.running == "" && len(free) > 0 {
		d.note(OK, "server", "start it with mwm serve and ask again, to see whether it is reached", "none runs with these settings")
	}
}

// reachable is where a connection to what listens on addr goes.
func reachable(addr string) (netip.AddrPort, error) {
	tcp, err := net.ResolveTCPAddr("tcp", addr)
	if err != nil {
		return netip.AddrPort{}, err
	}
	at := tcp.AddrPort()
	ip := at.Addr().Unmap()
	switch {
	case !ip.IsValid() || ip.IsUnspecified() && ip.Is4():
		ip = netip.AddrFrom4([4]byte{127, 0, 0, 1})
	case ip.IsUnspecified():
		ip = netip.IPv6Loopback()
	}
	return netip.AddrPortFrom(ip, at.Port()), nil
}

// open reports whether somebody accepts connections there.
func open(ctx context.Context, target netip.AddrPort) bool {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	c, err := new(net.Dialer).DialContext(ctx, "tcp", target.String())
	if err != nil {
		return false
	}
	_ = c.Close()
	return true
}

// taken asks who listens there.
func (d *Doctor) taken(ctx context.Context, l server.Listener, about string, target netip.AddrPort) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	answer, err := probe(ctx, l, target.String())
	who, pid := d.owner(target.Port())
	if d.cfg.TLSClientRequired && errors.Is(err, errAskedFor) {
		answer.text, err = "answers with TLS, and asks for the certificate of a client", nil
	}
	if err != nil {
		advice := "stop that program, or choose another port: --" + l.Flag + " " + elsewhere(l.Addr)
		if who == "" {
			who = "somebody"
			advice += "; to see which program it is, ask as root"
		}
		d.note(Fail, about, advice, "%s listens here, and does not answer as mwm does: %v", who, err)
		return
	}
	if answer.version != "" {
		d.running = answer.version
	} else if d.running == "" {
		d.running = "mwm"
	}
	if pid != 0 {
		d.pid = pid
	}
	text := answer.text
	if who != "" {
		text += " (" + who + ")"
	}
	if answer.trouble != "" {
		d.note(Fail, about, answer.advice, "%s, but: %s", text, answer.trouble)
		return
	}
	d.note(OK, about, "", "%s", text)
}

// occupied tries to listen on an address, and reports whether somebody else does.
func (d *Doctor) occupied(addr string) (taken bool, err error) {
	l, err := d.listen("tcp", addr)
	switch {
	case err == nil:
		return false, l.Close()
	case errors.Is(err, syscall.EADDRINUSE):
		return true, nil
	}
	return false, err
}

// unlistenable says why nobody can listen there.
func (d *Doctor) unlistenable(about string, err error) {
	switch {
	case errors.Is(err, os.ErrPermission):
		d.note(Fail, about, "choose a port above 1023, or give the program CAP_NET_BIND_SERVICE: a systemd unit needs three lines for that, see DEPLOY.md",
			"ports below 1024 are for privileged programs")
	case errors.Is(err, syscall.EADDRNOTAVAIL):
		d.note(Fail, about, "write an address that this machine has, or none for all", "this machine has no such address")
	default:
		d.note(Fail, about, "write host:port, with an address of this machine", "%v", err)
	}
}

// elsewhere suggests another port.
func elsewhere(addr string) string {
	host, port, err := net.SplitHostPort(addr)
	if n, errNum := strconv.Atoi(port); err == nil && errNum == nil && n < 55_000 {
		return net.JoinHostPort(host, strconv.Itoa(n+10_000))
	}
	return fmt.Sprintf("%s:0", host)
}
