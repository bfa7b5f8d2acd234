package main

import "os"

// output is a pair of pipes for a process's stdout and stderr.
type output struct {
	stdoutReader, stdoutWriter *os.File
	stderrReader, stderrWriter *os.File
}

func newOutput() (*output, error) {
	var o output
	var err error
	if o.stdoutReader, o.stdoutWriter, err = os.Pipe(); err != nil {
		return nil, err
	}
	if o.stderrReader, o.stderrWriter, err = os.Pipe(); err != nil {
		o.stdoutReader.Close()
		o.stdoutWriter.Close()
		return nil, err
	}
	return &o, nil
}

func (o *output) closeWriters() {
	o.stdoutWriter.Close()
	o.stderrWriter.Close()
}

func (o *output) closeReaders() {
	o.stdoutReader.Close()
	o.stderrReader.Close()
}
