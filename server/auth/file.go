package auth

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"mwm/server/internal/lasting"
)

// maxFile bounds a file of accounts or keys that is read.
const maxFile = 256 << 20

// ReadAccounts reads a file of accounts.
func ReadAccounts(name string) (*Accounts, error) {
	data, err := readFile(name)
	if err != nil {
		return nil, err
	}
	a, err := ParseAccounts(data)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return a, nil
}

func readFile(name string) ([]byte, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, maxFile+1))
	if err == nil && len(data) > maxFile {
		err = fmt.Errorf("%s has more than %d bytes", name, maxFile)
	}
	return data, err
}

// EditAccounts reads a file of accounts, which need not be there, lets edit
// change it, and replaces it in one step: who reads it meanwhile sees the old one
// or the new one. Nobody but the owner may read a new file; of an old one the
// owner stays, and of its permissions what does not let everybody in. Two that
// edit at the same time do so one after the other.
func EditAccounts(name string, edit func(*Accounts) error) error {
	name, mode, err := target(name)
	if err != nil {
		return err
	}
	draft, err := openDraft(name + ".new")
	if err != nil {
		return err
	}
	defer draft.Close()
	accounts, err := ReadAccounts(name)
	if errors.Is(err, fs.ErrNotExist) {
		accounts, err = ParseAccounts([]byte(newFileText))
	}
	if err == nil {
		err = edit(accounts)
	}
	if err == nil {
		err = replace(draft, name, mode, accounts.Bytes())
	}
	if err != nil {
		_ = os.Remove(draft.Name()) // the lock on it is still held
	}
	return err
}

const newFileText = `# Accounts of mwm: role, name, hash of the password, further permissions.
# mwm user and mwm device change it; a running server reads it again by itself.
`

// target follows links, so that what they point to is replaced and not they.
func target(name string) (string, fs.FileMode, error) {
	const private = 0o600
	real, err := filepath.EvalSymlinks(name)
	if errors.Is(err, fs.ErrNotExist) {
		return name, private, nil
	}
	if err != nil {
		return "", 0, err
	}
	info, err := os.Stat(real)
	if err != nil {
		return "", 0, err
	}
	if !info.Mode().IsRegular() {
		return "", 0, fmt.Errorf("%s is not a file", real)
	}
	return real, private | info.Mode()&0o040, nil
}

// openDraft opens the file that is to replace another one, and locks it.
func openDraft(name string) (*os.File, error) {
	for {
		f, err := os.OpenFile(name, os.O_RDWR|os.O_CREATE, 0o600)
		if err != nil {
			return nil, err
		}
		if err := lockFile(f); err != nil {
			f.Close()
			return nil, fmt.Errorf("cannot lock %s: %w", name, err)
		}
		mine, err1 := f.Stat()
		there, err2 := os.Stat(name)
		if err1 == nil && err2 == nil && os.SameFile(mine, there) {
			return f, nil
		}
		f.Close() // whoever held the lock has put it in place: once more
	}
}

// replace writes the draft and puts it in the place of the file.
func replace(draft *os.File, name string, mode fs.FileMode, data []byte) error {
	err := draft.Truncate(0)
	if err == nil {
		err = draft.Chmod(mode)
	}
	if err == nil {
		err = keepOwner(draft, name)
	}
	if err == nil {
		_, err = draft.WriteAt(data, 0)
	}
	if err == nil {
		err = lasting.Rename(draft.Name(), name)
	}
	return err
}
