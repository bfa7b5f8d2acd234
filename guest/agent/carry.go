package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"net"
	"os"
	"sync"
	"syscall"
	"time"
)

// outputRestMax bounds what a process can have left in a pipe or terminal at its end: the most that
// /proc/sys/fs/pipe-max-size lets it ask for.
const outputRestMax = 1 << 20

// leave is what becomes of a process whose host is gone: a terminal hangs up (SIGHUP to its foreground), without
// one the process and its group are killed.
func (s *streams) leave(p *process) {
	if s.terminal {
		s.stdin.Close() // fails only when closed already
		return
	}
	p.signalGroup(syscall.SIGKILL) // an error says that it is gone already
}

// carry moves frames until the process is gone and its output delivered.
func carry(conn *net.TCPConn, rest []byte, p *process, s *streams) {
	frames := &frameWriter{conn: conn}
	var delivered sync.WaitGroup
	pump := func(kind byte, reader *os.File) {
		defer delivered.Done()
		if err := pumpOutput(frames, kind, reader); err != nil {
			s.leave(p) // nobody listens
		}
	}
	outputs := map[byte]*os.File{frameStdout: s.stdout}
	if s.stderr != nil {
		outputs[frameStderr] = s.stderr
	}
	for kind, reader := range outputs {
		delivered.Add(1)
		go pump(kind, reader)
	}
	go func() {
		feed(conn, rest, p, s)
		s.leave(p)
	}()
	<-p.done
	for _, reader := range outputs {
		reader.SetReadDeadline(time.Now().Add(outputGrace)) // a child left behind may hold it open; fails only when closed
	}
	delivered.Wait()
	frames.exit(exitCode(p.status))
}

// pumpOutput passes output on until its end, or past the reader's deadline until nothing is left in it. Time spent
// on a slow peer costs no output. An error is the peer's.
func pumpOutput(frames *frameWriter, kind byte, reader *os.File) error {
	buffer := make([]byte, 32<<10)
	for {
		n, err := reader.Read(buffer)
		if n > 0 {
			if err := frames.write(kind, buffer[:n]); err != nil {
				return err
			}
		}
		if errors.Is(err, os.ErrDeadlineExceeded) {
			return pumpRest(frames, kind, reader, buffer)
		}
		if err != nil {
			return nil
		}
	}
}

// pumpRest passes on what is in the pipe now. A reader past its deadline reads no more, hence the plain read(2).
func pumpRest(frames *frameWriter, kind byte, reader *os.File, buffer []byte) error {
	raw, err := reader.SyscallConn()
	if err != nil {
		return nil
	}
	for moved := 0; moved < outputRestMax; {
		n := 0
		err := raw.Control(func(fd uintptr) { n, _ = syscall.Read(int(fd), buffer) })
		if err != nil || n <= 0 {
			return nil
		}
		if err := frames.write(kind, buffer[:n]); err != nil {
			return err
		}
		moved += n
	}
	return nil
}

// feed does what the host's frames say until the host leaves or breaks the protocol. A process that does not read
// must not hide the host's leaving, hence the queue and the look at the connection while it is full.
func feed(conn *net.TCPConn, rest []byte, p *process, s *streams) {
	queue := make(chan []byte, 2) // frames, up to 1 MiB each
	defer close(queue)
	go writeInput(queue, s)
	reader := io.MultiReader(bytes.NewReader(rest), conn)
	look := time.NewTicker(250 * time.Millisecond)
	defer look.Stop()
	for {
		kind, payload, err := readFrame(reader)
		if err != nil {
			return
		}
		switch kind {
		case frameResize:
			resize(s, payload)
			continue
		case frameSignal:
			if number, err := parseSignal(limitBytes(string(payload), 16)); err == nil && len(payload) > 0 {
				p.signalGroup(number) // an error says that it is gone already
			}
			continue
		case frameStdin:
		default:
			continue
		}
		for sent := false; !sent; {
			select {
			case queue <- payload:
				sent = true
			case <-p.done:
				return
			case <-look.C:
				if peerClosed(conn) {
					return
				}
			}
		}
	}
}

// writeInput passes chunks to the process; an empty one is the end of its input. A terminal has no such end: there
// it is what a person would type, and the terminal stays open for its output.
func writeInput(queue <-chan []byte, s *streams) {
	const endOfTransmission = 4 // Ctrl-D
	open := true
	for chunk := range queue {
		if !open {
			continue // the process closed its stdin: the rest is dropped
		}
		ends := len(chunk) == 0
		if ends && s.terminal {
			chunk, ends = []byte{endOfTransmission}, false
		}
		if _, err := s.stdin.Write(chunk); err != nil || ends {
			open = false
			if !s.terminal {
				s.stdin.Close()
			}
		}
	}
}

// resize sets the window size; without a terminal, or with sizes that are none, nothing.
func resize(s *streams, payload []byte) {
	var size windowSize
	if !s.terminal || json.Unmarshal(payload, &size) != nil {
		return
	}
	if err := size.apply(s.stdin); err != nil && !errors.Is(err, os.ErrClosed) {
		logf("resize to %dx%d: %v", size.Cols, size.Rows, err)
	}
}

// peerClosed tells, without reading, whether the peer ended or reset the connection.
func peerClosed(conn *net.TCPConn) bool {
	const tcpEstablished = 1 // tcpi_state, the first byte of struct tcp_info
	raw, err := conn.SyscallConn()
	if err != nil {
		return true
	}
	state := tcpEstablished
	err = raw.Control(func(fd uintptr) {
		info, infoErr := syscall.GetsockoptInt(int(fd), syscall.IPPROTO_TCP, syscall.TCP_INFO)
		if infoErr == nil {
			state = info & 0xff
		}
	})
	return err != nil || state != tcpEstablished
}
