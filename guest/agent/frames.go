package main

import (
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"sync"
)

// Frame types of "exec" and its kin.
const (
	frameStdin  = 0
	frameStdout = 1
	frameStderr = 2
	frameExit   = 3
	frameResize = 4
	frameSignal = 5
)

const (
	frameHeader = 5
	frameMax    = 1 << 20 // payload bytes
)

// frameWriter sends frames of several goroutines over one connection.
type frameWriter struct {
	mu   sync.Mutex
	conn *net.TCPConn
}

func (w *frameWriter) write(kind byte, payload []byte) error {
	var header [frameHeader]byte
	header[0] = kind
	binary.BigEndian.PutUint32(header[1:], uint32(len(payload)))
	w.mu.Lock()
	defer w.mu.Unlock()
	buffers := net.Buffers{header[:], payload}
	_, err := buffers.WriteTo(w.conn)
	return err
}

// exit sends the last frame.
func (w *frameWriter) exit(code int) {
	if err := w.write(frameExit, []byte(fmt.Sprint(code))); err != nil {
		logf("exec: exit code %d not delivered: %v", code, err)
	}
}

// readFrame returns the next frame; io.EOF at an orderly end.
func readFrame(r io.Reader) (kind byte, payload []byte, err error) {
	var header [frameHeader]byte
	if _, err := io.ReadFull(r, header[:]); err != nil {
		return 0, nil, err
	}
	length := binary.BigEndian.Uint32(header[1:])
	if length > frameMax {
		return 0, nil, fmt.Errorf("a frame of %d bytes exceeds the limit of %d", length, frameMax)
	}
	payload = make([]byte, length)
	if _, err := io.ReadFull(r, payload); err != nil {
		return 0, nil, io.ErrUnexpectedEOF
	}
	return header[0], payload, nil
}
