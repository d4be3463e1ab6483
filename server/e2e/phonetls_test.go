package e2e

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"math/big"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"testing"
	"time"

	"mwm/server"
)

// tlsFiles are a certificate for this machine's other name, which the browser
// believes.
type tlsFiles struct {
	cert, key string
	pin       string // the hash of its key, as Chromium wants it
}

var certificate tlsFiles

func makeCertificate(dir string) (tlsFiles, error) {
	f := tlsFiles{cert: filepath.Join(dir, "cert.pem"), key: filepath.Join(dir, "key.pem")}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return f, err
	}
	now := time.Now()
	template := &x509.Certificate{
		SerialNumber: big.NewInt(now.UnixNano()), Subject: pkix.Name{CommonName: elsewhere}, DNSNames: []string{elsewhere},
		NotBefore: now.Add(-time.Hour), NotAfter: now.Add(24 * time.Hour), KeyUsage: x509.KeyUsageDigitalSignature,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		return f, err
	}
	private, err1 := x509.MarshalPKCS8PrivateKey(key)
	public, err2 := x509.MarshalPKIXPublicKey(key.Public())
	hash := sha256.Sum256(public)
	f.pin = base64.StdEncoding.EncodeToString(hash[:])
	return f, errors.Join(err1, err2,
		os.WriteFile(f.cert, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), 0o600),
		os.WriteFile(f.key, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: private}), 0o600))
}

// A phone that comes over HTTP from elsewhere gets no sensors: the page says so, and
// leads to the same device over HTTPS, where it gets them.
func TestPhoneOverTLS(t *testing.T) {
	s := serve(t, server.Config{HTTPS: "0.0.0.0:0", AllowAnonymous: true, TLSCert: certificate.cert, TLSKey: certificate.key}, server.Options{})
	_, plainPort, err1 := net.SplitHostPort(s.at.HTTP)
	_, securePort, err2 := net.SplitHostPort(s.at.HTTPS)
	if err := errors.Join(err1, err2); err != nil {
		t.Fatal(err)
	}
	plain, secure := net.JoinHostPort(elsewhere, plainPort), net.JoinHostPort(elsewhere, securePort)
	h := handsetOf(t, s, sensors...)
	h.hosts = map[string]bool{plain: true}
	h.navigate("http://" + plain + "/phone#id=AAA")
	h.connected() // texts and alerts come all the same
	h.waitText("#start-title", "This address gets no sensors")
	if len(eval[[]string](h.page, `fetch('api/v1/status').then((r) => r.json()).then(({ phone }) => phone.urls)`)) == 0 {
		t.Skip("this machine has no address but its own")
	}
	h.wait(find(tagged("open-secure")))
	link, want := eval[string](h.page, find(tagged("open-secure"))+".href"), "https://"+secure+"/phone#id=AAA"
	if link != want {
		t.Fatalf("the link leads to %s, not %s", link, want)
	}
	for _, card := range []string{"location", "motion"} { // each says so for itself
		h.click(tagged(card + "-sensor"))
		h.wait(find(having(card, "data-state", "insecure")))
		h.wait(find(tagged(card+"-trouble")+" a") + "?.href === " + js(want))
	}

	h.mu.Lock()
	h.hosts = map[string]bool{secure: true} // from here on all of it, the connections, too, comes over TLS
	h.mu.Unlock()
	h.click(tagged("location-trouble") + " a")
	h.wait("location.protocol === 'https:' && isSecureContext")
	h.connected()
	h.id = h.text(tagged("device-id"))
	if u, err := url.Parse(eval[string](h.page, "location.href")); h.id != "AAA" || err != nil || u.Host != secure {
		t.Errorf("the link led %q to %s", h.id, u)
	}
	h.settled()
	h.moveTo(42.5, 1.5)
	h.tilt(0, 45, 0)
	h.click(tagged("start"))
	eventually(t, "the fleet knows the phone in both protocols", func() bool {
		d := s.device("AAA")
		return d != nil && d.Location != nil && d.Motion != nil && d.Online.STOMP && d.Online.MQTT
	})
}
