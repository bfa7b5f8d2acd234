package main

import (
	"fmt"
	"syscall"
	"unsafe"
)

const (
	rlimitNproc      = 6
	rlimitMemlock    = 8
	rlimitSigpending = 11
	rlimitMsgqueue   = 12
	rlimitNice       = 13
	rlimitRtprio     = 14
)

// setLimits sets soft and hard limits alike; without capabilities they cannot be raised.
func setLimits(limits Limits) error {
	for _, limit := range []struct {
		resource int
		value    uint64
	}{
		// 1 byte: no dump is made that small, and, unlike 0, none is piped to a program either (core(5)).
		{syscall.RLIMIT_CORE, 1},
		{syscall.RLIMIT_NOFILE, 1024}, // disks, eventfds of virtqueues, KVM's vCPUs: tens
		{syscall.RLIMIT_FSIZE, limits.FileBytes},
		{rlimitNproc, limits.Tasks}, // of its user, who has nothing else
		{rlimitMemlock, 0},
		{rlimitMsgqueue, 0},
		{rlimitSigpending, 256},
		{rlimitNice, 0},
		{rlimitRtprio, 0},
	} {
		// Not by the package's Setrlimit, which keeps its own account of NOFILE.
		value := [2]uint64{limit.value, limit.value}
		if _, _, errno := syscall.RawSyscall6(sysPrlimit64, 0, uintptr(limit.resource), uintptr(unsafe.Pointer(&value)), 0, 0, 0); errno != 0 {
			return fmt.Errorf("resource limit %d to %d: %w", limit.resource, limit.value, errno)
		}
	}
	return nil
}

const (
	prSetPdeathsig    = 1
	prCapbsetDrop     = 24
	prSetSecurebits   = 28
	prSetNoNewPrivs   = 38
	prCapAmbient      = 47
	prCapAmbientClear = 4

	// NOROOT, NO_CAP_AMBIENT_RAISE and their locks, and KEEP_CAPS locked off: uid 0 means nothing, for good.
	secureBits = 1<<0 | 1<<1 | 1<<5 | 1<<6 | 1<<7
)

// dropPrivileges makes this thread, which is about to become the VMM, a user of its own without any capability, now or later.
func dropPrivileges(uid, group int) error {
	if err := prctl("secure bits", prSetSecurebits, secureBits, 0); err != nil {
		return err
	}
	for capability := uintptr(0); ; capability++ {
		_, _, errno := syscall.RawSyscall6(syscall.SYS_PRCTL, prCapbsetDrop, capability, 0, 0, 0, 0)
		if errno == syscall.EINVAL && capability > 0 {
			break // past the kernel's last one
		}
		if errno != 0 {
			return fmt.Errorf("dropping capability %d: %w", capability, errno)
		}
	}
	if err := prctl("ambient capabilities", prCapAmbient, prCapAmbientClear, 0); err != nil {
		return err
	}
	groups := [1]uint32{uint32(group)}
	id := uintptr(uid)
	for _, call := range []struct {
		what   string
		number uintptr
		args   [3]uintptr
	}{
		{"groups", syscall.SYS_SETGROUPS, [3]uintptr{1, uintptr(unsafe.Pointer(&groups)), 0}},
		{"group", syscall.SYS_SETRESGID, [3]uintptr{id, id, id}},
		{"user", syscall.SYS_SETRESUID, [3]uintptr{id, id, id}},
	} {
		if _, _, errno := syscall.RawSyscall(call.number, call.args[0], call.args[1], call.args[2]); errno != 0 {
			return fmt.Errorf("setting the %s: %w", call.what, errno)
		}
	}
	header := struct {
		version uint32
		pid     int32
	}{version: 0x20080522}
	var none [6]uint32 // effective, permitted, inheritable, twice
	if _, _, errno := syscall.RawSyscall(syscall.SYS_CAPSET, uintptr(unsafe.Pointer(&header)), uintptr(unsafe.Pointer(&none)), 0); errno != 0 {
		return fmt.Errorf("dropping capabilities: %w", errno)
	}
	// After the change of user, which clears it.
	if err := prctl("the parent's death signal", prSetPdeathsig, uintptr(syscall.SIGKILL), 0); err != nil {
		return err
	}
	return prctl("no new privileges", prSetNoNewPrivs, 1, 0)
}

func prctl(what string, option, first, second uintptr) error {
	if _, _, errno := syscall.RawSyscall6(syscall.SYS_PRCTL, option, first, second, 0, 0, 0); errno != 0 {
		return fmt.Errorf("%s: %w", what, errno)
	}
	return nil
}
