package mqtt

import (
	"bytes"
	"crypto/rand"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/mochi-mqtt/server/v2/packets"

	"mwm/server/broker"
	"mwm/server/topic"
)

// Flags of CONNECT (MQTT 5.0 §3.1.2.3).
const (
	flagReserved = 1 << 0
	flagClean    = 1 << 1
	flagWill     = 1 << 2
	flagWillQoS  = 3 << 3
	flagRetain   = 1 << 5
	flagPassword = 1 << 6
	flagUser     = 1 << 7
)

// handshake is what a CONNECT asks for.
type handshake struct {
	pk       packets.Packet
	clientID string
	assigned bool
	clean    bool
	expiry   time.Duration // how long the session outlives the connection
	cut      bool          // the client asked for a longer expiry than it gets
	will     *will
}

// checkConnect checks the layout of a CONNECT without its fixed header, and
// returns the protocol level. Nothing is answered to a client that is not one of
// MQTT (MQTT 5.0 §3.1.2.1); one of another version is told.
func checkConnect(p []byte) (level byte, err error) {
	s := scan{p: p}
	name := string(s.bytes())
	level = s.u8()
	switch {
	case s.err != nil:
		return 0, s.err
	case name != "MQTT" && name != "MQIsdp":
		return 0, newFault(packets.ErrUnsupportedProtocolVersion, "protocol name %.20q, must be MQTT or MQIsdp", name)
	case name == "MQIsdp" && level != v31 || name == "MQTT" && level != v311 && level != v5:
		return level, newFault(packets.ErrUnsupportedProtocolVersion,
			"protocol %s level %d, supported are MQIsdp 3 and MQTT 4 and 5", name, level)
	}
	flags := s.u8()
	switch {
	case flags&flagReserved != 0 && level > v31: // [MQTT-3.1.2-3]
		return level, malformed("the reserved flag of CONNECT is set")
	case flags&flagWillQoS == flagWillQoS: // [MQTT-3.1.2-12]
		return level, malformed("will QoS 3")
	case flags&flagWill == 0 && flags&(flagWillQoS|flagRetain) != 0 && level > v31: // [MQTT-3.1.2-11], [MQTT-3.1.2-13]
		return level, malformed("will QoS or will retain without a will")
	case flags&flagPassword != 0 && flags&flagUser == 0 && level == v311: // [MQTT-3.1.2-22]
		return level, malformed("a password without a user name")
	}
	s.u16() // keep alive
	if level == v5 {
		s.properties(packets.Connect, nil)
	}
	s.text()
	if flags&flagWill != 0 {
		if level == v5 {
			s.properties(packets.WillProperties, nil)
		}
		s.text()
		s.bytes()
	}
	if flags&flagUser != 0 {
		s.text()
	}
	if flags&flagPassword != 0 {
		s.bytes()
	}
	return level, s.end()
}

// checkFirst refuses a first packet that is none of CONNECT by its first byte: the
// rest of it may never come.
func checkFirst(first byte) error {
	if first>>4 != packets.Connect { // [MQTT-3.1.0-1]
		return violation("the first packet is %s, must be CONNECT", packetName(first))
	}
	return checkFlags(first)
}

// connect handles the first packet. A refusal is answered as the version says
// and returned.
func (c *conn) connect(p []byte) error {
	level, err := checkConnect(p)
	if err != nil {
		return c.refuse(level, err)
	}
	h := &handshake{pk: packets.Packet{FixedHeader: packets.FixedHeader{Type: packets.Connect}}}
	// The codec's strings share the buffer that it decodes: what is kept of them is copied.
	if err := h.pk.ConnectDecode(bytes.Clone(p)); err != nil {
		return c.refuse(level, malformed("%s", err))
	}
	c.maxPacket = int(h.pk.Properties.MaximumPacketSize)
	if err := c.settle(h); err != nil {
		return c.refuse(level, err)
	}
	client := &broker.Client{
		ID: h.clientID, Protocol: broker.MQTT, Version: versionName(level), Remote: c.nc.RemoteAddr().String(),
		Since: time.Now(), Close: c.kick,
		In: c.in, Out: c.out, Subscriptions: c.subscriptions, Will: c.will, Explain: explainer(level),
	}
	principal, err := c.authenticate(h, client)
	if err != nil {
		return c.refuse(level, err)
	}
	// A session that is kept is to be on disk. Whoever waits for that longer has gone by
	// now: the session would be taken from the connection that came after.
	if h.expiry > 0 && !c.srv.b.Journal().ChangesBy(c.now.Add(c.srv.opt.ConnectTimeout)) {
		return c.refuse(level, newFault(packets.ErrServerBusy, "too much waits for the disk"))
	}
	c.client = client
	c.accept(h)
	if err := c.srv.attach(c, h); err != nil {
		c.client = nil
		return c.refuse(level, err)
	}
	return c.stillValid(principal)
}

