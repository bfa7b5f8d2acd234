package main

import (
	"errors"
	"net"
	"os"
	"syscall"
)

// exec runs one more process, in the application's container or in a builder's root, and carries its
// standard streams in frames until it ends. It is ended when the host leaves.
func (a *agent) exec(conn *net.TCPConn, rest []byte, r *request) error {
	spec := launch{Args: r.Args, Env: r.Env, Cwd: r.Cwd, User: r.User, Capabilities: "all"}
	if r.Device != "" {
		root, release, err := a.roots.use(r.Device)
		if err != nil {
			return err
		}
		defer release()
		return a.run(conn, rest, &session{
			enter:   func() error { return changeRoot(root) },
			command: spec.resolve, capabilities: spec.Capabilities, terminal: r.terminal(),
		})
	}
	return a.runInContainer(conn, rest, &spec, spec.resolve, r.terminal())
}

// session is a process beside the application, while it is made.
type session struct {
	enter        func() error             // moves the calling thread to where the process runs
	command      func() (*command, error) // called there
	capabilities string
	contained    bool
	terminal     *windowSize // nil: pipes
}

// runInContainer runs in the application's container what command says, with what spec inherits of the application.
func (a *agent) runInContainer(conn *net.TCPConn, rest []byte, spec *launch, command func() (*command, error), terminal *windowSize) error {
	c := a.app.current()
	if c == nil && !a.host {
		return fail(codeNotStarted, "no application was started: there is no container to run in")
	}
	s := &session{enter: func() error { return nil }, command: command, terminal: terminal}
	if c != nil {
		spec.inherit(&c.spec)
		if s.contained = c.contained; s.contained {
			s.enter = c.enter
		}
	}
	s.capabilities = spec.Capabilities
	return a.run(conn, rest, s)
}

func (a *agent) run(conn *net.TCPConn, rest []byte, s *session) error {
	var p *process
	var ends *streams
	err := onOwnThread(func() error {
		if err := s.enter(); err != nil {
			return err
		}
		var files []*os.File
		var err error
		if ends, files, err = openStreams(s.terminal); err != nil {
			return err
		}
		defer closeAll(files)
		p, err = a.spawn(s, files)
		return err
	})
	if ends != nil {
		defer closeAll([]*os.File{ends.stdin, ends.stdout, ends.stderr})
	}
	if err != nil {
		return err
	}
	if s.contained {
		if err := limitOpenFiles(p.pid); err != nil && err != syscall.ESRCH {
			logf("exec: open file limit: %v", err)
		}
	}
	answerNumber(conn, "pid", p.pid) // a peer that is gone shows at the next read
	carry(conn, rest, p, ends)
	return nil
}

// spawn starts the process from the calling thread's root and namespaces; files are its standard streams.
func (a *agent) spawn(s *session, files []*os.File) (*process, error) {
	command, err := s.command()
	if err != nil {
		return nil, err
	}
	if s.contained && s.capabilities == "default" {
		if err := confineThread(a.app.devices); err != nil {
			return nil, err
		}
	}
	fds := make([]uintptr, len(files))
	for i, file := range files {
		fds[i] = file.Fd()
	}
	if s.terminal != nil && command.credential != nil {
		// A user may open a terminal by its name only if it is the user's.
		if err := files[0].Chown(int(command.credential.Uid), -1); err != nil {
			return nil, err
		}
	}
	p, err := a.reaper.start(command.path, command.args, &syscall.ProcAttr{
		Env: command.env, Files: fds,
		Sys: &syscall.SysProcAttr{Credential: command.credential, Setsid: true, Setctty: s.terminal != nil, Ctty: 0},
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
	for _, kind := range []string{"ipc", "cgroup", "pid", "mnt"} {
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
