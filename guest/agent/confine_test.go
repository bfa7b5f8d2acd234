package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"sort"
	"strings"
	"syscall"
	"testing"
)

// allowedWithAll is all that is tried with all capabilities: the rest could touch the machine the test runs on.
var allowedWithAll = []string{"mount", "chroot", "mknod"}

// attempts is what a process tries that a default container forbids, and the errno each ended with; only those named,
// if any are.
func attempts(names []string) map[string]string {
	tries := map[string]func() error{
		"mount":        func() error { return syscall.Mount("tmpfs", "/srv", "tmpfs", 0, "") },
		"umount":       func() error { return syscall.Unmount("/proc/kcore", 0) },
		"unshare":      func() error { return syscall.Unshare(syscall.CLONE_NEWUSER) },
		"sethostname":  func() error { return syscall.Sethostname([]byte("other")) },
		"reboot":       func() error { return syscall.Reboot(syscall.LINUX_REBOOT_CMD_CAD_OFF) },
		"socket vsock": func() error { return socketOf(familyVSOCK) },
		"socket alg":   func() error { return socketOf(familyALG) },
		"write sys":    func() error { return os.WriteFile("/sys/fs/cgroup/cgroup.procs", []byte("0"), 0) },
		"write proc":   func() error { return os.WriteFile("/proc/sys/kernel/domainname", []byte("x"), 0) },
		"chroot":       func() error { return syscall.Chroot("/") },
		"mknod":        func() error { return syscall.Mknod("/node", syscall.S_IFBLK|0o600, deviceNumber(7, 0)) },
		"socket raw":   func() error { return rawSocket() },
	}
	for name, number := range attemptedCalls {
		number := number
		tries[name] = func() error {
			if _, _, errno := syscall.Syscall(number, 0, 0, 0); errno != 0 {
				return errno
			}
			return nil
		}
	}
	if names != nil {
		some := map[string]func() error{}
		for _, name := range names {
			some[name] = tries[name]
		}
		tries = some
	}
	got := map[string]string{}
	for name, try := range tries {
		got[name] = "done"
		if err := try(); err != nil {
			got[name] = lastError(err)
		}
	}
	for _, path := range hiddenPaths {
		if _, err := os.Stat(path); err == nil {
			text, err := os.ReadFile(path)
			entries, _ := os.ReadDir(path)
			got["read "+path] = fmt.Sprintf("%d bytes, %d entries", len(text), len(entries))
			_ = err // reading a folder fails, and its entries count
		}
	}
	os.Remove("/node")
	return got
}

// lastError is the system's own name of an error, without paths.
func lastError(err error) string {
	for {
		wrapper, ok := err.(interface{ Unwrap() error })
		if !ok {
			return err.Error()
		}
		err = wrapper.Unwrap()
	}
}

func socketOf(family int) error {
	fd, err := syscall.Socket(family, syscall.SOCK_STREAM, 0)
	if err == nil {
		syscall.Close(fd)
	}
	return err
}

func rawSocket() error {
	fd, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_RAW, syscall.IPPROTO_ICMP)
	if err == nil {
		syscall.Close(fd)
	}
	return err
}

var wantedRefusals = map[string]string{
	"mount": "operation not permitted", "umount": "operation not permitted", "unshare": "operation not permitted",
	"sethostname": "operation not permitted", "reboot": "operation not permitted",
	"socket vsock": "operation not permitted", "socket alg": "operation not permitted",
	"write sys": "read-only file system", "write proc": "read-only file system",
	"clone3": "function not implemented", "newest": "function not implemented",
	"bpf": "operation not permitted", "keyctl": "operation not permitted", "userfaultfd": "operation not permitted",
	"io_uring_setup": "operation not permitted", "kexec_load": "operation not permitted", "init_module": "operation not permitted",
	"perf_event_open": "operation not permitted", "open_by_handle_at": "operation not permitted",
	// What Docker leaves.
	"chroot": "done", "mknod": "done", "socket raw": "done",
}

