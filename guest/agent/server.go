package main

import (
	"bytes"
	"io"
	"net"
	"runtime/debug"
	"time"
)

const (
	requestMax  = 1 << 20          // bytes of the request line
	requestWait = 10 * time.Second // a peer that connects and says nothing is dropped
)

type agent struct {
	host    bool // an ordinary process: no boot was done, and wake changes nothing
	allowed net.IP
	reaper  *reaper
	clock   *waker
	app     *application
	roots   *deviceRoots
}

func newAgent(host bool, allowed net.IP) (*agent, error) {
	clock, err := newWaker(host)
	if err != nil {
		return nil, err
	}
	r := newReaper()
	return &agent{host: host, allowed: allowed, reaper: r, clock: clock, app: newApplication(r, host), roots: newDeviceRoots()}, nil
}

func (a *agent) serve(listener net.Listener) {
	for {
		conn, err := listener.Accept()
		if err != nil {
			logf("accept: %v", err) // e.g. out of descriptors; existing connections end and make room
			time.Sleep(10 * time.Millisecond)
			continue
		}
		tcp := conn.(*net.TCPConn)
		if !tcp.RemoteAddr().(*net.TCPAddr).IP.Equal(a.allowed) {
			tcp.Close()
			continue
		}
		go a.handle(tcp)
	}
}

// handle serves one connection. A panic ends the connection only: the agent is PID 1, and its end the guest's.
func (a *agent) handle(conn *net.TCPConn) {
	defer conn.Close()
	defer func() {
		if cause := recover(); cause != nil {
			logf("panic: %v\n%s", cause, debug.Stack())
		}
	}()
	conn.SetReadDeadline(time.Now().Add(requestWait))
	line, rest, err := readLine(conn)
	if err == nil {
		conn.SetReadDeadline(time.Time{})
		var r *request
		if r, err = parseRequest(line); err == nil {
			err = a.perform(conn, rest, r)
		}
	}
	if err != nil && err != io.EOF {
		answerError(conn, err) // best effort: the peer may be gone
	}
}

// perform returns an error only while nothing was answered yet.
func (a *agent) perform(conn *net.TCPConn, rest []byte, r *request) error {
	switch r.Op {
	case "wake":
		return a.wake(conn, r)
	case "dial":
		return dial(conn, rest, r.Port)
	case "ping":
		conn.Write([]byte(`{"ok":true,"version":"` + version + "\"}\n"))
		return nil
	case "events":
		a.app.log.follow(conn, r.After)
		return nil
	case "status":
		return a.status(conn)
	case "start":
		return a.start(conn, r)
	case "exec":
		return a.exec(conn, rest, r)
	case "shell":
		return a.shell(conn, rest, r)
	case copyPack, copyUnpack:
		return a.copy(conn, rest, r)
	case "stop":
		return done(conn, a.app.stop(time.Duration(r.GraceMs)*time.Millisecond))
	case "unmount":
		return done(conn, a.unmount())
	}
	return fail(codeBadRequest, "unknown op %q", limitBytes(r.Op, 64))
}

func done(conn io.Writer, err error) error {
	if err == nil {
		conn.Write(answerOK)
	}
	return err
}

// readLine returns the bytes before the first newline and those that came with it after it.
func readLine(conn io.Reader) (line, rest []byte, err error) {
	buffer := make([]byte, 0, 1024)
	for {
		if len(buffer) == cap(buffer) {
			if cap(buffer) >= requestMax {
				return nil, nil, fail(codeBadRequest, "the request line exceeds %d bytes", requestMax)
			}
			buffer = append(make([]byte, 0, 4*cap(buffer)), buffer...)
		}
		n, err := conn.Read(buffer[len(buffer):cap(buffer)])
		if end := bytes.IndexByte(buffer[len(buffer):len(buffer)+n], '\n'); end >= 0 {
			end += len(buffer)
			buffer = buffer[:len(buffer)+n]
			return buffer[:end], buffer[end+1:], nil
		}
		buffer = buffer[:len(buffer)+n]
		if err != nil {
			return nil, nil, err
		}
	}
}
