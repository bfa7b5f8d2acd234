package main

import (
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func send(t *testing.T, conn net.Conn, kind byte, payload string) {
	t.Helper()
	frame := make([]byte, frameHeader, frameHeader+len(payload))
	frame[0] = kind
	binary.BigEndian.PutUint32(frame[1:], uint32(len(payload)))
	if _, err := conn.Write(append(frame, payload...)); err != nil {
		t.Fatal(err)
	}
}

// terminal is the host's side of a terminal session.
type terminal struct {
	t      *testing.T
	reader io.Reader
	conn   net.Conn
	screen string
}

func openShell(t *testing.T, address string, request map[string]any) *terminal {
	t.Helper()
	answer, reader, conn := call(t, address, request)
	if answer["ok"] != true {
		t.Fatalf("%v: %v", request, answer)
	}
	return &terminal{t: t, reader: reader, conn: conn}
}

// shows reads until the text has come, and forgets what came up to it.
func (s *terminal) shows(text string) {
	s.t.Helper()
	for !strings.Contains(s.screen, text) {
		kind, payload, err := readFrame(s.reader)
		if err != nil || kind != frameStdout {
			s.t.Fatalf("waiting for %q: frame %d %q %v after %q", text, kind, payload, err, s.screen)
		}
		s.screen += string(payload)
	}
	_, s.screen, _ = strings.Cut(s.screen, text)
}

func TestShellOnATerminal(t *testing.T) {
	if !ownProcess(t, 0) {
		return
	}
	t.Setenv("HOME", t.TempDir())
	_, address := serveAgent(t)
	shell := openShell(t, address, map[string]any{"op": "shell", "env": map[string]string{"TERM": "dumb", "X": "given"}})
	shell.shows(shellPrompt)
	send(t, shell.conn, frameStdin, "echo size=$(stty size) term=$TERM x=$X pc=$PROMPT_COMMAND.\n")
	shell.shows("size=0 0 term=xterm x=given pc=.")
	shell.shows(shellPrompt)
	for _, bad := range []string{`{"cols":-1,"rows":2}`, `{"cols":70000,"rows":2}`, `nonsense`, `[]`} {
		send(t, shell.conn, frameResize, bad)
	}
	send(t, shell.conn, frameResize, `{"cols":120,"rows":40}`)
	send(t, shell.conn, frameStdin, "stty size; tty\n")
	shell.shows("40 120\r\n/dev/pts/")
	shell.shows(shellPrompt)
	// Ctrl-C reaches the program in the foreground.
	send(t, shell.conn, frameStdin, "sh -c 'echo star''ted; exec sleep 1000'\n")
	shell.shows("started")
	send(t, shell.conn, frameStdin, "\x03")
	shell.shows(shellPrompt)
	send(t, shell.conn, frameStdin, "echo ended=$?\n")
	shell.shows("ended=130")
	shell.shows(shellPrompt)
	send(t, shell.conn, frameStdin, "exit 7\n")
	_, _, code := frames(t, shell.reader)
	if code != "7" {
		t.Errorf("exit code %s", code)
	}
}

func TestShellFallsBackToSh(t *testing.T) {
	if !ownProcess(t, 0) {
		return
	}
	_, address := serveAgent(t)
	folder := t.TempDir()
	for _, name := range []string{"sh", "stty"} {
		if err := os.Symlink("/bin/"+name, filepath.Join(folder, name)); err != nil {
			t.Fatal(err)
		}
	}
	shell := openShell(t, address, map[string]any{"op": "shell", "env": map[string]string{"PATH": folder}, "cols": 100, "rows": 30})
	shell.shows(shellPrompt)
	send(t, shell.conn, frameStdin, "stty size; echo bash=$BASH_VERSION.\n")
	shell.shows("30 100\r\n")
	shell.shows("bash=.\r\n")
	send(t, shell.conn, frameStdin, "") // the end of input, as Ctrl-D
	if _, _, code := frames(t, shell.reader); code != "0" {
		t.Errorf("exit code %s", code)
	}
}

func TestTerminalHangsUpWhenTheHostLeaves(t *testing.T) {
	if !ownProcess(t, 0) {
		return
	}
	_, address := serveAgent(t)
	mark := filepath.Join(t.TempDir(), "hangup")
	script := fmt.Sprintf("trap 'echo HUP >%s; exit' HUP; echo re''ady; while :; do sleep 0.01; done", mark)
	session := openShell(t, address, map[string]any{"op": "exec", "tty": true, "args": []string{"sh", "-c", script}})
	session.shows("ready")
	session.conn.Close()
	for limit := time.Now().Add(20 * time.Second); ; time.Sleep(time.Millisecond) {
		if text, err := os.ReadFile(mark); err == nil && string(text) == "HUP\n" {
			return
		}
		if time.Now().After(limit) {
			t.Fatal("the program on the terminal got no SIGHUP")
		}
	}
}

func TestSignalsReachTheGroup(t *testing.T) {
	if !ownProcess(t, 0) {
		return
	}
	_, address := serveAgent(t)
	_, reader, conn := call(t, address, map[string]any{"op": "exec", "args": []string{"sh", "-c", "trap 'exit 9' INT; echo ready; while :; do sleep 0.01; done"}})
	if _, payload, err := readFrame(reader); err != nil || string(payload) != "ready\n" {
		t.Fatalf("%q %v", payload, err)
	}
	for _, bad := range []string{"", "NONE", strings.Repeat("9", 100)} {
		send(t, conn, frameSignal, bad)
	}
	send(t, conn, frameSignal, "INT")
	if _, _, code := frames(t, reader); code != "9" {
		t.Errorf("exit code %s", code)
	}
}

// A reader slower than the grace after the process's end must still get all of its output.
func TestOutputSurvivesASlowReader(t *testing.T) {
	if !ownProcess(t, 0) {
		return
	}
	_, address := serveAgent(t)
	const size = 16 << 20 // more than the connection's buffers take
	_, reader, _ := call(t, address, map[string]any{"op": "exec", "args": []string{"sh", "-c", fmt.Sprintf("(exec sleep 1000) & head -c %d /dev/zero", size)}})
	time.Sleep(outputGrace + outputGrace/2)
	stdout, _, code := frames(t, reader)
	if len(stdout) != size || code != "0" {
		t.Errorf("%d bytes of %d, code %s", len(stdout), size, code)
	}
}

func TestTerminalInContainer(t *testing.T) {
	if !ownNamespace(t) {
		return
	}
	_, address := serveAgent(t)
	if answer, _, _ := call(t, address, startRequest(containerFolder(t), "", "default", "term")); answer["ok"] != true {
		t.Fatalf("start: %v", answer)
	}
	for user, uid := range map[string]int{"": 0, "app": 1001} {
		answer, reader, _ := call(t, address, map[string]any{"op": "exec", "tty": true, "user": user, "args": []string{"probe", "probe", "facts"}})
		if answer["ok"] != true {
			t.Fatalf("exec: %v", answer)
		}
		stdout, stderr, code := frames(t, reader)
		var sheet factSheet
		if err := json.Unmarshal([]byte(stdout), &sheet); err != nil || code != "0" || stderr != "" {
			t.Fatalf("exec: code %s, %q: %v", code, stdout, err)
		}
		if !strings.HasPrefix(sheet.Stdin, "/dev/pts/") || sheet.UID != uid || !sheet.StdoutReopens || sheet.Status["CapBnd"] != "00000000a80425fb" {
			t.Errorf("user %q: terminal %q, uid %d, /dev/stdout opens %v, CapBnd %s", user, sheet.Stdin, sheet.UID, sheet.StdoutReopens, sheet.Status["CapBnd"])
		}
	}
	// The container has neither bash nor sh.
	if answer, _, _ := call(t, address, map[string]any{"op": "shell"}); answer["code"] != codeStartFailed || !strings.Contains(fmt.Sprint(answer["message"]), `"sh" not found`) {
		t.Errorf("shell: %v", answer)
	}
}
