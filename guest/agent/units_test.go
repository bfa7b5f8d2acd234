package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net"
	"reflect"
	"strings"
	"syscall"
	"testing"
	"time"
	"unsafe"
)

func TestKernelStructureSizes(t *testing.T) {
	sizes := map[string][2]uintptr{
		"ifreq flags": {unsafe.Sizeof(ifreqFlags{}), 40}, "ifreq addr": {unsafe.Sizeof(ifreqAddr{}), 40},
		"rtentry": {unsafe.Sizeof(rtentry{}), 120}, "arpreq": {unsafe.Sizeof(arpreq{}), 68},
		"rand_pool_info": {unsafe.Sizeof(randPoolInfo{}), 72},
	}
	for name, size := range sizes {
		if size[0] != size[1] {
			t.Errorf("%s has %d bytes, the kernel's %d", name, size[0], size[1])
		}
	}
}

func TestFlatRequestsReadAsTheDecoderReadsThem(t *testing.T) {
	flat := []string{
		`{"op":"ping"}`, ` { "op" : "dial" , "port" : 80 } `, `{"op":"wake","unixNanos":"1","entropy":"AA==","hostname":"h"}`,
		`{"op":"events","after":9}`, `{"op":"stop","graceMs":-1}`,
	}
	for _, line := range flat {
		var fast, full request
		if !fast.parseFlat([]byte(line)) {
			t.Errorf("%s is not read fast", line)
		}
		if err := json.Unmarshal([]byte(line), &full); err != nil || !reflect.DeepEqual(fast, full) {
			t.Errorf("%s: %+v, decoder: %+v %v", line, fast, full, err)
		}
	}
	others := []string{
		``, `{}`, `{`, `x`, `{"op"}`, `{"op":}`, `{"op":"a"`, `{"op":"a",}`, `{"op":"\u0061"}`, `{"op":"exec","args":["a,b"]}`,
		`{"port":1.5}`, `{"port":"80"}`, `{"port":99999999999999999999}`, `{"op":"a" "b"}`, `{"op":"a"}{`, `{"new":"member"}`,
	}
	for _, line := range others {
		var fast request
		if fast.parseFlat([]byte(line)) {
			t.Errorf("%q is read fast as %+v", line, fast)
		}
	}
}

func TestReaperGivesEachProcessItsStatusAndCollectsOrphans(t *testing.T) {
	if !ownProcess(t, 0) {
		return
	}
	r := newReaper()
	if _, _, errno := syscall.RawSyscall(syscall.SYS_PRCTL, 36 /* PR_SET_CHILD_SUBREAPER */, 1, 0); errno != 0 {
		t.Fatal(errno)
	}
	attributes := &syscall.ProcAttr{Files: []uintptr{0, 1, 2}, Sys: &syscall.SysProcAttr{Setsid: true}}
	var all []*process
	for code := 0; code < 20; code++ {
		// Each leaves an orphan behind that outlives it.
		p, err := r.start("/bin/sh", []string{"sh", "-c", fmt.Sprintf("sleep 0.05 & exit %d", code)}, attributes)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, p)
		if _, err := r.start("/nowhere", []string{"x"}, attributes); err != syscall.ENOENT {
			t.Fatalf("start of nothing: %v", err)
		}
	}
	for code, p := range all {
		<-p.done
		if got := exitCode(p.status); got != code {
			t.Errorf("process %d ended with %d", code, got)
		}
		if err := p.signalGroup(syscall.SIGKILL); err == nil {
			t.Error("a collected process was signalled")
		}
	}
	for end := time.Now().Add(20 * time.Second); ; time.Sleep(5 * time.Millisecond) {
		var info [128]byte
		// waitid(P_ALL, WEXITED|WNOHANG|WNOWAIT): are there children, dead or alive?
		_, _, errno := syscall.Syscall6(syscall.SYS_WAITID, 0, 0, uintptr(unsafe.Pointer(&info)), 4|1|0x01000000, 0, 0)
		if errno == syscall.ECHILD {
			break
		}
		if time.Now().After(end) {
			t.Fatal("orphans are left uncollected")
		}
	}
	if len(r.children) != 0 {
		t.Errorf("%d processes are still listed", len(r.children))
	}
}