// accept takes over what the connection has to know of the handshake.
func (c *conn) accept(h *handshake) {
	pr := &h.pk.Properties
	c.level = h.pk.ProtocolVersion
	c.window = c.srv.opt.MaxInflight
	if pr.ReceiveMaximum > 0 {
		c.window = min(c.window, int(pr.ReceiveMaximum))
	}
	c.problems = (!pr.RequestProblemInfoFlag || pr.RequestProblemInfo == 1) && (c.maxPacket == 0 || c.maxPacket >= maxAck)
	c.sent = newSentAliases(int(pr.TopicAliasMaximum), c.srv.opt.TopicAliasMaximum)
	c.keepAlive = time.Duration(h.pk.Connect.Keepalive) * time.Second
	c.pub = c.srv.b.NewPublisher(c.client)
	c.pub.Confirm(c)
	c.pub.Begin(c.now)
}

// settle applies the rules that the layout does not show.
func (c *conn) settle(h *handshake) error {
	cp, pr, level := &h.pk.Connect, &h.pk.Properties, h.pk.ProtocolVersion
	h.clientID, h.clean = strings.Clone(cp.ClientIdentifier), cp.Clean
	switch {
	case pr.AuthenticationMethod != "": // MQTT 5.0 §4.12
		return newFault(packets.ErrBadAuthenticationMethod, "enhanced authentication is not supported")
	case len(pr.AuthenticationData) > 0:
		return violation("authentication data without a method")
	case len(h.clientID) > c.srv.opt.MaxClientID:
		return newFault(packets.ErrClientIdentifierNotValid, "client identifier of %d bytes, at most %d are allowed",
			len(h.clientID), c.srv.opt.MaxClientID)
	case h.clientID == "" && (level == v31 || level == v311 && !h.clean): // 3.1 §3.1, [MQTT-3.1.3-8]
		return newFault(packets.ErrClientIdentifierNotValid, "empty client identifier")
	}
	if h.clientID == "" {
		h.clientID, h.assigned = "auto-"+rand.Text(), true
	}
	asked := time.Duration(pr.SessionExpiryInterval) * time.Second
	if level != v5 && !h.clean {
		asked = c.srv.opt.SessionExpiry
	}
	h.expiry = min(asked, c.srv.opt.SessionExpiry)
	h.cut = h.expiry < asked
	if cp.WillFlag {
		w, err := newWill(&h.pk)
		if err != nil {
			return err
		}
		h.will = w
	}
	return nil
}

// refuse answers a CONNECT with an error code, if the version has one for it,
// and returns the error.
func (c *conn) refuse(level byte, err error) error {
	c.srv.stats.Refused.Add(1)
	var f *fault
	if !errors.As(err, &f) || level == 0 {
		return err
	}
	pk := packets.Packet{ProtocolVersion: v5, ReasonCode: f.code, FixedHeader: packets.FixedHeader{Type: packets.Connack}}
	pk.Properties.ReasonString = f.text
	if level < v5 || level >= 0x80 { // Mosquitto's bridges try 0x80 + the level first
		pk.ProtocolVersion = v311
		pk.ReasonCode = returnCode(f.code)
		if pk.ReasonCode == 0 { // [MQTT-3.1.4-1]
			return err
		}
	}
	c.sendPacket(&pk, (*packets.Packet).ConnackEncode)
	return err
}