func checkAttempts(t *testing.T, who, text string) {
	t.Helper()
	var got map[string]string
	if err := json.Unmarshal([]byte(text), &got); err != nil {
		t.Fatalf("%s: %q: %v", who, text, err)
	}
	for name, want := range wantedRefusals {
		if got[name] != want {
			t.Errorf("%s: %s: %q, not %q", who, name, got[name], want)
		}
	}
	var read []string
	for name, result := range got {
		if strings.HasPrefix(name, "read ") {
			read = append(read, name)
			if result != "0 bytes, 0 entries" {
				t.Errorf("%s: %s: %s", who, name, result)
			}
		}
	}
	if sort.Strings(read); len(read) == 0 {
		t.Errorf("%s: this kernel has none of %v", who, hiddenPaths)
	}
}

// firstLine starts the probe as the application of a container, and gives the first line it prints.
func firstLine(t *testing.T, capabilities, command string) (address, text string) {
	t.Helper()
	_, address = serveAgent(t)
	if answer, _, _ := call(t, address, startRequest(containerFolder(t), "", capabilities, command, "wait")); answer["ok"] != true {
		t.Fatalf("start: %v", answer)
	}
	_, events, _ := call(t, address, map[string]any{"op": "events", "after": 0})
	var line struct{ Text string }
	if err := json.NewDecoder(events).Decode(&line); err != nil {
		t.Fatal(err)
	}
	return address, line.Text
}

// The application, and what runs beside it, are refused the same.
func TestDefaultContainerIsConfined(t *testing.T) {
	if !ownNamespace(t) {
		return
	}
	address, text := firstLine(t, "default", "attempts")
	checkAttempts(t, "application", text)
	for _, tty := range []bool{false, true} {
		_, reader, _ := call(t, address, map[string]any{"op": "exec", "tty": tty, "args": []string{"probe", "probe", "attempts"}})
		stdout, _, _ := frames(t, reader)
		checkAttempts(t, fmt.Sprintf("exec, terminal %v", tty), stdout)
	}
}

func TestAllContainerIsNot(t *testing.T) {
	if !ownNamespace(t) {
		return
	}
	_, text := firstLine(t, "all", "allowed-attempts")
	var got map[string]string
	if err := json.Unmarshal([]byte(text), &got); err != nil {
		t.Fatal(err)
	}
	for _, name := range allowedWithAll {
		if got[name] != "done" {
			t.Errorf("%s: %s", name, got[name])
		}
	}
}

// The device group opens the listed devices only, for a thread and what it forks.
func TestDeviceGroup(t *testing.T) {
	const hierarchy = "/sys/fs/cgroup/devices"
	if _, err := os.Stat(filepath.Join(hierarchy, "tasks")); err != nil || os.Getuid() != 0 {
		t.Skip("needs root and the devices hierarchy")
	}
	name := fmt.Sprintf("tardigrade-test-%d", os.Getpid())
	group, err := newDeviceGroup(hierarchy, name)
	if err != nil {
		t.Skip(err) // a host whose groups this process may not change
	}
	// The threads that joined end with onOwnThread, soon after it.
	defer func() {
		for os.Remove(filepath.Join(hierarchy, name)) != nil {
			runtime.Gosched()
		}
	}()
	folder := t.TempDir()
	for _, c := range []struct {
		name  string
		kind  uint32
		major uint32
		minor uint32
		opens bool
	}{{"null", syscall.S_IFCHR, 1, 3, true}, {"mem", syscall.S_IFCHR, 1, 1, false}, {"kmsg", syscall.S_IFCHR, 1, 11, false}, {"loop", syscall.S_IFBLK, 7, 0, false}} {
		var made, opened error
		onOwnThread(func() error {
			if made = group.join(); made != nil {
				return nil
			}
			path := filepath.Join(folder, c.name)
			if made = syscall.Mknod(path, c.kind|0o600, deviceNumber(c.major, c.minor)); made != nil {
				return nil
			}
			fd, err := syscall.Open(path, syscall.O_RDONLY|syscall.O_CLOEXEC, 0)
			if err == nil {
				syscall.Close(fd)
			}
			opened = err
			return nil
		})
		if made != nil || c.opens && opened != nil || !c.opens && opened != syscall.EPERM {
			t.Errorf("%s: made %v, opened %v", c.name, made, opened)
		}
	}
}
