package proctest

import "syscall"

// attributes let the system kill the program when the thread that started it ends.
// Threads of tests end with the process: a goroutine that keeps one for itself,
// which would take it along, starts no programs.
func attributes() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
}
