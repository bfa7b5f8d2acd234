package main

import (
	"fmt"
	"os"
	"path/filepath"
	"syscall"
)

// device is a node of /dev.
type device struct {
	path         string
	mode         uint32 // type and permissions
	major, minor uint32
}

// defaultDevices are what every Linux program may expect.
var defaultDevices = []device{
	{"/dev/null", syscall.S_IFCHR | 0o666, 1, 3},
	{"/dev/zero", syscall.S_IFCHR | 0o666, 1, 5},
	{"/dev/full", syscall.S_IFCHR | 0o666, 1, 7},
	{"/dev/random", syscall.S_IFCHR | 0o666, 1, 8},
	{"/dev/urandom", syscall.S_IFCHR | 0o666, 1, 9},
	{"/dev/tty", syscall.S_IFCHR | 0o666, 5, 0},
}

// fillDev makes the devices and the usual links in the current root.
func fillDev(devices []device) error {
	for _, d := range devices {
		if err := os.MkdirAll(filepath.Dir(d.path), 0o755); err != nil {
			return err
		}
		if err := syscall.Mknod(d.path, d.mode, deviceNumber(d.major, d.minor)); err != nil {
			return fmt.Errorf("cannot make %s: %w", d.path, err)
		}
		if err := syscall.Chmod(d.path, d.mode&0o7777); err != nil { // past the umask
			return err
		}
	}
	links := [][2]string{
		{"/proc/self/fd", "/dev/fd"}, {"/proc/self/fd/0", "/dev/stdin"}, {"/proc/self/fd/1", "/dev/stdout"},
		{"/proc/self/fd/2", "/dev/stderr"}, {"pts/ptmx", "/dev/ptmx"},
	}
	for _, link := range links {
		if err := os.Symlink(link[0], link[1]); err != nil {
			return err
		}
	}
	return nil
}

// machineDevices are all nodes of the machine but those a container has its own of: terminals and the defaults.
func machineDevices() ([]device, error) {
	own := map[string]bool{"/dev/ptmx": true, "/dev/pts": true, "/dev/shm": true, "/dev/mqueue": true}
	for _, d := range defaultDevices {
		own[d.path] = true
	}
	var found []device
	err := filepath.Walk("/dev", func(path string, info os.FileInfo, err error) error {
		if err != nil {
			return err
		}
		if own[path] {
			if info.IsDir() {
				return filepath.SkipDir
			}
			return nil
		}
		node, ok := info.Sys().(*syscall.Stat_t)
		if kind := info.Mode() & os.ModeDevice; ok && kind != 0 {
			major, minor := deviceParts(uint64(node.Rdev))
			found = append(found, device{path, uint32(node.Mode), major, minor})
		}
		return nil
	})
	return found, err
}

// deviceNumber and deviceParts are makedev(3), major(3) and minor(3).
func deviceNumber(major, minor uint32) int {
	return int(uint64(major&0xfff)<<8 | uint64(major&^0xfff)<<32 | uint64(minor&0xff) | uint64(minor&^0xff)<<12)
}

func deviceParts(number uint64) (major, minor uint32) {
	return uint32(number>>8&0xfff | number>>32&^0xfff), uint32(number&0xff | number>>12&^0xff)
}
