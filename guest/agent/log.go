package main

import (
	"fmt"
	"os"
)

// logf writes one line to the console.
func logf(format string, args ...any) {
	fmt.Fprintf(os.Stdout, "tardigrade-agent: "+format+"\n", args...)
}

// fatal ends the machine: a guest whose agent cannot serve is of no use, and the host sees the VMM exit.
func fatal(err error) {
	logf("fatal: %v", err)
	if os.Getpid() == 1 {
		restart()
	}
	os.Exit(1)
}
