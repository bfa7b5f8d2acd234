package main

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"syscall"
)

// openFilesMax is the agent's own limit (two per proxied connection) and the hard limit of what it starts.
const openFilesMax = 524288

type mountPoint struct {
	source, target, kind string
	flags                uintptr
	data                 string
}

var guestMounts = []mountPoint{
	{"sysfs", "/sys", "sysfs", syscall.MS_NOSUID | syscall.MS_NODEV | syscall.MS_NOEXEC, ""},
	{"devpts", "/dev/pts", "devpts", syscall.MS_NOSUID | syscall.MS_NOEXEC, "ptmxmode=0666,mode=0620,gid=5"},
	{"tmpfs", "/dev/shm", "tmpfs", syscall.MS_NOSUID | syscall.MS_NODEV, "mode=1777"},
	{"tmpfs", "/run", "tmpfs", syscall.MS_NOSUID | syscall.MS_NODEV, "mode=0755"},
	{"tmpfs", "/tmp", "tmpfs", syscall.MS_NOSUID | syscall.MS_NODEV, "mode=1777"},
}

// boot turns the bare initramfs into a machine with devices and a network. In probe mode it does not return.
func boot() error {
	syscall.Umask(0o022)
	if err := (mountPoint{"proc", "/proc", "proc", syscall.MS_NOSUID | syscall.MS_NODEV | syscall.MS_NOEXEC, ""}).mount(); err != nil {
		return err
	}
	devices := mountPoint{"devtmpfs", "/dev", "devtmpfs", syscall.MS_NOSUID, "mode=0755"}
	if err := devices.mount(); err != nil && !errors.Is(err, syscall.EBUSY) { // the kernel may have done it
		return err
	}
	if err := openConsole(); err != nil {
		return err
	}
	cmdline, err := os.ReadFile("/proc/cmdline")
	if err != nil {
		return err
	}
	if hasWord(string(cmdline), "tardigrade.mode=probe") {
		fmt.Println("tardigrade-probe: ok")
		restart()
	}
	for _, m := range guestMounts {
		if err := m.mount(); err != nil {
			return err
		}
	}
	limit := syscall.Rlimit{Cur: openFilesMax, Max: openFilesMax}
	if err := syscall.Setrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil {
		logf("cannot raise the open file limit to %d: %v", openFilesMax, err)
	}
	loadModules("/modules", "order")
	return setUpNetwork()
}

func (m mountPoint) mount() error {
	if err := os.MkdirAll(m.target, 0o755); err != nil {
		return err
	}
	if err := syscall.Mount(m.source, m.target, m.kind, m.flags, m.data); err != nil {
		return fmt.Errorf("cannot mount %s on %s: %w", m.kind, m.target, err)
	}
	return nil
}

// openConsole makes the console standard input, output and error, whatever the initramfs came with.
func openConsole() error {
	fd, err := syscall.Open("/dev/console", syscall.O_RDWR|syscall.O_NOCTTY, 0)
	if err != nil {
		return fmt.Errorf("cannot open /dev/console: %w", err)
	}
	for std := 0; std <= 2; std++ {
		if fd != std {
			if err := syscall.Dup3(fd, std, 0); err != nil {
				return fmt.Errorf("cannot make the console descriptor %d: %w", std, err)
			}
		}
	}
	if fd > 2 {
		return syscall.Close(fd)
	}
	return nil
}

// restart ends the machine: the VMM runs with -no-reboot, so a reset makes it exit.
func restart() {
	syscall.Sync()
	err := syscall.Reboot(syscall.LINUX_REBOOT_CMD_RESTART)
	logf("cannot restart: %v", err)
	os.Exit(1)
}

func hasWord(text, word string) bool {
	for _, field := range strings.Fields(text) {
		if field == word {
			return true
		}
	}
	return false
}
