package main

import (
	"encoding/binary"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"syscall"
	"testing"
)

func TestMachineIDIsRenewedWhereThereIsOne(t *testing.T) {
	if !ownNamespace(t) {
		return
	}
	root := t.TempDir()
	outside := filepath.Join(t.TempDir(), "outside")
	const old = "0123456789abcdef0123456789abcdef\n"
	for _, folder := range []string{"etc", "var/lib/dbus"} {
		if err := os.MkdirAll(filepath.Join(root, folder), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(outside, []byte(old), 0o644); err != nil {
		t.Fatal(err)
	}
	etc, dbus := filepath.Join(root, "etc/machine-id"), filepath.Join(root, "var/lib/dbus/machine-id")
	// A thread in that root stands in for the container's init.
	entered, over := make(chan int), make(chan bool)
	defer close(over)
	go onOwnThread(func() error {
		if err := changeRoot(root); err != nil {
			t.Error(err)
		}
		entered <- syscall.Gettid()
		<-over
		return nil
	})
	thread := <-entered
	renew := func() {
		t.Helper()
		if err := renewMachineID(thread); err != nil {
			t.Fatal(err)
		}
	}
	read := func(path string) string {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		return string(text)
	}

	renew() // none is made
	if _, err := os.Lstat(etc); !os.IsNotExist(err) {
		t.Errorf("made: %v", err)
	}
	for _, kept := range []string{"", "uninitialized\n", "0123456789abcdef\n"} {
		if err := os.WriteFile(etc, []byte(kept), 0o444); err != nil {
			t.Fatal(err)
		}
		if renew(); read(etc) != kept {
			t.Errorf("%q became %q", kept, read(etc))
		}
		os.Remove(etc)
	}
	if err := os.WriteFile(etc, []byte(old), 0o444); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("/etc/machine-id", dbus); err != nil {
		t.Fatal(err)
	}
	renew()
	if got := read(etc); got == old || !regexp.MustCompile(`^[0-9a-f]{12}4[0-9a-f]{3}[89ab][0-9a-f]{15}\n$`).MatchString(got) {
		t.Errorf("%q became %q", old, got)
	}
	os.Remove(dbus)
	if err := os.WriteFile(dbus, []byte(old), 0o644); err != nil {
		t.Fatal(err)
	}
	if renew(); read(dbus) != read(etc) {
		t.Errorf("two ids: %q and %q", read(etc), read(dbus))
	}
	// A link leads nowhere, nor does a pipe hold anything up.
	os.Remove(etc)
	if err := os.Symlink(outside, etc); err != nil {
		t.Fatal(err)
	}
	if renew(); read(outside) != old {
		t.Error("a link was followed")
	}
	os.Remove(etc)
	if err := syscall.Mkfifo(etc, 0o644); err != nil {
		t.Fatal(err)
	}
	renew()
}

func TestBootIDIsWrittenInPlace(t *testing.T) {
	path := filepath.Join(t.TempDir(), "id")
	id, err := newBootID(path)
	if err != nil {
		t.Fatal(err)
	}
	first, _ := os.ReadFile(path)
	reader, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer reader.Close()
	if err := id.renew(); err != nil {
		t.Fatal(err)
	}
	second := make([]byte, 64)
	n, _ := reader.ReadAt(second, 0)
	shape := regexp.MustCompile(`^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}\n$`)
	if !shape.Match(first) || !shape.Match(second[:n]) || string(first) == string(second[:n]) {
		t.Errorf("%q, then %q", first, second[:n])
	}
}

func TestMACs(t *testing.T) {
	if mac, err := parseMAC("02:54:44:47:00:ff"); err != nil || mac.String() != "02:54:44:47:00:ff" {
		t.Errorf("%v %v", mac, err)
	}
	for _, bad := range []string{"x", "02:54", "01:00:00:00:00:01", "ff:ff:ff:ff:ff:ff", "02:00:00:00:00:00:00:01"} {
		if mac, err := parseMAC(bad); err == nil {
			t.Errorf("%s is taken as %s", bad, mac)
		}
	}
}

func TestWhichConnectionsAreReset(t *testing.T) {
	message := func(family uint8, local, remote string, localPort uint16) []byte {
		data := make([]byte, 72)
		data[0] = family
		binary.BigEndian.PutUint16(data[4:], localPort)
		binary.BigEndian.PutUint16(data[6:], 443)
		for at, text := range map[int]string{8: local, 24: remote} {
			ip := net.ParseIP(text)
			if family == syscall.AF_INET {
				ip = ip.To4()
			}
			copy(data[at:], ip)
		}
		return data
	}
	for _, c := range []struct {
		family        uint8
		local, remote string
		port          uint16
		own           bool
	}{
		{syscall.AF_INET, guestIP, "203.0.113.9", 40000, false},
		{syscall.AF_INET, guestIP, "203.0.113.9", 1024, false},
		{syscall.AF_INET, guestIP, gatewayIP, 40000, false},
		{syscall.AF_INET, guestIP, gatewayIP, 1024, true}, // the host's to the agent
		{syscall.AF_INET, guestIP, guestIP, 40000, true},
		{syscall.AF_INET, "127.0.0.1", "127.0.0.1", 8080, true},
		{syscall.AF_INET6, "::1", "::1", 8080, true},
		{syscall.AF_INET6, "::ffff:127.0.0.1", "::ffff:127.0.0.1", 8080, true},
		{syscall.AF_INET6, "::ffff:172.31.255.2", "::ffff:203.0.113.9", 8080, false},
	} {
		got, ok := parseConnection(message(c.family, c.local, c.remote, c.port))
		if !ok || got.own() != c.own || got.remotePort != 443 || !got.remote.Equal(net.ParseIP(c.remote)) {
			t.Errorf("%+v: %+v, own %v", c, got, got.own())
		}
	}
	if _, ok := parseConnection(make([]byte, 20)); ok {
		t.Error("a short message is taken")
	}
}
