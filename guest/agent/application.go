package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"sync"
	"syscall"
	"time"
)

const (
	deviceWait  = 5 * time.Second // for a block device to appear
	outputGrace = time.Second     // for output still in a pipe that a stray process holds open
)

// application is the one container of the guest: its init process, its output and its end.
type application struct {
	reaper *reaper
	host   bool
	log    *eventLog
	// Of a container without all capabilities; made at its start, nil on an ordinary host.
	devices *deviceGroup

	starting sync.Mutex // one start at a time
	mu       sync.Mutex
	running  *container // nil before start
}

// container is a started application. Its fields do not change, but code, valid once ended is closed.
type container struct {
	init       *process
	lifeline   *os.File // the init's configuration pipe; in host mode its end tells the init that the agent is gone
	spec       launch
	contained  bool // has namespaces of its own
	stopSignal syscall.Signal
	code       int
	ended      chan struct{} // closed when the process is gone and its output is in the log
}

func newApplication(r *reaper, host bool) *application {
	return &application{reaper: r, host: host, log: newEventLog()}
}

func (app *application) current() *container {
	app.mu.Lock()
	defer app.mu.Unlock()
	return app.running
}

func (a *agent) start(conn *net.TCPConn, r *request) error {
	stopSignal, err := parseSignal(r.StopSignal)
	if err != nil {
		return err
	}
	if r.Capabilities != "default" && r.Capabilities != "all" {
		return fail(codeBadRequest, "capabilities %q must be \"default\" or \"all\"", limitBytes(r.Capabilities, 64))
	}
	if r.RootDevice == "" && !a.host {
		return fail(codeBadRequest, "rootDevice is missing")
	}
	spec := launch{Args: r.Args, Env: r.Env, Cwd: r.Cwd, User: r.User, Capabilities: r.Capabilities}
	config := initConfig{Launch: spec, RootDevice: r.RootDevice, Host: a.host}
	if !a.host {
		config.BootID = bootIDFile
	}
	c, err := a.app.start(config, stopSignal)
	if err != nil {
		return err
	}
	answerNumber(conn, "pid", c.init.pid)
	return nil
}

func (app *application) start(config initConfig, stopSignal syscall.Signal) (*container, error) {
	app.starting.Lock()
	defer app.starting.Unlock()
	if app.current() != nil {
		return nil, fail(codeAlreadyStarted, "the application was started already: one machine runs one application, once")
	}
	if config.RootDevice != "" && !app.host {
		if err := waitForPath(config.RootDevice, deviceWait); err != nil {
			return nil, fail(codeStartFailed, "root device %q: %v", config.RootDevice, err)
		}
	}
	if err := app.prepare(config.Launch.Capabilities); err != nil {
		return nil, err
	}
	if app.devices != nil && config.Launch.Capabilities != "all" {
		config.DeviceGroup = app.devices.procs
	}
	output, err := newOutput()
	if err != nil {
		return nil, err
	}
	init, lifeline, err := app.startInit(config, output)
	output.closeWriters()
	if err != nil {
		output.closeReaders()
		return nil, err
	}
	c := &container{init: init, lifeline: lifeline, spec: config.Launch, contained: config.RootDevice != "", stopSignal: stopSignal, ended: make(chan struct{})}
	app.mu.Lock()
	app.running = c
	app.mu.Unlock()
	go app.follow(c, output)
	return c, nil
}

// prepare makes what a container with these capabilities needs of the machine.
func (app *application) prepare(capabilities string) error {
	if app.host {
		return nil
	}
	if capabilities == "all" {
		loadModules("/modules", "order-all")
		return nil
	}
	if app.devices != nil {
		return nil // of a start that failed
	}
	devices, err := newDeviceGroup(deviceGroups, "container")
	if err != nil {
		return fmt.Errorf("cannot make the group of limited devices: %w", err)
	}
	app.devices = devices
	return nil
}

