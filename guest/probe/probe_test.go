package main

import (
	"encoding/json"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

const secret = "a-secret-of-the-test"

// startNeighbour runs the real neighbour in this process, where nothing keeps it apart: every attempt must find it.
func startNeighbour(t *testing.T) (traits, func() traits) {
	t.Helper()
	in, feed, err := os.Pipe()
	must(t, err)
	out, tell, err := os.Pipe()
	must(t, err)
	done := make(chan error, 1)
	go func() { done <- neighbour(in, tell) }()
	must(t, json.NewEncoder(feed).Encode(orders{secret}))
	answers := json.NewDecoder(out)
	var is traits
	must(t, answers.Decode(&is))
	return is, func() traits {
		var last traits
		must(t, feed.Close())
		must(t, answers.Decode(&last))
		must(t, <-done)
		return last
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func TestNoticesAReachableNeighbour(t *testing.T) {
	is, end := startNeighbour(t)
	is.Addresses = []string{"127.0.0.1"}
	aim := &targets{Secret: secret, Neighbour: is, AppPort: is.Port}
	for name, run := range map[string]func(*targets) (string, bool, error){"tcp": reachNeighbour, "udp": reachNeighbourByUDP, "file": readNeighbourFile} {
		seen, crossed, err := run(aim)
		if err != nil || !crossed || strings.Contains(seen, secret) {
			t.Errorf("%s: %q, crossed %v, %v", name, seen, crossed, err)
		}
	}
	if seen, crossed, _ := differs(aim); !crossed || !strings.Contains(seen, "boot id") {
		t.Errorf("the same machine looks like another: %q", seen)
	}
	if last := end(); !last.Touched {
		t.Error("the neighbour did not notice who came")
	}
	if _, err := os.Stat(is.File); err == nil {
		t.Error("the neighbour left its file")
	}
}

func TestAnUntouchedNeighbourSaysSo(t *testing.T) {
	_, end := startNeighbour(t)
	if last := end(); last.Touched {
		t.Error("nobody came")
	}
}

func TestTellsOpenPortsFromClosed(t *testing.T) {
	listener, err := net.Listen("tcp4", "127.0.0.1:0")
	must(t, err)
	defer listener.Close()
	at := listener.Addr().String()
	if found := connected([]string{"127.0.0.1:9", at}); len(found) != 1 || found[0] != at {
		t.Errorf("connected to %v", found)
	}
	if _, crossed, _ := closed([]string{at}, &targets{}); !crossed {
		t.Error("an open port is a crossing")
	}
	if _, crossed, _ := closed([]string{at}, &targets{NotTheirPort: []string{at}}); crossed {
		t.Error("a service for guests is none")
	}
	if _, crossed, _ := seesOpenPort(&targets{AppPort: 9}); !crossed {
		t.Error("a probe that sees nothing must say so")
	}
}

func TestTellsOfEachAttempt(t *testing.T) {
	real := attempts
	defer func() { attempts = real }()
	attempts = []attempt{
		{"devices", "not opened", openDevices},
		{"crosses", "closed", func(*targets) (string, bool, error) { return "open", true, nil }},
		{"holds", "closed", func(*targets) (string, bool, error) { return "closed", false, nil }},
		{"breaks", "closed", func(*targets) (string, bool, error) { return "", false, os.ErrInvalid }},
	}
	out, tell, err := os.Pipe()
	must(t, err)
	must(t, try(strings.NewReader(`{"secret":"s","ownsMachine":true}`), tell))
	must(t, tell.Close())
	decoder := json.NewDecoder(out)
	for _, wanted := range []string{"not-checked", "failed", "held", "failed"} {
		var one outcome
		must(t, decoder.Decode(&one))
		if one.Outcome != wanted {
			t.Errorf("%+v, not %s", one, wanted)
		}
	}
}

func TestReadsAnswersFromFrames(t *testing.T) {
	own, other := net.IPv4(172, 31, 255, 2), net.IPv4(172, 31, 255, 1)
	packet := question(own, other)
	if checksum(packet[:20]) != 0 {
		t.Error("the header's checksum is wrong")
	}
	answer := question(other, own)
	copy(answer[22:24], answer[20:22]) // to the question's port
	frame := append(append(make([]byte, 12), 8, 0), answer...)
	if address := isFor(frame); address != own.String() {
		t.Errorf("an answer is for %q", address)
	}
	asked := append(append(make([]byte, 12), 8, 6), 0, 1, 8, 0, 6, 4, 0, 1)
	asked = append(asked, make([]byte, 16)...)
	asked = append(asked, own.To4()...)
	if address := isFor(asked); address != own.String() {
		t.Errorf("a question by ARP is for %q", address)
	}
	if isFor(frame[:20]) != "" {
		t.Error("a short frame is nobody's")
	}
}

func TestFindsTheMainProcess(t *testing.T) {
	proc := t.TempDir()
	for pid, line := range map[string]string{"1": "1 (init) S 0 1", "9": "9 (late child) S 1 1", "7": "7 (app) of) S 1 1", "8": "8 (grandchild) S 7 1", "3": "3 (probe) S 0 1"} {
		must(t, os.Mkdir(filepath.Join(proc, pid), 0o755))
		must(t, os.WriteFile(filepath.Join(proc, pid, "stat"), []byte(line), 0o644))
	}
	if pid, err := mainProcess(proc); pid != 7 || err != nil {
		t.Errorf("%d, %v", pid, err)
	}
	if _, err := mainProcess(t.TempDir()); err == nil {
		t.Error("no process is no application")
	}
}
