package main

import (
	"io"
	"net"
	"strconv"
	"sync"
	"time"
)

const (
	logMax        = 1 << 20 // bytes of lines kept for readers that come back
	lineOverhead  = 64      // what a kept line costs besides its text
	followAtOnce  = 64 << 10
	followTimeout = 30 * time.Second // a reader that takes nothing for so long is dropped
)

type logLine struct {
	seq    int64
	millis int64 // since 1970
	stream string
	text   string
}

// eventLog keeps the application's newest lines and its exit code for any number of followers.
type eventLog struct {
	mu      sync.Mutex
	lines   []logLine // oldest first; seq is consecutive
	bytes   int
	next    int64
	exit    *int
	changed chan struct{} // closed and replaced on each change
}

func newEventLog() *eventLog {
	return &eventLog{next: 1, changed: make(chan struct{})}
}

func (l *eventLog) add(stream, text string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.lines = append(l.lines, logLine{l.next, time.Now().UnixMilli(), stream, text})
	l.next++
	l.bytes += len(text) + lineOverhead
	drop := 0
	for l.bytes > logMax {
		l.bytes -= len(l.lines[drop].text) + lineOverhead
		l.lines[drop].text = "" // the array outlives the slice's start
		drop++
	}
	l.lines = l.lines[drop:]
	l.announce()
}

// finish records the application's end; no line follows it.
func (l *eventLog) finish(code int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.exit = &code
	l.announce()
}

func (l *eventLog) announce() {
	close(l.changed)
	l.changed = make(chan struct{})
}

// after encodes lines newer than seq, up to about followAtOnce bytes of text. exit is set once none is left
// to read and the application has ended.
func (l *eventLog) after(seq int64) (encoded []byte, last int64, exit *int, changed <-chan struct{}) {
	l.mu.Lock()
	defer l.mu.Unlock()
	last = seq
	first := 0
	if len(l.lines) > 0 && seq >= l.lines[0].seq {
		first = int(seq - l.lines[0].seq + 1)
	}
	for i := first; i < len(l.lines) && len(encoded) < followAtOnce; i++ {
		encoded = l.lines[i].appendJSON(encoded)
		last = l.lines[i].seq
	}
	if len(encoded) == 0 {
		exit = l.exit
	}
	return encoded, last, exit, l.changed
}

func (line *logLine) appendJSON(out []byte) []byte {
	out = append(out, `{"seq":`...)
	out = strconv.AppendInt(out, line.seq, 10)
	out = append(out, `,"time":`...)
	out = strconv.AppendInt(out, line.millis, 10)
	out = append(out, `,"stream":"`...)
	out = append(out, line.stream...)
	out = append(out, `","text":`...)
	out = appendJSONString(out, line.text)
	return append(out, '}', '\n')
}

// follow writes lines newer than seq as they come and ends after the exit line or when the peer leaves.
func (l *eventLog) follow(conn *net.TCPConn, seq int64) {
	if _, err := conn.Write(answerOK); err != nil {
		return
	}
	left := make(chan struct{})
	go func() {
		io.Copy(io.Discard, conn)
		close(left)
	}()
	for {
		encoded, last, exit, changed := l.after(seq)
		if exit != nil {
			encoded = append(strconv.AppendInt([]byte(`{"exit":`), int64(*exit), 10), '}', '\n')
		}
		if len(encoded) > 0 {
			conn.SetWriteDeadline(time.Now().Add(followTimeout))
			if _, err := conn.Write(encoded); err != nil {
				return
			}
			seq = last
		}
		if exit != nil {
			return
		}
		if len(encoded) > 0 {
			continue
		}
		select {
		case <-changed:
		case <-left:
			return
		}
	}
}
