package main

import (
	"bytes"
	"encoding/json"
	"strconv"
)

// request holds the members of every operation; each uses its own.
type request struct {
	Op string `json:"op"`

	UnixNanos string `json:"unixNanos"` // wake
	Entropy   string `json:"entropy"`   // wake: base64
	Hostname  string `json:"hostname"`  // wake
	MAC       string `json:"mac"`       // wake: of the network card; empty = as it is

	Port    int64 `json:"port"`    // dial
	After   int64 `json:"after"`   // events
	GraceMs int64 `json:"graceMs"` // stop

	RootDevice   string            `json:"rootDevice"`   // start
	Capabilities string            `json:"capabilities"` // start: "default" or "all"
	StopSignal   string            `json:"stopSignal"`   // start
	Device       string            `json:"device"`       // exec: empty = the application's container
	Args         []string          `json:"args"`         // start, exec
	Env          map[string]string `json:"env"`          // start, exec
	Cwd          string            `json:"cwd"`          // start, exec
	User         string            `json:"user"`         // start, exec
	TTY          bool              `json:"tty"`          // exec: with a terminal
	Cols         uint16            `json:"cols"`         // shell, exec: of the terminal
	Rows         uint16            `json:"rows"`         // shell, exec: of the terminal
	Path         string            `json:"path"`         // pack, unpack
}

// terminal is the size of the terminal exec asks for, nil for none.
func (r *request) terminal() *windowSize {
	if !r.TTY {
		return nil
	}
	return &windowSize{Cols: r.Cols, Rows: r.Rows}
}

func parseRequest(line []byte) (*request, error) {
	r := &request{}
	if r.parseFlat(line) {
		return r, nil
	}
	*r = request{}
	if err := json.Unmarshal(line, r); err != nil {
		return nil, fail(codeBadRequest, "the request is not a JSON object of the protocol: %v", err)
	}
	return r, nil
}

// parseFlat reads an object of plain strings and integers, which is what the requests on a launch's critical
// path (ping, wake, dial) are: the reflective decoder costs milliseconds on an emulated CPU whose code is cold.
// It reports false for anything else, and the caller then uses the full decoder.
func (r *request) parseFlat(line []byte) bool {
	rest := bytes.TrimSpace(line)
	if len(rest) < 2 || rest[0] != '{' || rest[len(rest)-1] != '}' {
		return false
	}
	rest = rest[1 : len(rest)-1]
	for {
		key, after, ok := plainString(bytes.TrimSpace(rest))
		if !ok {
			return false
		}
		rest = bytes.TrimSpace(after)
		if len(rest) == 0 || rest[0] != ':' {
			return false
		}
		rest = bytes.TrimSpace(rest[1:])
		if len(rest) > 0 && rest[0] == '"' {
			value, after, ok := plainString(rest)
			if !ok || !r.setString(key, value) {
				return false
			}
			rest = after
		} else {
			end := bytes.IndexByte(rest, ',')
			if end < 0 {
				end = len(rest)
			}
			value, err := strconv.ParseInt(string(bytes.TrimSpace(rest[:end])), 10, 64)
			if err != nil || !r.setNumber(key, value) {
				return false
			}
			rest = rest[end:]
		}
		rest = bytes.TrimSpace(rest)
		if len(rest) == 0 {
			return true
		}
		if rest[0] != ',' {
			return false
		}
		rest = rest[1:]
	}
}

// plainString takes a JSON string without escapes off the front of text.
func plainString(text []byte) (value string, rest []byte, ok bool) {
	if len(text) == 0 || text[0] != '"' {
		return "", nil, false
	}
	for i, c := range text[1:] {
		if c == '"' {
			return string(text[1 : i+1]), text[i+2:], true
		}
		if c == '\\' || c < 0x20 || c >= 0x80 {
			return "", nil, false
		}
	}
	return "", nil, false
}

func (r *request) setString(key, value string) bool {
	switch key {
	case "op":
		r.Op = value
	case "unixNanos":
		r.UnixNanos = value
	case "entropy":
		r.Entropy = value
	case "hostname":
		r.Hostname = value
	case "mac":
		r.MAC = value
	default:
		return false
	}
	return true
}

func (r *request) setNumber(key string, value int64) bool {
	switch key {
	case "port":
		r.Port = value
	case "after":
		r.After = value
	case "graceMs":
		r.GraceMs = value
	default:
		return false
	}
	return true
}
