package main

import (
	"bytes"
	"io"
	"unicode/utf8"
)

const lineMax = 64 << 10 // bytes; longer lines are split. Unknown: guest-log-lines

// readLines calls emit for each line until the end of r, the unfinished last one too. It always keeps reading:
// a writer must never block on its log.
func readLines(r io.Reader, emit func(text string)) {
	buffer := make([]byte, 0, 4<<10)
	for {
		if len(buffer) == cap(buffer) {
			size := 2 * cap(buffer)
			if size > lineMax {
				size = lineMax + 1 // one more tells a line that just fits from a longer one
			}
			buffer = append(make([]byte, 0, size), buffer...)
		}
		n, err := r.Read(buffer[len(buffer):cap(buffer)])
		fresh := len(buffer)
		buffer = buffer[:fresh+n]
		start := 0
		for {
			end := bytes.IndexByte(buffer[fresh:], '\n')
			if end < 0 {
				break
			}
			emit(string(buffer[start : fresh+end]))
			fresh += end + 1
			start = fresh
		}
		if len(buffer)-start > lineMax {
			cut := start + runeBoundary(buffer[start:start+lineMax])
			emit(string(buffer[start:cut]))
			start = cut
		}
		buffer = buffer[:copy(buffer, buffer[start:])]
		if err != nil {
			if len(buffer) > 0 {
				emit(string(buffer))
			}
			return
		}
	}
}

// runeBoundary is len(text), less the start of a UTF-8 character cut off at the end.
func runeBoundary(text []byte) int {
	for back := 1; back < utf8.UTFMax && back < len(text); back++ {
		if at := len(text) - back; utf8.RuneStart(text[at]) {
			if utf8.FullRune(text[at:]) {
				return len(text)
			}
			return at
		}
	}
	return len(text)
}
