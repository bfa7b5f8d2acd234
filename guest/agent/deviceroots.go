package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"
)

const (
	deviceRootsDir = "/run/roots"
	unmountWait    = 5 * time.Second
	countOutWait   = 1 * time.Second
)

// deviceRoots holds the file systems the agent mounted as roots for exec: a builder's system, in which programs
// run with all capabilities and the machine's real /dev. Each is mounted once and stays until unmount.
type deviceRoots struct {
	mu      sync.Mutex
	mounted map[string]string // device → folder
	users   int               // processes of exec at work in any of them
	count   int               // mounts ever made; names the next folder
}

func newDeviceRoots() *deviceRoots {
	return &deviceRoots{mounted: map[string]string{}}
}

var deviceRootMounts = []mountPoint{
	{"proc", "/proc", "proc", syscall.MS_NOSUID | syscall.MS_NODEV | syscall.MS_NOEXEC, ""},
	{"sysfs", "/sys", "sysfs", syscall.MS_NOSUID | syscall.MS_NODEV | syscall.MS_NOEXEC, ""},
	{"cgroup2", "/sys/fs/cgroup", "cgroup2", syscall.MS_NOSUID | syscall.MS_NODEV | syscall.MS_NOEXEC, ""},
	{"devtmpfs", "/dev", "devtmpfs", syscall.MS_NOSUID, "mode=0755"},
	{"devpts", "/dev/pts", "devpts", syscall.MS_NOSUID | syscall.MS_NOEXEC, "ptmxmode=0666,mode=0620,gid=5"},
	{"tmpfs", "/dev/shm", "tmpfs", syscall.MS_NOSUID | syscall.MS_NODEV, "mode=1777"},
	{"tmpfs", "/run", "tmpfs", syscall.MS_NOSUID | syscall.MS_NODEV, "mode=0755"},
	{"tmpfs", "/tmp", "tmpfs", syscall.MS_NOSUID | syscall.MS_NODEV, "mode=1777"},
}

// use returns the folder of the device's root, mounted now if it was not, and what ends the use.
func (d *deviceRoots) use(device string) (root string, release func(), err error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	root, mounted := d.mounted[device]
	if !mounted {
		if root, err = d.mount(device); err != nil {
			return "", nil, err
		}
	}
	d.users++
	return root, func() {
		d.mu.Lock()
		defer d.mu.Unlock()
		d.users--
	}, nil
}

func (d *deviceRoots) mount(device string) (string, error) {
	if err := waitForPath(device, deviceWait); err != nil {
		return "", fail(codeStartFailed, "device %q: %v", device, err)
	}
	root := filepath.Join(deviceRootsDir, strconv.Itoa(d.count))
	if err := mountRoot(device, root); err != nil {
		return "", err
	}
	d.count++
	d.mounted[device] = root
	err := onOwnThread(func() error {
		if err := changeRoot(root); err != nil {
			return err
		}
		for _, m := range deviceRootMounts {
			if err := m.mount(); err != nil {
				return err
			}
		}
		return writeNetworkFiles()
	})
	if err != nil {
		if undo := unmountTree(root); undo == nil {
			delete(d.mounted, device)
		} else {
			logf("root on %s half mounted: %v", device, undo)
		}
		return "", fmt.Errorf("root on %s: %w", device, err)
	}
	return root, nil
}

// unmount leaves every file system on disk as it will be found: nothing runs on it, all is written.
func (a *agent) unmount() error {
	if c := a.app.current(); c != nil {
		select {
		case <-c.ended: // the container's mounts went with its namespace
		default:
			return fail(codeBusy, "the application runs: stop it before unmount")
		}
	}
	syscall.Sync()
	err := a.roots.unmountAll()
	syscall.Sync()
	return err
}

func (d *deviceRoots) unmountAll() error {
	// The host may ask as soon as it was told of an exit, a moment before that process is counted out.
	for end := time.Now().Add(countOutWait); d.inUse() && time.Now().Before(end); {
		time.Sleep(time.Millisecond)
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.users > 0 {
		return fail(codeBusy, "%d processes of exec are at work on mounted devices: end them before unmount", d.users)
	}
	for device, root := range d.mounted {
		if err := unmountTree(root); err != nil {
			return fmt.Errorf("cannot unmount %s: %w", device, err)
		}
		delete(d.mounted, device)
	}
	return nil
}

func (d *deviceRoots) inUse() bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.users > 0
}

// unmountTree unmounts root and all below it, newest first, after killing what was left running there.
func unmountTree(root string) error {
	end := time.Now().Add(unmountWait)
	for {
		killStrays(root)
		targets, err := mountsBelow(root)
		if err != nil || len(targets) == 0 {
			return err
		}
		var failed error
		for i := len(targets) - 1; i >= 0; i-- {
			if err := syscall.Unmount(targets[i], 0); err != nil {
				failed = fmt.Errorf("%s: %w", targets[i], err)
			}
		}
		if failed == nil {
			continue // until none is left
		}
		if !errors.Is(failed, syscall.EBUSY) || time.Now().After(end) {
			return failed
		}
		time.Sleep(20 * time.Millisecond)
	}
}

// mountsBelow lists mount points at or below root in the order they were mounted.
func mountsBelow(root string) ([]string, error) {
	text, err := os.ReadFile("/proc/self/mountinfo")
	if err != nil {
		return nil, err
	}
	var targets []string
	for _, line := range strings.Split(string(text), "\n") {
		fields := strings.Fields(line)
		if len(fields) < 5 {
			continue
		}
		if target := unescapeMount(fields[4]); target == root || strings.HasPrefix(target, root+"/") {
			targets = append(targets, target)
		}
	}
	return targets, nil
}

// unescapeMount undoes the octal escapes (\040 for a space) of /proc/self/mountinfo.
func unescapeMount(text string) string {
	var out strings.Builder
	for i := 0; i < len(text); i++ {
		if text[i] == '\\' && i+3 < len(text) {
			if code, err := strconv.ParseUint(text[i+1:i+4], 8, 8); err == nil {
				out.WriteByte(byte(code))
				i += 3
				continue
			}
		}
		out.WriteByte(text[i])
	}
	return out.String()
}

// killStrays ends processes whose root or working folder is below root. Those that end meanwhile are no error.
func killStrays(root string) {
	entries, err := os.ReadDir("/proc")
	if err != nil {
		logf("cannot look for processes below %s: %v", root, err)
		return
	}
	for _, entry := range entries {
		pid, err := strconv.Atoi(entry.Name())
		if err != nil || pid == os.Getpid() {
			continue
		}
		for _, link := range []string{"root", "cwd"} {
			target, err := os.Readlink(procFile(pid, link))
			if err == nil && (target == root || strings.HasPrefix(target, root+"/")) {
				syscall.Kill(pid, syscall.SIGKILL)
				break
			}
		}
	}
}

func procFile(pid int, name string) string {
	return "/proc/" + strconv.Itoa(pid) + "/" + name
}
