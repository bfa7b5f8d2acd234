package main

import (
	"fmt"
	"os"
	"syscall"
)

const containerRoot = "/run/container"

// enterContainerRoot mounts the device and makes it the root of this process, which has a mount namespace of
// its own. All further paths are resolved inside, so that a link in the image leads nowhere else.
func enterContainerRoot(config *initConfig) error {
	allCapabilities := config.Launch.Capabilities == "all"
	devices := defaultDevices
	if allCapabilities {
		others, err := machineDevices()
		if err != nil {
			return fmt.Errorf("cannot list the machine's devices: %w", err)
		}
		devices = append(append([]device{}, devices...), others...)
	}
	var bootID *os.File
	if config.BootID != "" {
		var err error
		if bootID, err = os.Open(config.BootID); err != nil {
			return err
		}
		defer bootID.Close()
	}
	if err := syscall.Mount("", "/", "", syscall.MS_REC|syscall.MS_PRIVATE, ""); err != nil {
		return fmt.Errorf("cannot make mounts private: %w", err)
	}
	if err := mountRoot(config.RootDevice, containerRoot); err != nil {
		return err
	}
	// pivot_root(2) cannot leave an initramfs; moving the mount over "/" is what switch_root(8) does.
	if err := syscall.Chdir(containerRoot); err != nil {
		return err
	}
	if err := syscall.Mount(".", "/", "", syscall.MS_MOVE, ""); err != nil {
		return fmt.Errorf("cannot make %s the root: %w", config.RootDevice, err)
	}
	if err := changeRoot("."); err != nil {
		return fmt.Errorf("cannot enter the root on %s: %w", config.RootDevice, err)
	}
	for _, m := range containerMounts(allCapabilities) {
		if err := m.mount(); err != nil {
			return fmt.Errorf("container: %w", err)
		}
	}
	if err := fillDev(devices); err != nil {
		return fmt.Errorf("container: %w", err)
	}
	if !allCapabilities {
		if err := protectKernelPaths(); err != nil {
			return fmt.Errorf("container: %w", err)
		}
	}
	if bootID != nil {
		// By the descriptor: its path is out of reach in this root.
		if err := bindReadOnly(fmt.Sprintf("/proc/self/fd/%d", bootID.Fd()), bootIDKernel); err != nil {
			return fmt.Errorf("container: boot id: %w", err)
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
	readOnly := uintptr(syscall.MS_RDONLY)
	if allCapabilities {
		readOnly = 0
	}
	return []mountPoint{
		{"proc", "/proc", "proc", noPrograms, ""},
		{"sysfs", "/sys", "sysfs", noPrograms | readOnly, ""},
		{"cgroup2", "/sys/fs/cgroup", "cgroup2", noPrograms | readOnly, ""},
		{"tmpfs", "/dev", "tmpfs", syscall.MS_NOSUID | syscall.MS_STRICTATIME, "mode=0755,size=65536k"},
		{"devpts", "/dev/pts", "devpts", syscall.MS_NOSUID | syscall.MS_NOEXEC, "newinstance,ptmxmode=0666,mode=0620,gid=5"},
		{"shm", "/dev/shm", "tmpfs", noPrograms, "mode=1777"}, // half of the memory. Unknown: guest-shm
		{"mqueue", "/dev/mqueue", "mqueue", noPrograms, ""},
	}
}
