package main

import (
	"errors"
	"io"
	"net"
	"strconv"
	"syscall"
	"time"
)

const dialWait = 5 * time.Second

// dial connects the host to a port of the guest's loopback and passes bytes, ends and resets both ways.
func dial(conn *net.TCPConn, rest []byte, port int64) error {
	if port < 1 || port > 65535 {
		return fail(codeBadRequest, "port %d is not 1 to 65535", port)
	}
	address := "127.0.0.1:" + strconv.FormatInt(port, 10)
	raw, err := net.DialTimeout("tcp4", address, dialWait)
	if err != nil {
		var network net.Error
		switch {
		case errors.Is(err, syscall.ECONNREFUSED):
			return fail(codeRefused, "nothing listens on %s", address)
		case errors.As(err, &network) && network.Timeout():
			return fail(codeTimeout, "%s did not accept within %v", address, dialWait)
		}
		return err
	}
	app := raw.(*net.TCPConn)
	defer app.Close()
	if _, err := conn.Write(answerOK); err != nil {
		return nil
	}
	if len(rest) > 0 {
		if _, err := app.Write(rest); err != nil {
			conn.SetLinger(0)
			return nil
		}
	}
	join(conn, app)
	return nil
}

// join copies both ways (splice(2) inside io.Copy) until both directions ended.
func join(a, b *net.TCPConn) {
	ended := make(chan struct{})
	go func() {
		passOn(b, a)
		close(ended)
	}()
	passOn(a, b)
	<-ended
}

// passOn copies until the end of from and half-closes to; on a broken connection it resets both, which also
// wakes the copy in the other direction.
func passOn(to, from *net.TCPConn) {
	_, err := io.Copy(to, from)
	if err == nil {
		err = to.CloseWrite()
		if errors.Is(err, syscall.ENOTCONN) { // the peer is gone already; its own direction tells
			err = nil
		}
	}
	if err != nil {
		reset(to, from)
	}
}

// reset makes both peers see a broken connection, not an orderly end of data that may be cut short.
func reset(conns ...*net.TCPConn) {
	for _, conn := range conns {
		conn.SetLinger(0) // fails only when closed already
		conn.Close()
	}
}
