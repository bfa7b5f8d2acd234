package main

import "os"

// streams are the agent's ends of a process's standard streams.
type streams struct {
	stdin          *os.File
	stdout, stderr *os.File // stderr is nil with a terminal
	terminal       bool     // stdin and stdout are one file, the terminal's master side
}

// openStreams makes pipes, or a terminal of that size in the calling thread's root. The files are the process's
// ends, in the order of its descriptors; the caller closes both.
func openStreams(terminal *windowSize) (*streams, []*os.File, error) {
	if terminal != nil {
		master, slave, err := openTerminal()
		if err != nil {
			return nil, nil, err
		}
		ends := &streams{stdin: master, stdout: master, terminal: true}
		if *terminal != (windowSize{}) {
			if err := terminal.apply(master); err != nil {
				slave.Close()
				return ends, nil, err
			}
		}
		return ends, []*os.File{slave, slave, slave}, nil
	}
	stdinReader, stdinWriter, err := os.Pipe()
	if err != nil {
		return nil, nil, err
	}
	output, err := newOutput()
	if err != nil {
		stdinReader.Close()
		stdinWriter.Close()
		return nil, nil, err
	}
	return &streams{stdin: stdinWriter, stdout: output.stdoutReader, stderr: output.stderrReader},
		[]*os.File{stdinReader, output.stdoutWriter, output.stderrWriter}, nil
}

// closeAll closes each, also when some are missing, the same, or closed already.
func closeAll(files []*os.File) {
	for _, file := range files {
		if file != nil {
			file.Close()
		}
	}
}
