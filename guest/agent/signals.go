package main

import (
	"strconv"
	"strings"
	"syscall"
)

var signalNumbers = map[string]syscall.Signal{
	"HUP": syscall.SIGHUP, "INT": syscall.SIGINT, "QUIT": syscall.SIGQUIT, "ILL": syscall.SIGILL, "TRAP": syscall.SIGTRAP,
	"ABRT": syscall.SIGABRT, "BUS": syscall.SIGBUS, "FPE": syscall.SIGFPE, "KILL": syscall.SIGKILL, "USR1": syscall.SIGUSR1,
	"SEGV": syscall.SIGSEGV, "USR2": syscall.SIGUSR2, "PIPE": syscall.SIGPIPE, "ALRM": syscall.SIGALRM, "TERM": syscall.SIGTERM,
	"CONT": syscall.SIGCONT, "STOP": syscall.SIGSTOP, "TSTP": syscall.SIGTSTP, "TTIN": syscall.SIGTTIN, "TTOU": syscall.SIGTTOU,
	"XCPU": syscall.SIGXCPU, "XFSZ": syscall.SIGXFSZ, "VTALRM": syscall.SIGVTALRM, "PROF": syscall.SIGPROF,
	"WINCH": syscall.SIGWINCH, "IO": syscall.SIGIO, "PWR": syscall.SIGPWR, "SYS": syscall.SIGSYS,
}

const (
	realTimeMin = 34 // glibc's SIGRTMIN
	realTimeMax = 64
)

// parseSignal takes what STOPSIGNAL takes: "SIGTERM", "TERM", "15", "SIGRTMIN+3"; empty is SIGTERM.
func parseSignal(text string) (syscall.Signal, error) {
	name := strings.TrimPrefix(strings.ToUpper(text), "SIG")
	if name == "" {
		return syscall.SIGTERM, nil
	}
	if number, known := signalNumbers[name]; known {
		return number, nil
	}
	base := 0
	switch {
	case strings.HasPrefix(name, "RTMIN"):
		base, name = realTimeMin, strings.TrimPrefix(name, "RTMIN")
	case strings.HasPrefix(name, "RTMAX"):
		base, name = realTimeMax, strings.TrimPrefix(name, "RTMAX")
	}
	offset, err := strconv.Atoi(name)
	if base != 0 && name == "" {
		offset, err = 0, nil
	}
	if number := base + offset; err == nil && number >= 1 && number <= realTimeMax {
		return syscall.Signal(number), nil
	}
	return 0, fail(codeBadRequest, "stop signal %q is not known", limitBytes(text, 64))
}
