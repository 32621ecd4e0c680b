//go:build unix

package main

import "syscall"

// apart puts a child into a process group of its own: Ctrl-C in a terminal goes
// to the parent alone, which stops its children in order.
func apart() *syscall.SysProcAttr { return &syscall.SysProcAttr{Setpgid: true} }
