package auth

import (
	"bytes"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"unicode"
)

// What may stand in a file of accounts in place of a hash.
const (
	// NoPassword is an account that comes with a token or a certificate alone.
	NoPassword = "-"
	// Blocked is an account that cannot come at all, not even with those.
	Blocked = "!"
)

// Account is one line of the file.
type Account struct {
	Role Role
	Name string
	Hash string // of the password; or NoPassword, or Blocked
	More []Rule // permissions beyond those of the role
}

// Kind says in words what an account's password is.
func (a *Account) Kind() string {
	switch a.Hash {
	case NoPassword:
		return "no password"
	case Blocked:
		return "blocked"
	}
	if h, err := parseHash(a.Hash); err == nil && !h.isSlow() {
		return "made-up password"
	}
	return "password"
}

// maxAccounts and maxGrants bound what a file can make the server hold.
const (
	maxAccounts = 1_000_000
	maxGrants   = 100
)

// Accounts is the contents of a file of accounts. Each line is one account:
//
//	operator alice       $argon2id$v=19$m=19456,t=2,p=1$…$…
//	viewer   bob         $argon2id$…
//	device   BBB         $argon2id$…    # the red one
//	device   CCC         -              publish:/topic/depot.{id}.door
//	device   "left <b>"  !
//
// role, name, hash of the password and, if any, permissions beyond the role's
// (see [ParseGrant]), separated by blanks. In place of the hash "-" means that
// there is no password and "!" that the account is blocked. What has a blank, a
// double quote, a backslash or a "#" in it is quoted as a Go string. A field that
// begins with "#" begins a comment. Comments, blank lines and the order of lines
// are kept when accounts change.
type Accounts struct {
	lines  []accountLine
	byName map[string]int // of lines
}

type accountLine struct {
	text    string // as it is, without its end
	comment string // after the account, with the "#"
	account *Account
}

// ParseAccounts reads a file. Errors name the line.
func ParseAccounts(data []byte) (*Accounts, error) {
	a := &Accounts{byName: map[string]int{}}
	n := 0
	for raw := range bytes.Lines(data) {
		n++
		text := strings.TrimRight(string(raw), "\r\n")
		account, comment, err := parseLine(text)
		if err != nil {
			return nil, fmt.Errorf("line %d: %w", n, err)
		}
		if account != nil {
			if at, twice := a.byName[account.Name]; twice {
				return nil, fmt.Errorf("line %d: there is an account %q already, in line %d", n, account.Name, at+1)
			}
			if len(a.byName) >= maxAccounts {
				return nil, fmt.Errorf("line %d: more than %d accounts", n, maxAccounts)
			}
			a.byName[account.Name] = len(a.lines)
		}
		a.lines = append(a.lines, accountLine{text, comment, account})
	}
	return a, nil
}

// parseLine returns the account of a line, nil if there is none.
func parseLine(text string) (account *Account, comment string, err error) {
	fields, comment, err := splitFields(text)
	if err != nil || len(fields) == 0 {
		return nil, comment, err
	}
	if len(fields) < 3 {
		return nil, "", errors.New("an account has at least a role, a name and the hash of a password (\"-\": none, \"!\": blocked)")
	}
	account = &Account{Name: fields[1], Hash: fields[2]}
	if account.Role, err = ParseRole(fields[0]); err != nil {
		return nil, "", err
	}
	for _, f := range fields[3:] {
		r, err := ParseGrant(f)
		if err != nil {
			return nil, "", err
		}
		account.More = append(account.More, r)
	}
	return account, comment, account.check()
}

// check reports why an account cannot be.
func (a *Account) check() error {
	if err := CheckName(a.Role, a.Name); err != nil {
		return err
	}
	if a.Hash != NoPassword && a.Hash != Blocked {
		if _, err := parseHash(a.Hash); err != nil {
			return err
		}
	}
	if len(a.More) > maxGrants {
		return fmt.Errorf("%d permissions, at most %d are allowed", len(a.More), maxGrants)
	}
	for _, r := range a.More {
		if err := r.check(); err != nil {
			return err
		}
		if strings.Contains(r.Address, identity) && CheckName(Device, a.Name) != nil {
			return fmt.Errorf("%s stands for the name %q, which cannot be one level of an address", identity, a.Name)
		}
	}
	return nil
}

// splitFields takes a line apart.
func splitFields(s string) (fields []string, comment string, err error) {
	for {
		s = strings.TrimLeft(s, " \t")
		switch {
		case s == "":
			return fields, "", nil
		case s[0] == '#':
			return fields, s, nil
		case s[0] == '"':
			quoted, err := strconv.QuotedPrefix(s)
			if err != nil {
				return nil, "", errors.New("a quoted field does not end, or has an escape that Go strings have not")
			}
			s = s[len(quoted):]
			if s != "" && s[0] != ' ' && s[0] != '\t' {
				return nil, "", errors.New("a blank is missing after a quoted field")
			}
			f, _ := strconv.Unquote(quoted) // QuotedPrefix has checked it
			fields = append(fields, f)
		default:
			end := strings.IndexAny(s, " \t")
			if end < 0 {
				end = len(s)
			}
			fields = append(fields, s[:end])
			s = s[end:]
		}
	}
}

// quoteField writes what splitFields reads.
func quoteField(s string) string {
	plain := s != "" && !strings.ContainsFunc(s, func(c rune) bool {
		return unicode.IsSpace(c) || !unicode.IsPrint(c) || c == '"' || c == '\\' || c == '#'
	})
	if plain {
		return s
	}
	return strconv.Quote(s)
}

func (a *Account) line(comment string) string {
	fields := []string{fmt.Sprintf("%-8s", a.Role), quoteField(a.Name), a.Hash}
	for _, r := range a.More {
		fields = append(fields, quoteField(r.Grant()))
	}
	if comment != "" {
		fields = append(fields, comment)
	}
	return strings.Join(fields, " ")
}

// Len is the number of accounts.
func (a *Accounts) Len() int { return len(a.byName) }

// Get returns the account of that name.
func (a *Accounts) Get(name string) (Account, bool) {
	i, ok := a.byName[name]
	if !ok {
		return Account{}, false
	}
	return *a.lines[i].account, true
}

// All returns the accounts in the order of the file.
func (a *Accounts) All() []Account {
	all := make([]Account, 0, len(a.byName))
	for _, l := range a.lines {
		if l.account != nil {
			all = append(all, *l.account)
		}
	}
	return all
}

// Set adds an account, or changes the one of that name in its place.
func (a *Accounts) Set(account Account) error {
	if err := account.check(); err != nil {
		return err
	}
	if i, ok := a.byName[account.Name]; ok {
		l := &a.lines[i]
		l.account, l.text = &account, account.line(l.comment)
		return nil
	}
	a.byName[account.Name] = len(a.lines)
	a.lines = append(a.lines, accountLine{account.line(""), "", &account})
	return nil
}

// Remove takes an account out, with the comment on its line, and reports
// whether it was there.
func (a *Accounts) Remove(name string) bool {
	i, ok := a.byName[name]
	if !ok {
		return false
	}
	a.lines = append(a.lines[:i], a.lines[i+1:]...)
	delete(a.byName, name)
	for n, at := range a.byName {
		if at > i {
			a.byName[n] = at - 1
		}
	}
	return true
}

// Bytes returns the file.
func (a *Accounts) Bytes() []byte {
	var b bytes.Buffer
	for _, l := range a.lines {
		b.WriteString(l.text)
		b.WriteByte('\n')
	}
	return b.Bytes()
}
