package main

import (
	"bytes"
	"errors"
	"io"
	"net"
	"os"
	"sync"
	"syscall"
	"time"
)

// exec runs one more process, in the application's container or in a builder's root, and carries its
// standard streams in frames until it ends. It is killed when the host leaves.
func (a *agent) exec(conn *net.TCPConn, rest []byte, r *request) error {
	spec := launch{Args: r.Args, Env: r.Env, Cwd: r.Cwd, User: r.User, Capabilities: "all"}
	var enter func() error
	contained := false
	switch {
	case r.Device != "":
		root, release, err := a.roots.use(r.Device)
		if err != nil {
			return err
		}
		defer release()
		enter = func() error { return changeRoot(root) }
	default:
		c := a.app.current()
		if c == nil && !a.host {
			return fail(codeNotStarted, "no application was started: exec has no container to run in")
		}
		if c != nil {
			spec.inherit(&c.spec)
			contained = c.contained
		}
		enter = func() error {
			if !contained {
				return nil
			}
			return c.enter()
		}
	}
	stdinReader, stdinWriter, err := os.Pipe()
	if err != nil {
		return err
	}
	defer stdinWriter.Close()
	output, err := newOutput()
	if err != nil {
		stdinReader.Close()
		return err
	}
	defer output.closeReaders()
	var p *process
	err = onOwnThread(func() error {
		if err := enter(); err != nil {
			return err
		}
		p, err = a.spawn(&spec, []uintptr{stdinReader.Fd(), output.stdoutWriter.Fd(), output.stderrWriter.Fd()})
		return err
	})
	stdinReader.Close()
	output.closeWriters()
	if err != nil {
		return err
	}
	if contained {
		if err := limitOpenFiles(p.pid); err != nil && err != syscall.ESRCH {
			logf("exec: open file limit: %v", err)
		}
	}
	answerNumber(conn, "pid", p.pid) // a peer that is gone shows at the next read
	carry(conn, rest, p, stdinWriter, output)
	return nil
}

// spawn starts what spec says from the calling thread's root and namespaces.
func (a *agent) spawn(spec *launch, files []uintptr) (*process, error) {
	command, err := spec.resolve()
	if err != nil {
		return nil, err
	}
	if spec.Capabilities == "default" {
		if err := limitBounding(syscall.RawSyscall); err != nil {
			return nil, err
		}
	}
	p, err := a.reaper.start(command.path, command.args, &syscall.ProcAttr{
		Env: command.env, Files: files,
		Sys: &syscall.SysProcAttr{Credential: command.credential, Setsid: true},
	})
	if err != nil {
		return nil, explainExec(command.path, err)
	}
	return p, nil
}

// inherit takes from the application what exec leaves open: environment, folder and capabilities, not the user.
// Unknown: guest-exec-defaults
func (l *launch) inherit(app *launch) {
	env := make(map[string]string, len(app.Env)+len(l.Env))
	for key, value := range app.Env {
		env[key] = value
	}
	for key, value := range l.Env {
		env[key] = value
	}
	l.Env = env
	if l.Cwd == "" {
		l.Cwd = app.Cwd
	}
	l.Capabilities = app.Capabilities
}

// enter moves the calling thread into the container; the PID namespace takes hold in its children.
func (c *container) enter() error {
	var fds []int
	defer func() {
		for _, fd := range fds {
			syscall.Close(fd)
		}
	}()
	for _, kind := range []string{"ipc", "pid", "mnt"} {
		fd, err := syscall.Open(procFile(c.init.pid, "ns/"+kind), syscall.O_RDONLY|syscall.O_CLOEXEC, 0)
		if errors.Is(err, os.ErrNotExist) {
			return fail(codeNotStarted, "the application has ended, and its container with it")
		}
		if err != nil {
			return err
		}
		fds = append(fds, fd)
	}
	for _, fd := range fds {
		if _, _, errno := syscall.RawSyscall(sysSetns, uintptr(fd), 0, 0); errno != 0 {
			return errno
		}
	}
	return syscall.Chdir("/")
}

// carry moves frames until the process is gone and its output delivered.
func carry(conn *net.TCPConn, rest []byte, p *process, stdin *os.File, output *output) {
	frames := &frameWriter{conn: conn}
	var both sync.WaitGroup
	both.Add(2)
	pump := func(kind byte, reader *os.File) {
		defer both.Done()
		buffer := make([]byte, 32<<10)
		for {
			n, err := reader.Read(buffer)
			if n > 0 && frames.write(kind, buffer[:n]) != nil {
				p.signalGroup(syscall.SIGKILL) // nobody listens; an error says that it is gone already
				return
			}
			if err != nil {
				return
			}
		}
	}
	go pump(frameStdout, output.stdoutReader)
	go pump(frameStderr, output.stderrReader)
	go func() {
		feed(conn, rest, stdin, p.done)
		p.signalGroup(syscall.SIGKILL) // the host left; an error says that the process is gone already
	}()
	<-p.done
	drained := make(chan struct{})
	go func() {
		both.Wait()
		close(drained)
	}()
	select {
	case <-drained:
	case <-time.After(outputGrace): // a child left behind holds the pipe
		output.closeReaders()
		<-drained
	}
	frames.exit(exitCode(p.status))
}

// feed passes stdin frames on until the host leaves or breaks the protocol. A process that does not read must
// not hide the host's leaving, hence the queue and the look at the connection while it is full.
func feed(conn *net.TCPConn, rest []byte, stdin *os.File, ended <-chan struct{}) {
	queue := make(chan []byte, 2) // frames, up to 1 MiB each
	defer close(queue)
	go func() {
		open := true
		for chunk := range queue {
			if open && len(chunk) > 0 {
				_, err := stdin.Write(chunk)
				open = err == nil // the process closed its stdin: the rest is dropped
			}
			if len(chunk) == 0 || !open {
				open = false
				stdin.Close()
			}
		}
	}()
	reader := io.MultiReader(bytes.NewReader(rest), conn)
	look := time.NewTicker(250 * time.Millisecond)
	defer look.Stop()
	for {
		kind, payload, err := readFrame(reader)
		if err != nil {
			return
		}
		if kind != frameStdin { // resize has no meaning without a terminal
			continue
		}
		for sent := false; !sent; {
			select {
			case queue <- payload:
				sent = true
			case <-ended:
				return
			case <-look.C:
				if peerClosed(conn) {
					return
				}
			}
		}
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
