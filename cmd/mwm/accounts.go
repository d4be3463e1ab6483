package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"
	"text/tabwriter"

	"golang.org/x/term"

	"mwm/devicesim/terminal"
	"mwm/server/auth"
)

// UserCmd is `mwm user`.
type UserCmd struct {
	Add    UserAddCmd    `cmd:"" help:"Add an operator or viewer. The password is asked for, or read from standard input."`
	Passwd UserPasswdCmd `cmd:"" help:"Change a user's password."`
	Rm     AccountRmCmd  `cmd:"" help:"Remove users; their connections and sessions end."`
	List   UserListCmd   `cmd:"" help:"List the users."`
}

// DeviceCmd is `mwm device`.
type DeviceCmd struct {
	Add  DeviceAddCmd  `cmd:"" help:"Add devices. Each gets a password, which is shown this once."`
	Rm   AccountRmCmd  `cmd:"" help:"Remove devices; their connections end."`
	List DeviceListCmd `cmd:"" help:"List the devices."`
}

// accountsFile is where the accounts are.
type accountsFile struct {
	Accounts string `env:"MWM_ACCOUNTS" required:"" placeholder:"FILE" help:"The file of accounts. A server that uses it notices the change by itself."`
}

// UserAddCmd adds a user.
type UserAddCmd struct {
	accountsFile
	Role string `enum:"operator,viewer" default:"operator" help:"operator or viewer. Default: ${default}"`
	Name string `arg:"" help:"The user's name."`
}

// Run adds the user.
func (c *UserAddCmd) Run(ctx context.Context) error { return c.add(ctx, newPrompt()) }

func (c *UserAddCmd) add(ctx context.Context, ask prompt) error {
	role, err := auth.ParseRole(c.Role)
	if err != nil {
		return err
	}
	if err := auth.CheckName(role, c.Name); err != nil {
		return err
	}
	if err := c.free(c.Name); err != nil {
		return err
	}
	hash, err := ask.hash(ctx)
	if err != nil {
		return err
	}
	return auth.EditAccounts(c.Accounts, func(a *auth.Accounts) error {
		if err := unused(a, c.Name); err != nil {
			return err
		}
		return a.Set(auth.Account{Role: role, Name: c.Name, Hash: hash})
	})
}

// free reports whether the name is in use, before somebody thinks of a password for it.
func (f accountsFile) free(name string) error {
	a, err := auth.ReadAccounts(f.Accounts)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	return unused(a, name)
}

func unused(a *auth.Accounts, name string) error {
	if old, ok := a.Get(name); ok {
		return fmt.Errorf("there is an account %q already: a %s", name, old.Role)
	}
	return nil
}

// UserPasswdCmd changes a password.
type UserPasswdCmd struct {
	accountsFile
	Name string `arg:"" help:"The user's name."`
}

// Run changes the password.
func (c *UserPasswdCmd) Run(ctx context.Context) error { return c.change(ctx, newPrompt()) }

func (c *UserPasswdCmd) change(ctx context.Context, ask prompt) error {
	a, err := auth.ReadAccounts(c.Accounts)
	if err != nil {
		return err
	}
	if _, err := person(a, c.Name); err != nil {
		return err
	}
	hash, err := ask.hash(ctx)
	if err != nil {
		return err
	}
	return auth.EditAccounts(c.Accounts, func(a *auth.Accounts) error {
		account, err := person(a, c.Name)
		if err != nil {
			return err
		}
		account.Hash = hash
		return a.Set(account)
	})
}

func person(a *auth.Accounts, name string) (auth.Account, error) {
	account, ok := a.Get(name)
	switch {
	case !ok:
		return account, fmt.Errorf("there is no account %q", name)
	case account.Role == auth.Device:
		return account, fmt.Errorf("%q is a device; remove it and add it again to give it another password", name)
	}
	return account, nil
}

// AccountRmCmd removes accounts.
type AccountRmCmd struct {
	accountsFile
	Names []string `arg:"" name:"name" help:"Which ones."`
}

// Run removes all of them, or none.
func (c *AccountRmCmd) Run() error {
	if _, err := auth.ReadAccounts(c.Accounts); err != nil { // nothing to make a file for
		return err
	}
	return auth.EditAccounts(c.Accounts, func(a *auth.Accounts) error {
		for _, name := range c.Names {
			if !a.Remove(name) {
				return fmt.Errorf("there is no account %q", name)
			}
		}
		return nil
	})
}

// UserListCmd lists the users.
type UserListCmd struct{ accountsFile }

// Run lists them.
func (c *UserListCmd) Run() error {
	return c.list(os.Stdout, func(r auth.Role) bool { return r != auth.Device })
}

// DeviceListCmd lists the devices.
type DeviceListCmd struct{ accountsFile }

