package doctor

import (
	"bufio"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// owner names the process that listens on a port, if the system tells. (Linux: see
// proc_net(5); the processes of others only root may look into.)
func (d *Doctor) owner(port uint16) (name string, pid int) {
	inodes := map[string]bool{}
	for _, table := range []string{"net/tcp", "net/tcp6"} {
		for _, inode := range listening(filepath.Join(d.proc, table), port) {
			inodes["socket:["+inode+"]"] = true
		}
	}
	if len(inodes) == 0 {
		return "", 0
	}
	links, err := filepath.Glob(filepath.Join(d.proc, "[0-9]*/fd/*"))
	if err != nil {
		return "", 0
	}
	for _, link := range links {
		to, err := os.Readlink(link)
		if err != nil || !inodes[to] {
			continue
		}
		process := filepath.Dir(filepath.Dir(link))
		pid, err := strconv.Atoi(filepath.Base(process))
		if err != nil {
			continue
		}
		text, err := os.ReadFile(filepath.Join(process, "comm"))
		if err != nil {
			return fmt.Sprintf("process %d", pid), pid
		}
		return fmt.Sprintf("%s, process %d", strings.TrimSpace(string(text)), pid), pid
	}
	return "", 0
}

// holder is the process that has a file locked, if the system tells; 0 if not. It is
// told of services, too, whose listeners only root may ask for. (Linux: proc_locks(5))
func (d *Doctor) holder(file string) (pid int) {
	id := lockID(file)
	if id == "" {
		return 0
	}
	text, err := os.ReadFile(filepath.Join(d.proc, "locks"))
	if err != nil {
		return 0
	}
	for line := range strings.Lines(string(text)) {
		if fields := strings.Fields(line); len(fields) > 5 && fields[5] == id {
			pid, _ = strconv.Atoi(fields[4])
			return max(pid, 0)
		}
	}
	return 0
}

// listening returns the inodes of the sockets of a table that listen on a port.
func listening(table string, port uint16) (inodes []string) {
	f, err := os.Open(table)
	if err != nil {
		return nil
	}
	defer f.Close()
	const listen = "0A"
	suffix := fmt.Sprintf(":%04X", port)
	for lines := bufio.NewScanner(f); lines.Scan(); {
		fields := strings.Fields(lines.Text())
		if len(fields) > 9 && strings.HasSuffix(fields[1], suffix) && fields[3] == listen {
			inodes = append(inodes, fields[9])
		}
	}
	return inodes
}
