package main

import (
	"fmt"
	"os"
	"syscall"
)

const containerRoot = "/run/container"

// enterContainerRoot mounts the device and makes it the root of this process, which has a mount namespace of
// its own. All further paths are resolved inside, so that a link in the image leads nowhere else.
func enterContainerRoot(device string, allCapabilities bool) error {
	if err := syscall.Mount("", "/", "", syscall.MS_REC|syscall.MS_PRIVATE, ""); err != nil {
		return fmt.Errorf("cannot make mounts private: %w", err)
	}
	if err := mountRoot(device, containerRoot); err != nil {
		return err
	}
	// pivot_root(2) cannot leave an initramfs; moving the mount over "/" is what switch_root(8) does.
	if err := syscall.Chdir(containerRoot); err != nil {
		return err
	}
	if err := syscall.Mount(".", "/", "", syscall.MS_MOVE, ""); err != nil {
		return fmt.Errorf("cannot make %s the root: %w", device, err)
	}
	if err := changeRoot("."); err != nil {
		return fmt.Errorf("cannot enter the root on %s: %w", device, err)
	}
	for _, m := range containerMounts(allCapabilities) {
		if err := m.mount(); err != nil {
			return fmt.Errorf("container: %w", err)
		}
	}
	if err := fillDev(); err != nil {
		return fmt.Errorf("container: %w", err)
	}
	if !allCapabilities {
		if err := protectProc(); err != nil {
			return fmt.Errorf("container: %w", err)
		}
	}
	return writeNetworkFiles()
}

// mountRoot mounts an ext4 device; a folder stands in for one in tests.
func mountRoot(device, target string) error {
	info, err := os.Stat(device)
	if err != nil {
		return fail(codeStartFailed, "root device %q: %v", device, err)
	}
	root := mountPoint{device, target, "ext4", syscall.MS_RELATIME, ""}
	if info.IsDir() {
		root.flags = syscall.MS_BIND
	}
	if err := root.mount(); err != nil {
		return fail(codeStartFailed, "root device %q: %v", device, err)
	}
	return nil
}

func containerMounts(allCapabilities bool) []mountPoint {
	const noPrograms = syscall.MS_NOSUID | syscall.MS_NODEV | syscall.MS_NOEXEC
	sys := mountPoint{"sysfs", "/sys", "sysfs", noPrograms | syscall.MS_RDONLY, ""}
	if allCapabilities {
		sys.flags &^= syscall.MS_RDONLY
	}
	return []mountPoint{
		{"proc", "/proc", "proc", noPrograms, ""},
		sys,
		{"tmpfs", "/dev", "tmpfs", syscall.MS_NOSUID | syscall.MS_STRICTATIME, "mode=0755,size=65536k"},
		{"devpts", "/dev/pts", "devpts", syscall.MS_NOSUID | syscall.MS_NOEXEC, "newinstance,ptmxmode=0666,mode=0620,gid=5"},
		{"shm", "/dev/shm", "tmpfs", noPrograms, "mode=1777"}, // half of the memory. Unknown: guest-shm
		{"mqueue", "/dev/mqueue", "mqueue", noPrograms, ""},
	}
}

// fillDev makes the devices and links every Linux program may expect.
func fillDev() error {
	devices := []struct {
		name         string
		major, minor int
	}{{"null", 1, 3}, {"zero", 1, 5}, {"full", 1, 7}, {"random", 1, 8}, {"urandom", 1, 9}, {"tty", 5, 0}}
	for _, d := range devices {
		path := "/dev/" + d.name
		if err := syscall.Mknod(path, syscall.S_IFCHR|0o666, d.major<<8|d.minor); err != nil {
			return fmt.Errorf("cannot make %s: %w", path, err)
		}
		if err := os.Chmod(path, 0o666); err != nil { // past the umask
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

// protectProc makes read-only the parts of /proc through which root could change the kernel without the
// capability for it, as container runtimes do. Unknown: guest-proc-ro
func protectProc() error {
	for _, path := range []string{"/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger"} {
		if _, err := os.Stat(path); os.IsNotExist(err) {
			continue
		}
		if err := syscall.Mount(path, path, "", syscall.MS_BIND|syscall.MS_REC, ""); err != nil {
			return fmt.Errorf("cannot protect %s: %w", path, err)
		}
		const flags = syscall.MS_BIND | syscall.MS_REMOUNT | syscall.MS_RDONLY | syscall.MS_NOSUID | syscall.MS_NODEV | syscall.MS_NOEXEC
		if err := syscall.Mount(path, path, "", flags, ""); err != nil {
			return fmt.Errorf("cannot protect %s: %w", path, err)
		}
	}
	return nil
}