// startInit starts the agent's own binary as the container's init and waits for its report.
func (app *application) startInit(config initConfig, output *output) (*process, *os.File, error) {
	null, err := os.Open(os.DevNull)
	if err != nil {
		return nil, nil, err
	}
	defer null.Close()
	configReader, configWriter, err := os.Pipe()
	if err != nil {
		return nil, nil, err
	}
	reportReader, reportWriter, err := os.Pipe()
	if err != nil {
		configReader.Close()
		configWriter.Close()
		return nil, nil, err
	}
	defer reportReader.Close()

	attributes := &syscall.SysProcAttr{Setsid: true}
	if config.RootDevice != "" {
		attributes.Cloneflags = syscall.CLONE_NEWNS | syscall.CLONE_NEWPID | syscall.CLONE_NEWIPC
	}
	init, err := app.reaper.start("/proc/self/exe", []string{"tardigrade-init", containerInitArg}, &syscall.ProcAttr{
		Dir:   "/",
		Files: []uintptr{null.Fd(), output.stdoutWriter.Fd(), output.stderrWriter.Fd(), configReader.Fd(), reportWriter.Fd()},
		Sys:   attributes,
	})
	configReader.Close()
	reportWriter.Close()
	if err == nil {
		if err = instruct(config, configWriter, reportReader); err == nil {
			return init, configWriter, nil
		}
		if killErr := init.signal(syscall.SIGKILL); killErr != nil && !errors.Is(killErr, os.ErrProcessDone) {
			logf("init %d: %v", init.pid, killErr)
		}
		<-init.done
	}
	configWriter.Close()
	return nil, nil, err
}

// instruct tells the init what to run and returns what it reports.
func instruct(config initConfig, to io.Writer, from io.Reader) error {
	if err := json.NewEncoder(to).Encode(config); err != nil {
		return fail(codeStartFailed, "the container's init ended before it was told what to run: %v", err)
	}
	var report initReport
	if err := json.NewDecoder(from).Decode(&report); err != nil {
		return fail(codeStartFailed, "the container's init ended without a report: %v", err)
	}
	if report.Code != "" {
		return &failure{report.Code, report.Message}
	}
	return nil
}

// follow moves output into the log until the application is gone, then records its end.
func (app *application) follow(c *container, output *output) {
	drained := make(chan struct{})
	go func() {
		var both sync.WaitGroup
		both.Add(2)
		read := func(stream string, reader io.Reader) {
			defer both.Done()
			readLines(reader, func(text string) { app.log.add(stream, text) })
		}
		go read("stdout", output.stdoutReader)
		go read("stderr", output.stderrReader)
		both.Wait()
		close(drained)
	}()
	<-c.init.done
	select {
	case <-drained:
	case <-time.After(outputGrace):
	}
	output.closeReaders()
	c.lifeline.Close()
	<-drained
	c.code = exitCode(c.init.status)
	app.log.finish(c.code)
	close(c.ended)
}

// stop sends the stop signal, and SIGKILL after grace; it returns when the application is gone.
func (app *application) stop(grace time.Duration) error {
	c := app.current()
	if c == nil {
		return fail(codeNotStarted, "no application was started")
	}
	if grace < 0 {
		return fail(codeBadRequest, "graceMs must not be negative")
	}
	timer := time.NewTimer(grace)
	defer timer.Stop()
	for _, number := range []syscall.Signal{c.stopSignal, syscall.SIGKILL} {
		if err := c.init.signal(number); err != nil && !errors.Is(err, os.ErrProcessDone) {
			return err
		}
		if number == syscall.SIGKILL {
			break
		}
		select {
		case <-c.ended:
			return nil
		case <-timer.C:
		}
	}
	<-c.ended
	return nil
}

func (a *agent) status(conn *net.TCPConn) error {
	c := a.app.current()
	line := `{"ok":true,"running":false}` + "\n"
	if c != nil {
		select {
		case <-c.ended:
			return answerExit(conn, c.code)
		default:
			line = `{"ok":true,"running":true}` + "\n"
		}
	}
	conn.Write([]byte(line))
	return nil
}
