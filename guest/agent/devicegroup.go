package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"syscall"
)

// deviceGroup is a control group whose processes may make any device node (CAP_MKNOD is a default capability) but
// open only the listed ones: the machine's disk stays closed to root in the container, as under Docker.
// It is one of version 1, since there a single thread may join. Unknown: guest-devices
type deviceGroup struct {
	tasks *os.File // takes the calling thread
	procs string   // takes the process that writes 0
}

const deviceGroups = "/run/cgroup-devices"

// deviceRules: nodes may be made; null, zero, full, random, urandom, tty, console, ptmx and terminals opened.
var deviceRules = []string{
	"c *:* m", "b *:* m",
	"c 1:3 rwm", "c 1:5 rwm", "c 1:7 rwm", "c 1:8 rwm", "c 1:9 rwm", "c 5:0 rwm", "c 5:1 rwm", "c 5:2 rwm", "c 136:* rwm",
}

// newDeviceGroup makes the group below a mount of the hierarchy, which it mounts if nothing is mounted there.
func newDeviceGroup(hierarchy, name string) (*deviceGroup, error) {
	if _, err := os.Stat(filepath.Join(hierarchy, "tasks")); err != nil {
		if err := (mountPoint{"cgroup", hierarchy, "cgroup", noPrograms, "devices"}).mount(); err != nil {
			return nil, err
		}
	}
	folder := filepath.Join(hierarchy, name)
	if err := os.Mkdir(folder, 0o755); err != nil && !errors.Is(err, os.ErrExist) {
		return nil, err
	}
	if err := os.WriteFile(filepath.Join(folder, "devices.deny"), []byte("a"), 0); err != nil {
		return nil, fmt.Errorf("cannot close devices: %w", err)
	}
	for _, rule := range deviceRules {
		if err := os.WriteFile(filepath.Join(folder, "devices.allow"), []byte(rule), 0); err != nil {
			return nil, fmt.Errorf("cannot allow device %s: %w", rule, err)
		}
	}
	tasks, err := os.OpenFile(filepath.Join(folder, "tasks"), os.O_WRONLY, 0)
	if err != nil {
		return nil, err
	}
	return &deviceGroup{tasks: tasks, procs: filepath.Join(folder, "cgroup.procs")}, nil
}

// join moves the calling thread into the group, and so what it forks.
func (g *deviceGroup) join() error {
	if _, err := syscall.Write(int(g.tasks.Fd()), []byte("0")); err != nil {
		return fmt.Errorf("cannot join the group of limited devices: %w", err)
	}
	return nil
}
