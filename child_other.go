//go:build !unix

package main

import "syscall"

// apart leaves a child where it is: there are no process groups here.
func apart() *syscall.SysProcAttr { return nil }