func TestReadLines(t *testing.T) {
	long := strings.Repeat("é", lineMax/2) // exactly lineMax bytes
	for text, want := range map[string][]string{
		"":                  nil,
		"a\n\nb":            {"a", "", "b"},
		"a\r\n":             {"a\r"},
		long + "\n":         {long},
		"x" + long + "y\nz": {"x" + long[:lineMax-2], "éy", "z"},
	} {
		for _, chunk := range []int{1 << 20, 4096, 7} {
			var got []string
			readLines(&slowReader{[]byte(text), chunk}, func(line string) { got = append(got, line) })
			if !reflect.DeepEqual(got, want) {
				t.Errorf("%.20q by %d: %d lines, want %d", text, chunk, len(got), len(want))
			}
		}
	}
}

type slowReader struct {
	rest  []byte
	chunk int
}

func (r *slowReader) Read(into []byte) (int, error) {
	if len(into) > r.chunk {
		into = into[:r.chunk]
	}
	n, err := bytes.NewReader(r.rest).Read(into)
	r.rest = r.rest[n:]
	return n, err
}

func TestEventLogKeepsTheNewest(t *testing.T) {
	l := newEventLog()
	for i := 0; i < 40; i++ {
		l.add("stdout", strings.Repeat("x", lineMax))
	}
	l.finish(3)
	var seqs []int64
	for after := int64(0); ; {
		encoded, last, exit, _ := l.after(after)
		if exit != nil {
			if *exit != 3 || len(encoded) != 0 {
				t.Errorf("exit %d with %d bytes", *exit, len(encoded))
			}
			break
		}
		seqs, after = append(seqs, last), last
	}
	if len(seqs) != 15 || seqs[0] != 26 || seqs[14] != 40 {
		t.Errorf("kept %v", seqs)
	}
	if encoded, last, _, _ := l.after(99); len(encoded) != 0 || last != 99 {
		t.Errorf("after the newest: %d bytes, %d", len(encoded), last)
	}
}

func TestJSONStrings(t *testing.T) {
	for _, text := range []string{"", `a"b\c`, "\x00\n\x1f\x7f", "é😀\u2028", "<&>"} {
		var back string
		if err := json.Unmarshal(appendJSONString(nil, text), &back); err != nil || back != text {
			t.Errorf("%q came back as %q: %v", text, back, err)
		}
	}
	if got := string(appendJSONString(nil, "a\xff\xc3")); got != "\"a\uFFFD\uFFFD\"" {
		t.Errorf("bytes that are not UTF-8: %q", got)
	}
}

func TestFramesOverTheLimitAreRefused(t *testing.T) {
	for _, bad := range [][]byte{{0, 0, 16, 0, 1}, {0, 0, 0, 0, 5, 'x'}, {0, 0}} {
		if _, _, err := readFrame(bytes.NewReader(bad)); err == nil {
			t.Errorf("frame %v was read", bad)
		}
	}
}

func TestSignals(t *testing.T) {
	for text, want := range map[string]syscall.Signal{
		"": 15, "SIGTERM": 15, "quit": 3, "9": 9, "SIGRTMIN+3": 37, "RTMAX-1": 63, "SIGRTMIN": 34,
	} {
		if got, err := parseSignal(text); err != nil || got != want {
			t.Errorf("%q is %d %v", text, got, err)
		}
	}
	for _, text := range []string{"SIGFOO", "0", "65", "-1", "RTMIN+40"} {
		if got, err := parseSignal(text); err == nil {
			t.Errorf("%q is %d", text, got)
		}
	}
}

func TestOtherPeersAreRefused(t *testing.T) {
	if !ownProcess(t, 0) {
		return
	}
	a, err := newAgent(true, net.ParseIP("127.0.0.1"))
	if err != nil {
		t.Fatal(err)
	}
	listener, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	go a.serve(listener) // for the life of the test process: a closed listener is no end for an agent
	for source, served := range map[string]bool{"127.0.0.1": true, "127.0.0.2": false} {
		dialer := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(source)}}
		conn, err := dialer.Dial("tcp4", listener.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		conn.Write([]byte("{\"op\":\"ping\"}\n")) // may meet the reset already
		n, _ := conn.Read(make([]byte, 64))
		if (n > 0) != served {
			t.Errorf("peer %s: %d bytes of answer", source, n)
		}
		conn.Close()
	}
}

func TestMountInfoEscapes(t *testing.T) {
	if got := unescapeMount(`/a\040b\134c\0`); got != `/a b\c\0` {
		t.Errorf("%q", got)
	}
}