// returnCode is the CONNACK return code of 3.x (MQTT 3.1.1 §3.2.2.3) for a
// reason code; 0 if there is none.
func returnCode(code byte) byte {
	switch code {
	case packets.ErrUnsupportedProtocolVersion.Code:
		return 1
	case packets.ErrClientIdentifierNotValid.Code:
		return 2
	case packets.ErrServerUnavailable.Code, packets.ErrServerBusy.Code, packets.ErrQuotaExceeded.Code, packets.ErrServerShuttingDown.Code:
		return 3
	case packets.ErrBadUsernameOrPassword.Code:
		return 4
	case packets.ErrNotAuthorized.Code:
		return 5
	}
	return 0
}

// connack accepts the client, and tells how many messages it has missed.
func (c *conn) connack(h *handshake, present bool, missed uint64) {
	pk := packets.Packet{
		ProtocolVersion: c.level, SessionPresent: present && c.level > v31,
		FixedHeader: packets.FixedHeader{Type: packets.Connack},
	}
	if c.level == v5 {
		opt, pr := &c.srv.opt, &pk.Properties
		pr.ReceiveMaximum = uint16(opt.ReceiveMaximum)
		pr.TopicAliasMaximum = uint16(opt.TopicAliasMaximum)
		pr.MaximumPacketSize = uint32(opt.MaxPacket)
		if h.assigned {
			pr.AssignedClientID = h.clientID
		}
		if h.cut {
			pr.SessionExpiryInterval, pr.SessionExpiryIntervalFlag = uint32(h.expiry/time.Second), true
		}
		if missed > 0 {
			pr.ReasonString = fmt.Sprintf("%d messages were discarded: there was no room for them", missed)
		}
		if h.pk.Properties.RequestResponseInfo == 1 {
			pr.ResponseInfo = c.responseInfo(h.clientID)
			pk.Mods.AllowResponseInfo = true
		}
	}
	c.sendPacket(&pk, (*packets.Packet).ConnackEncode)
}

// responseInfo is the topic below which a client may ask to be answered (MQTT 5.0
// §3.2.2.3.15); "" if it cannot subscribe there.
func (c *conn) responseInfo(clientID string) string {
	info := "response/" + clientID
	filter := topic.Swap(info + "/#")
	if strings.ContainsAny(clientID, "+#") || topic.CheckFilter(filter) != nil || c.client.MaySubscribe(broker.TopicKind, filter) != nil {
		return ""
	}
	return info
}

// newWill takes the will out of a CONNECT.
func newWill(pk *packets.Packet) (*will, error) {
	cp, pr := &pk.Connect, &pk.Connect.WillProperties
	name := topic.Swap(strings.Clone(cp.WillTopic))
	if err := checkTopic([]byte(name)); err != nil {
		return nil, err
	}
	if isReserved([]byte(name)) {
		return nil, newFault(packets.ErrNotAuthorized, "a will to %s", cp.WillTopic)
	}
	w := &will{
		name: name, body: bytes.Clone(cp.WillPayload), qos: cp.WillQos, retain: cp.WillRetain,
		delay:  time.Duration(pr.WillDelayInterval) * time.Second,
		expiry: time.Duration(pr.MessageExpiryInterval) * time.Second,
	}
	pub := &broker.Properties{
		ContentType: strings.Clone(pr.ContentType), ResponseTopic: topic.Swap(strings.Clone(pr.ResponseTopic)),
		CorrelationData: bytes.Clone(pr.CorrelationData), PayloadFormat: pr.PayloadFormat == 1,
	}
	for _, u := range pr.User {
		pub.User = append(pub.User, broker.Property{Name: strings.Clone(u.Key), Value: strings.Clone(u.Val)})
	}
	if pub.ContentType != "" || pub.ResponseTopic != "" || pub.CorrelationData != nil || pub.PayloadFormat || pub.User != nil {
		w.props = pub
	}
	return w, nil
}
