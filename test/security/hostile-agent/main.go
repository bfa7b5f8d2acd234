// Command init is PID 1 of a guest that has been taken over: it boots as the agent does and then breaks the agent's
// protocol, each connection in the next of many ways. It is compiled with the agent's own sources in place of its main.
package main

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"net"
	"runtime"
	"strings"
	"sync/atomic"
	"time"
)

func frame(kind byte, payload []byte) []byte {
	head := make([]byte, 5, 5+len(payload))
	head[0] = kind
	binary.BigEndian.PutUint32(head[1:], uint32(len(payload)))
	return append(head, payload...)
}

func flood(conn net.Conn, chunk []byte) {
	conn.SetDeadline(time.Now().Add(20 * time.Second))
	for {
		if _, err := conn.Write(chunk); err != nil {
			return
		}
	}
}

var ok = []byte(`{"ok":true,"version":"1","pid":1,"running":true}` + "\n")

// An evil tar: names that lead out of the folder, links, devices, sizes that are not there.
func evilTar() []byte {
	var out bytes.Buffer
	member := func(name, link string, kind byte, size string, body []byte) {
		head := make([]byte, 512)
		copy(head, name)
		copy(head[100:], "0000777\x000000000\x000000000\x00")
		copy(head[124:], size)
		copy(head[136:], "00000000000\x00")
		head[156] = kind
		copy(head[157:], link)
		copy(head[257:], "ustar\x0000")
		copy(head[148:], "        ")
		sum := 0
		for _, b := range head {
			sum += int(b)
		}
		copy(head[148:], fmt.Sprintf("%06o\x00 ", sum))
		out.Write(head)
		out.Write(body)
		if n := len(body) % 512; n != 0 {
			out.Write(make([]byte, 512-n))
		}
	}
	member("x", "", '5', "00000000000\x00", nil)
	member("x/../../escaped", "", '0', "00000000004\x00", []byte("evil"))
	member("/tmp/tardigrade-escaped", "", '0', "00000000004\x00", []byte("evil"))
	member("x/link", "/etc", '2', "00000000000\x00", nil)
	member("x/link/tardigrade-escaped", "", '0', "00000000004\x00", []byte("evil"))
	member("x/device", "", '3', "00000000000\x00", nil)
	member("x/hard", "/etc/shadow", '1', "00000000000\x00", nil)
	member("x/huge", "", '0', "77777777777\x00", []byte("short"))
	return out.Bytes()
}

var ways = []func(conn net.Conn){
	func(conn net.Conn) {},                                                                              // closes at once
	func(conn net.Conn) { time.Sleep(30 * time.Second) },                                                // says nothing
	func(conn net.Conn) { flood(conn, bytes.Repeat([]byte("a"), 65536)) },                               // a line without end
	func(conn net.Conn) { flood(conn, bytes.Repeat([]byte("\n"), 65536)) },                              // nothing but lines
	func(conn net.Conn) { conn.Write([]byte("{\n")) },                                                   // not JSON
	func(conn net.Conn) { conn.Write([]byte("null\n[]\n\"x\"\n5\n")) },                                  // not objects
	func(conn net.Conn) { conn.Write([]byte(`{"ok":"yes","version":7,"pid":{},"running":[]}` + "\n")) }, // wrong types
	func(conn net.Conn) { conn.Write([]byte(strings.Repeat("[", 60000) + "\n")) },                       // deep
	func(conn net.Conn) {
		conn.Write([]byte(`{"__proto__":{"ok":true},"constructor":{"prototype":{}}}` + "\n"))
	},
	func(conn net.Conn) {
		conn.Write([]byte(`{"ok":false,"code":"` + strings.Repeat("c", 60000) + `","message":"` + "\x1b[2J\x00" + `"}` + "\n"))
	},
	func(conn net.Conn) { conn.Write([]byte{0xff, 0xfe, 0x00, '\n', 0xc3, 0x28, '\n'}) },    // not UTF-8
	func(conn net.Conn) { conn.Write(append(ok, frame(9, []byte("?"))...)) },                // unknown frame
	func(conn net.Conn) { conn.Write(append(ok, 1, 0xff, 0xff, 0xff, 0xff)) },               // 4 GiB announced
	func(conn net.Conn) { conn.Write(append(ok, 1, 0, 0, 4)); time.Sleep(5 * time.Second) }, // half a frame head
	func(conn net.Conn) { conn.Write(append(ok, frame(3, []byte("not a number"))...)) },     // exit code
	func(conn net.Conn) { conn.Write(append(ok, frame(3, []byte("-1e308"))...)) },
	func(conn net.Conn) {
		conn.Write(append(append(ok, frame(3, []byte("0"))...), frame(1, []byte("after the end"))...))
	},
	func(conn net.Conn) { conn.Write(ok); flood(conn, frame(1, bytes.Repeat([]byte("o"), 1<<20))) }, // output without end
	func(conn net.Conn) { conn.Write(ok); flood(conn, frame(2, nil)) },                              // empty frames without end
	func(conn net.Conn) {
		conn.Write(ok)
		flood(conn, []byte(`{"seq":1,"time":1,"stream":"stdout","text":"x"}`+"\n"))
	},
	func(conn net.Conn) {
		conn.Write(append(ok, []byte(`{"seq":-1,"time":"now","stream":"other","text":7}`+"\n")...))
	},
	func(conn net.Conn) {
		conn.Write(append(ok, []byte(`{"seq":9007199254740993,"time":1e308,"stream":"stdout","text":"x"}`+"\n"+`{"exit":"x"}`+"\n")...))
	},
	func(conn net.Conn) { conn.Write(append(append(ok, frame(1, evilTar())...), frame(3, []byte("0"))...)) },
	func(conn net.Conn) { // a byte at a time
		for _, b := range append(ok, frame(3, []byte("0"))...) {
			conn.Write([]byte{b})
			time.Sleep(time.Millisecond)
		}
	},
	func(conn net.Conn) { conn.Write(ok[:10]); conn.(*net.TCPConn).SetLinger(0) }, // reset in the middle
}

func main() {
	runtime.LockOSThread()
	if err := boot(); err != nil {
		fatal(err)
	}
	listener, err := net.Listen("tcp4", net.JoinHostPort(guestIP, agentPort))
	if err != nil {
		fatal(err)
	}
	logf("ready")
	var turn atomic.Int64
	for {
		conn, err := listener.Accept()
		if err != nil {
			continue
		}
		way := ways[int(turn.Add(1)-1)%len(ways)]
		go func() {
			defer conn.Close()
			way(conn)
		}()
	}
}
