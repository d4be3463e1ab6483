package e2e

import (
	"fmt"
	"net/http"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	gostomp "github.com/go-stomp/stomp/v3"

	"mwm/server"
	"mwm/server/auth"
)

// peopleAndTruck has an operator olga, a viewer vera and the truck BBB, all with
// accountsPassword.
func peopleAndTruck(t *testing.T) (file string) {
	t.Helper()
	hash, err := auth.HashPassword(accountsPassword)
	if err != nil {
		t.Fatal(err)
	}
	file = filepath.Join(t.TempDir(), "accounts")
	err = auth.EditAccounts(file, func(a *auth.Accounts) error {
		for name, role := range map[string]auth.Role{"olga": auth.Operator, "vera": auth.Viewer, "BBB": auth.Device} {
			if err := a.Set(auth.Account{Role: role, Name: name, Hash: hash}); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return file
}

// signIn fills in the form, which is shown, and sends it.
func (p *page) signIn(user, password string) {
	p.t.Helper()
	p.wait(find(tagged("submit")) + "?.disabled === false")
	for field, text := range map[string]string{"user": user, "password": password} {
		p.wait(find(tagged(field)) + ".value = '', true")
		p.write(tagged(field), text)
	}
	p.click(tagged("submit"))
}

// signedIn waits for the dashboard of somebody.
func (p *page) signedIn(role string) {
	p.t.Helper()
	p.wait("window.mwm && document.documentElement.dataset.role === " + js(role) + " && !" + find("#sign-out") + ".hidden")
}

// withoutSession is what the browser says of requests without one. A page that has lost
// its own may ask for the feed once more before it has made room for the form.
const withoutSession = `status of 401|WebSocket connection to .* HTTP Authentication failed`

const atSignIn = "location.pathname === '/signin' && document.readyState === 'complete'"

// Signing in leads to what the address said; wrong passwords do not, and too many
// are told to wait; after signing out the page is gone, the way back too.
func TestSignIn(t *testing.T) {
	s := serve(t, server.Config{Accounts: peopleAndTruck(t)}, server.Options{})
	p := open(t, s.page()+"#view=console", withoutSession, "status of 403", "status of 429")
	p.wait(atSignIn + " && location.hash === '#view=console'")
	p.click(tagged("submit"))
	p.waitText(tagged("error"), "Fill in user name and password.")
	p.signIn("BBB", accountsPassword)
	p.waitText(tagged("error"), "This is the account of a device. People need one of their own here.")
	p.signIn("vera", "wrong password")
	p.waitText(tagged("error"), "User name or password are wrong.")
	guess(t, s, "vera", 20)
	p.signIn("vera", accountsPassword)
	p.wait(find(tagged("error")) + ".textContent.startsWith('Too many attempts. Try again in ')")
	eventually(t, "who has not been guessed at may come in again", func() bool {
		if eval[bool](p, find(tagged("submit"))+"?.disabled === false") {
			p.signIn("olga", accountsPassword)
		}
		p.wait("!" + find(tagged("submit")) + " || !" + find(tagged("submit")) + ".disabled")
		return eval[bool](p, "location.pathname === '/'")
	})
	p.signedIn("operator")
	p.wait("mwm.view === 'console'")
	if cookie := eval[string](p, "document.cookie"); cookie != "" {
		t.Errorf("scripts see the cookie %q", cookie)
	}
	p.reload()
	p.signedIn("operator")
	p.click("#sign-out")
	p.wait(atSignIn)
	p.navigate(s.page())
	p.wait(atSignIn)
}

// guess tries wrong passwords, all at once.
func guess(t *testing.T, s *testServer, user string, times int) {
	t.Helper()
	var all sync.WaitGroup
	for i := range times {
		all.Go(func() {
			res, err := http.Post(s.page()+"api/v1/session", "application/json", strings.NewReader(fmt.Sprintf(`{"user":%q,"password":"guess %d"}`, user, i)))
			if err != nil {
				t.Error(err)
				return
			}
			res.Body.Close()
		})
	}
	all.Wait()
}

// A viewer sees devices, and no form that does something with them. When its
// session is over, so is the page.
func TestViewerUntilSessionEnds(t *testing.T) {
	s := serve(t, server.Config{Accounts: peopleAndTruck(t), SessionAge: 20 * time.Second}, server.Options{})
	truck, err := gostomp.Dial("tcp", s.at.STOMP, gostomp.ConnOpt.Header("client-id", "BBB"), gostomp.ConnOpt.Login("BBB", accountsPassword), gostomp.ConnOpt.HeartBeat(0, 0))
	if err != nil {
		t.Fatal(err)
	}
	defer truck.MustDisconnect()
	if err := truck.Send("/topic/device.BBB.location", "application/json", []byte(`{"deviceID":"BBB","lat":48.8581,"lng":2.2946}`), gostomp.SendOpt.Receipt); err != nil {
		t.Fatal(err)
	}
	p := open(t, s.page(), withoutSession)
	p.wait(atSignIn)
	p.signIn("vera", accountsPassword)
	p.signedIn("viewer")
	p.choose("BBB")
	forms := all(".text-form, .alert-row")
	p.wait(forms + ".length > 0 && " + forms + ".every((e) => !e.checkVisibility())")
	p.wait(atSignIn) // by itself
}
