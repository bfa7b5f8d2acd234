package main

import (
	"errors"
	"fmt"
	"io"
	"strconv"
)

// Codes of a negative answer.
const (
	codeBadRequest     = "bad_request"
	codeRefused        = "refused"
	codeTimeout        = "timeout"
	codeNotStarted     = "not_started"
	codeAlreadyStarted = "already_started"
	codeStartFailed    = "start_failed"
	codeBusy           = "busy"
	codeInternal       = "internal"
)

// failure is what a request is answered with when it cannot be done.
type failure struct {
	code, message string
}

func (f *failure) Error() string { return f.message }

func fail(code, format string, args ...any) error {
	return &failure{code, fmt.Sprintf(format, args...)}
}

var answerOK = []byte("{\"ok\":true}\n")

// answerNumber writes {"ok":true} with one more integer member, as in "pid".
func answerNumber(w io.Writer, member string, value int) error {
	_, err := w.Write([]byte(`{"ok":true,"` + member + `":` + strconv.Itoa(value) + "}\n"))
	return err
}

func answerError(w io.Writer, err error) error {
	known := &failure{codeInternal, err.Error()}
	errors.As(err, &known)
	line := append([]byte(`{"ok":false,"code":"`), known.code...)
	line = append(line, `","message":`...)
	line = appendJSONString(line, limitBytes(known.message, 8<<10))
	_, err = w.Write(append(line, "}\n"...))
	return err
}

func limitBytes(text string, limit int) string {
	if len(text) > limit {
		return text[:limit] + "…"
	}
	return text
}

// answerExit is the answer of "status" for an application that ended.
func answerExit(w io.Writer, code int) error {
	_, err := w.Write([]byte(`{"ok":true,"running":false,"exitCode":` + strconv.Itoa(code) + "}\n"))
	return err
}