// Run lists them.
func (c *DeviceListCmd) Run() error {
	return c.list(os.Stdout, func(r auth.Role) bool { return r == auth.Device })
}

func (f accountsFile) list(out io.Writer, of func(auth.Role) bool) error {
	accounts, err := auth.ReadAccounts(f.Accounts)
	if err != nil {
		return err
	}
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	for _, a := range accounts.All() {
		if !of(a.Role) {
			continue
		}
		fmt.Fprintf(w, "%s\t%s\t%s", a.Role, terminal.Clean(a.Name), a.Kind())
		for _, r := range a.More {
			fmt.Fprintf(w, "\t%s", terminal.Clean(r.Grant()))
		}
		fmt.Fprintln(w)
	}
	return w.Flush()
}

// DeviceAddCmd adds devices.
type DeviceAddCmd struct {
	accountsFile
	NoPassword bool     `help:"The devices come with a token or a certificate alone."`
	Stdin      bool     `help:"Read the password of the one device from standard input, instead of making one up."`
	IDs        []string `arg:"" name:"id" help:"The devices' IDs."`
}

// Run adds all of them, or none.
func (c *DeviceAddCmd) Run(ctx context.Context) error {
	return c.add(ctx, newPrompt(), os.Stdout, os.Stderr)
}

// add writes the devices and their passwords to out, a line each, and what a person should know to hints.
func (c *DeviceAddCmd) add(ctx context.Context, ask prompt, out, hints io.Writer) error {
	accounts, passwords := make([]auth.Account, len(c.IDs)), make([]auth.Secret, len(c.IDs))
	for i, id := range c.IDs {
		if err := auth.CheckName(auth.Device, id); err != nil {
			return err
		}
		accounts[i] = auth.Account{Role: auth.Device, Name: id, Hash: auth.NoPassword}
	}
	switch {
	case c.NoPassword && c.Stdin, c.Stdin && len(c.IDs) > 1:
		return errors.New("--stdin gives one device its password, and excludes --no-password")
	case c.Stdin:
		hash, err := ask.hash(ctx)
		if err != nil {
			return err
		}
		accounts[0].Hash = hash
	case !c.NoPassword:
		for i := range accounts {
			passwords[i], accounts[i].Hash = auth.MakePassword()
		}
	}
	err := auth.EditAccounts(c.Accounts, func(a *auth.Accounts) error {
		for _, x := range accounts {
			if err := unused(a, x.Name); err != nil {
				return err
			}
			if err := a.Set(x); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil || c.NoPassword || c.Stdin {
		return err
	}
	for i, x := range accounts {
		if _, err := fmt.Fprintf(out, "%s %s\n", terminal.Clean(x.Name), passwords[i].Reveal()); err != nil {
			return err
		}
	}
	_, err = fmt.Fprintln(hints, "Note the passwords: they are not kept anywhere, and not shown again.")
	return err
}

// prompt is where passwords come from: a person who types one twice, unseen, or the first line of standard input.
type prompt struct {
	in       io.Reader
	hints    io.Writer
	terminal int // descriptor; -1 if it is none
}

func newPrompt() prompt {
	p := prompt{os.Stdin, os.Stderr, -1}
	if fd := int(os.Stdin.Fd()); term.IsTerminal(fd) {
		p.terminal = fd
	}
	return p
}

// hash asks for a password and returns its hash.
func (p prompt) hash(ctx context.Context) (string, error) {
	password, err := p.password(ctx)
	if err != nil {
		return "", err
	}
	return auth.HashPassword(password)
}

func (p prompt) password(ctx context.Context) (auth.Secret, error) {
	if p.terminal < 0 {
		line, err := bufio.NewReader(io.LimitReader(p.in, 4096)).ReadString('\n')
		if err != nil && !errors.Is(err, io.EOF) {
			return "", err
		}
		return auth.Secret(strings.TrimRight(line, "\r\n")), nil
	}
	first, err := p.typed(ctx, "Password: ")
	if err != nil {
		return "", err
	}
	again, err := p.typed(ctx, "Once more: ")
	if err == nil && again != first {
		err = errors.New("the two are not the same")
	}
	return first, err
}

// typed has a password typed. An interrupt must not leave the terminal mute.
func (p prompt) typed(ctx context.Context, label string) (auth.Secret, error) {
	state, err := term.GetState(p.terminal)
	if err != nil {
		return "", err
	}
	stop := context.AfterFunc(ctx, func() {
		_ = term.Restore(p.terminal, state)
		fmt.Fprintln(p.hints)
		os.Exit(130)
	})
	defer stop()
	fmt.Fprint(p.hints, label)
	text, err := term.ReadPassword(p.terminal)
	fmt.Fprintln(p.hints)
	return auth.Secret(text), err
}
