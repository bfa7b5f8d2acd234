package main

import (
	"runtime"
	"syscall"
	"unsafe"
)

// defaultCapabilities is Docker's default set: chown, dac_override, fowner, fsetid, kill, setgid, setuid,
// setpcap, net_bind_service, net_raw, sys_chroot, mknod, audit_write, setfcap.
const defaultCapabilities uint64 = 0xa80425fb

const (
	prCapBSetRead    = 23
	prCapBSetDrop    = 24
	capabilityV3     = 0x20080522
	capabilityNumber = 64
)

type systemCall func(trap, a1, a2, a3 uintptr) (uintptr, uintptr, syscall.Errno)

// limitBounding drops all but the default capabilities from the bounding set, by call: of this thread, or of
// all threads. What a root process has after execve(2) is then the bounding set.
func limitBounding(call systemCall) error {
	for number := uintptr(0); number < capabilityNumber; number++ {
		if _, _, errno := syscall.RawSyscall(syscall.SYS_PRCTL, prCapBSetRead, number, 0); errno != 0 {
			return nil // past the kernel's last capability
		}
		if defaultCapabilities&(1<<number) != 0 {
			continue
		}
		if _, _, errno := call(syscall.SYS_PRCTL, prCapBSetDrop, number, 0); errno != 0 {
			return errno
		}
	}
	return nil
}

// limitOwnCapabilities takes the same capabilities from the running process itself, all its threads.
func limitOwnCapabilities() error {
	if err := limitBounding(syscall.AllThreadsSyscall); err != nil {
		return err
	}
	header := struct {
		version uint32
		pid     int32
	}{version: capabilityV3}
	type word struct{ effective, permitted, inheritable uint32 }
	sets := [2]word{{effective: uint32(defaultCapabilities), permitted: uint32(defaultCapabilities)}}
	_, _, errno := syscall.AllThreadsSyscall(syscall.SYS_CAPSET, uintptr(unsafe.Pointer(&header)), uintptr(unsafe.Pointer(&sets)), 0)
	runtime.KeepAlive(&header)
	runtime.KeepAlive(&sets)
	if errno != 0 {
		return errno
	}
	return nil
}
