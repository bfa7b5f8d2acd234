package main

import (
	"fmt"
	"os"
	"syscall"
)

// Kernel paths that container runtimes keep from root without the capability for what they do. Unknown: guest-proc-ro
var (
	hiddenPaths = []string{
		"/proc/acpi", "/proc/asound", "/proc/interrupts", "/proc/kcore", "/proc/keys", "/proc/latency_stats", "/proc/sched_debug",
		"/proc/scsi", "/proc/timer_list", "/proc/timer_stats", "/sys/devices/virtual/powercap", "/sys/firmware",
	}
	readOnlyPaths = []string{"/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger"}
)

const noPrograms = syscall.MS_NOSUID | syscall.MS_NODEV | syscall.MS_NOEXEC

// protectKernelPaths covers them in the current root; those this kernel does not have are passed over.
func protectKernelPaths() error {
	for _, path := range readOnlyPaths {
		if err := bindReadOnly(path, path); err != nil {
			return fmt.Errorf("cannot protect %s: %w", path, err)
		}
	}
	for _, path := range hiddenPaths {
		if err := hide(path); err != nil {
			return fmt.Errorf("cannot hide %s: %w", path, err)
		}
	}
	return nil
}

// bindReadOnly shows source at target, read-only. A target that does not exist is no error.
func bindReadOnly(source, target string) error {
	if _, err := os.Stat(target); os.IsNotExist(err) {
		return nil
	}
	if err := syscall.Mount(source, target, "", syscall.MS_BIND|syscall.MS_REC, ""); err != nil {
		return err
	}
	return syscall.Mount("", target, "", syscall.MS_BIND|syscall.MS_REMOUNT|syscall.MS_RDONLY|noPrograms, "")
}

// hide puts an empty read-only folder over a folder, and the null device over a file.
func hide(path string) error {
	info, err := os.Stat(path)
	if os.IsNotExist(err) {
		return nil
	}
	if err != nil {
		return err
	}
	if info.IsDir() {
		return syscall.Mount("tmpfs", path, "tmpfs", syscall.MS_RDONLY|noPrograms, "size=0")
	}
	return syscall.Mount("/dev/null", path, "", syscall.MS_BIND, "")
}
