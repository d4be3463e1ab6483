package e2e

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"testing"
	"time"

	"mwm/server"
	"mwm/server/telemetry"
)

// certificate is one that a server has made itself, and the browser's user trusts.
type certificate struct {
	file []byte // as the server keeps it
	pin  string // the hash of its key, as Chromium wants it
}

var ownCertificate certificate

// makeCertificate makes one for the machine's name elsewhere. A server that finds it
// makes another with the same key, for the names and addresses that it has itself.
func makeCertificate() (certificate, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return certificate{}, err
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), DNSNames: []string{elsewhere}, NotBefore: time.Now(), NotAfter: time.Now().AddDate(0, 0, 1)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	private, err2 := x509.MarshalPKCS8PrivateKey(key)
	public, err3 := x509.MarshalPKIXPublicKey(key.Public())
	hash := sha256.Sum256(public)
	file := append(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: private})...)
	return certificate{file, base64.StdEncoding.EncodeToString(hash[:])}, errors.Join(err, err2, err3)
}

// serveTLS starts a server with HTTPS, and says at which hosts it is found elsewhere.
func serveTLS(t *testing.T) (s *testServer, plain, secure string) {
	t.Helper()
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "self-signed.pem"), ownCertificate.file, 0o600); err != nil {
		t.Fatal(err)
	}
	s = serve(t, server.Config{HTTPS: "0.0.0.0:0", AllowAnonymous: true, TLSSelfSigned: true, Data: dir}, server.Options{})
	_, plainPort, err := net.SplitHostPort(s.at.HTTP)
	_, securePort, err2 := net.SplitHostPort(s.at.HTTPS)
	if err := errors.Join(err, err2); err != nil {
		t.Fatal(err)
	}
	return s, net.JoinHostPort(elsewhere, plainPort), net.JoinHostPort(elsewhere, securePort)
}

// A phone that comes over plain HTTP from elsewhere gets no sensors, but all else. It
// is led to the same device over HTTPS, and there it gets them.
func TestPhoneOverTLS(t *testing.T) {
	s, plain, secure := serveTLS(t)
	h := handsetOf(t, s, sensors...)
	h.hosts = map[string]bool{plain: true}
	h.beforePage(alertsStay)
	h.navigate("http://" + plain + "/phone#id=AAA")
	h.connected()
	h.id = "AAA"
	h.waitText("#start-title", "This address gets no sensors")
	h.wait("!isSecureContext && " + find(tagged("open-secure")) + ".href === " + js("https://"+secure+"/phone#id=AAA"))
	h.fits()
	h.rename("BBB")
	link := "https://" + secure + "/phone#id=BBB"
	h.wait(find(tagged("open-secure")) + ".href === " + js(link))

	h.sendText("Where are you heading to?")
	h.click(tagged("confirm"))
	h.waitText(tagged("received-text")+" .hs-text-state span", "confirmed") // which the server has been told
	h.post("alerts", `{"color":"blue"}`)
	h.waitText("#alert span", "Alert: blue")
	eval[bool](h.page, "alertsGoOn() ?? true")

	// Who goes on without is led there by each of the sensors.
	h.click(tagged("start-later"))
	for _, card := range []string{"motion", "location"} {
		h.click(tagged(card + "-switch"))
		h.wait(find(having(card, "data-state", "insecure")) + " && " + find(tagged(card+"-trouble")+" a") + "?.href === " + js(link))
	}

	h.fits()

	places, motions := listenTo(t, s, "device/BBB/location"), listenTo(t, s, telemetry.MotionTopic("BBB"))
	h.only(secure)
	h.click(tagged("location-trouble") + " a")
	h.wait("location.protocol === 'https:' && isSecureContext && " + find(tagged("start")))
	h.connected()
	h.waitText(tagged("device-id"), "BBB")
	h.moveTo(42.5, 1.5)
	h.tilt(0, 45, 0)
	h.click(tagged("start"))
	receive(t, "motion", motions)
	receive(t, "location", places)
	h.waitText(tagged("position"), "φ:42.5000, λ:1.5000")
	h.waitText(tagged("own-pitch"), "pitch: 45°")
}

// only says to which host the page may speak from now on.
func (p *page) only(host string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.hosts = map[string]bool{host: true}
}

// rename gives the device another ID.
func (h *handset) rename(id string) {
	h.t.Helper()
	h.click(tagged("device-open"))
	h.wait(find(tagged("sheet")) + ".open")
	eval[bool](h.page, find(tagged("sheet-id"))+".select() ?? true")
	h.enter(id)
	h.click(tagged("sheet-save"))
	h.waitText(tagged("device-id"), id)
	h.connected()
	h.id = id
}
