package main

import (
	"fmt"
	"syscall"
)

// What keeps a process of the container, without all capabilities, in it: devices, system calls, capabilities. Docs:
// docs/container.md. The application's init confines itself as a process; what runs beside the application is
// forked from a thread that was confined.

// confineProcess confines the calling process, all its threads. The filter goes first: it takes a capability to
// install that the process then gives up.
func confineProcess() error {
	if err := filterSystemCalls(onAllThreads); err != nil {
		return err
	}
	if err := limitOwnCapabilities(); err != nil {
		return fmt.Errorf("cannot drop capabilities: %w", err)
	}
	return nil
}

// confineThread confines the calling thread, which is not the agent's any more. devices is nil on an ordinary host.
func confineThread(devices *deviceGroup) error {
	if devices != nil {
		if err := devices.join(); err != nil {
			return err
		}
	}
	if err := filterSystemCalls(onThisThread); err != nil {
		return err
	}
	if err := limitBounding(syscall.RawSyscall); err != nil {
		return fmt.Errorf("cannot drop capabilities: %w", err)
	}
	return nil
}
