package main

import (
	"os"
	"strings"
	"syscall"
	"testing"
)

func TestIdsAreTakenOnce(t *testing.T) {
	locks := t.TempDir()
	ids := Ids{First: 300000, Count: 4, Locks: locks}
	seen := map[int]bool{}
	for i := 0; i < 3; i++ {
		id, err := takeId(ids)
		if err != nil {
			t.Fatal(err)
		}
		if id <= 300000 || id > 300003 || seen[id] {
			t.Errorf("id %d after %v", id, seen)
		}
		seen[id] = true
	}
	if id, err := takeId(ids); err == nil {
		t.Errorf("id %d, though all are taken", id)
	} else if !strings.Contains(err.Error(), "all 3 user ids") {
		t.Error(err)
	}
}

func TestIdsOfTheEndedAreFree(t *testing.T) {
	locks := t.TempDir()
	// As an ended keeper leaves it: a file, and no lock.
	if err := os.WriteFile(locks+"/300001", nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if id, err := takeId(Ids{First: 300000, Count: 2, Locks: locks}); err != nil || id != 300001 {
		t.Errorf("id %d, %v", id, err)
	}
}

func TestRootAndEmptyRangesAreRefused(t *testing.T) {
	for _, ids := range []Ids{{First: 0, Count: 10}, {First: 5, Count: 1}, {First: -1, Count: 9}} {
		ids.Locks = t.TempDir()
		if id, err := takeId(ids); err == nil {
			t.Errorf("%+v gives %d", ids, id)
		}
	}
}

func TestPathsOfTheVmmItself(t *testing.T) {
	for path, want := range map[string]bool{
		"/vmm/bin/x": true, "/lib/x": true, "/lib64": true, "/dev/kvm": true, "/proc/1/mem": true,
		"/var/lib/x": false, "/tmp/x": false, "/library/x": false, "/vmms/x": false, "/": false,
	} {
		if got := reserved(path); got != want {
			t.Errorf("%s: %v", path, got)
		}
	}
}

func TestBadSpecificationsAreRefused(t *testing.T) {
	for _, text := range []string{"", "{", `{"tree":1}`, `[]`} {
		if _, err := readSpec(strings.NewReader(text)); err == nil {
			t.Errorf("%q is taken", text)
		}
	}
}

func TestNothingIsOpenedThroughALink(t *testing.T) {
	dir := t.TempDir()
	if err := os.Symlink("/etc/passwd", dir+"/link"); err != nil {
		t.Fatal(err)
	}
	for _, d := range []Descriptor{{Read: dir + "/link"}, {Write: dir + "/link"}} {
		if _, err := d.open(); err == nil {
			t.Errorf("%+v", d)
		}
	}
	if _, err := (Ram{Path: dir + "/link"}).open(); err == nil {
		t.Error("RAM")
	}
	spec := &Spec{Uid: os.Getuid(), Ids: Ids{First: os.Getgid()}}
	if err := grant(File{Path: dir + "/link"}, spec); err == nil {
		t.Error("file")
	}
	if err := grant(File{Path: dir}, spec); err == nil {
		t.Error("folder")
	}
}

func TestAnExitIsRepeated(t *testing.T) {
	if os.Getenv("END_AS") != "" {
		pid, err := syscall.ForkExec("/bin/sh", []string{"sh", "-c", os.Getenv("END_AS")}, &syscall.ProcAttr{Files: []uintptr{0, 1, 2}})
		if err != nil {
			t.Fatal(err)
		}
		endAs(wait(pid))
	}
	for script, want := range map[string]syscall.WaitStatus{
		"exit 0": 0, "exit 3": 3 << 8, "kill -9 $$": 9, "kill -11 $$": 11, "kill -31 $$": 31, "kill -6 $$": 6,
	} {
		pid, err := syscall.ForkExec(os.Args[0], []string{os.Args[0], "-test.run=TestAnExitIsRepeated"}, &syscall.ProcAttr{Files: []uintptr{0, 1, 2}, Env: append(os.Environ(), "END_AS="+script, "PATH=/usr/bin:/bin")})
		if err != nil {
			t.Fatal(err)
		}
		if got := wait(pid); got&^0x80 != want { // 0x80: a dump was made
			t.Errorf("%s: %#x", script, got)
		}
	}
}
