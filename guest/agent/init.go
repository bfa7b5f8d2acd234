package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"runtime"
	"syscall"
	"unsafe"
)

// containerInitArg makes the binary the init of the container instead of the agent.
const containerInitArg = "container-init"

// cloneNewCgroup is CLONE_NEWCGROUP of <linux/sched.h>.
const cloneNewCgroup = 0x02000000

const prSetName = 15 // PR_SET_NAME of <linux/prctl.h>

// Descriptors the agent hands to the init.
const (
	initConfigFD = 3
	initReportFD = 4
)

// initConfig is what the agent tells the init.
type initConfig struct {
	Launch     launch
	RootDevice string // empty, in host mode only: no container, just the process
	Host       bool
	// Empty in host mode:
	BootID      string // file shown as the kernel's boot id
	DeviceGroup string // cgroup.procs of the group with few devices; without all capabilities
}

// initReport is the init's one message to the agent; no code: the application runs.
type initReport struct {
	Code    string
	Message string
}

// containerInit is PID 1 of the container: it makes the container around itself, starts the application as its
// child, passes signals on, reaps, and ends as the application ends. Unknown: guest-init-pid1
func containerInit() {
	runtime.LockOSThread() // the application's parent-death signal is bound to the thread
	runtime.GOMAXPROCS(1)
	nameThread("tardigrade-init") // else it shows as "exe"
	report := os.NewFile(initReportFD, "report")
	syscall.CloseOnExec(initReportFD)

	signals := make(chan os.Signal, 64)
	signal.Notify(signals)
	pid, err := startApplication()
	answer := initReport{}
	if err != nil {
		known := &failure{codeStartFailed, err.Error()}
		errors.As(err, &known)
		answer = initReport{known.code, known.message}
	}
	if err := json.NewEncoder(report).Encode(answer); err != nil || answer.Code != "" {
		os.Exit(1)
	}
	report.Close()

	go passSignals(signals, pid)
	os.Exit(reapUntil(pid))
}

func nameThread(name string) {
	bytes := append([]byte(name), 0)
	syscall.RawSyscall(syscall.SYS_PRCTL, prSetName, uintptr(unsafe.Pointer(&bytes[0])), 0)
}

func startApplication() (int, error) {
	file := os.NewFile(initConfigFD, "config")
	syscall.CloseOnExec(initConfigFD)
	var config initConfig
	if err := json.NewDecoder(file).Decode(&config); err != nil {
		return 0, fmt.Errorf("the init cannot read its configuration: %w", err)
	}
	if config.Host {
		go endWith(file)
	}
	contained := config.RootDevice != ""
	var devices *os.File
	var err error
	if contained {
		if config.DeviceGroup != "" { // by its descriptor: its path is out of reach in the container's root
			if devices, err = os.OpenFile(config.DeviceGroup, os.O_WRONLY, 0); err != nil {
				return 0, err
			}
			defer devices.Close()
		}
		if err := enterContainerRoot(&config); err != nil {
			return 0, err
		}
	}
	command, err := config.Launch.resolve()
	if err != nil {
		return 0, err
	}
	if c := command.credential; c != nil {
		// A process that is not root may open /dev/stdout only if the pipe is its own.
		for _, fd := range []int{1, 2} {
			if err := syscall.Fchown(fd, int(c.Uid), int(c.Gid)); err != nil {
				return 0, fmt.Errorf("cannot hand the output pipes to uid %d: %w", c.Uid, err)
			}
		}
	}
	attributes := &syscall.SysProcAttr{Credential: command.credential, Setsid: true}
	if contained {
		if err := limitApplication(config.Launch.Capabilities, devices); err != nil {
			return 0, err
		}
	} else {
		attributes.Pdeathsig = syscall.SIGKILL // no PID namespace that ends with the init
	}
	pid, err := syscall.ForkExec(command.path, command.args, &syscall.ProcAttr{
		Env: command.env, Files: []uintptr{0, 1, 2}, Sys: attributes,
	})
	if err != nil {
		return 0, explainExec(command.path, err)
	}
	return pid, nil
}

// endWith ends the init when the pipe does, that is when the agent is gone: in a guest the machine ends with
// the agent, on an ordinary host the application would be left behind.
func endWith(agent io.Reader) {
	io.Copy(io.Discard, agent)
	os.Exit(1)
}

// limitApplication comes last: what it takes away was needed to make the container.
func limitApplication(capabilities string, devices *os.File) error {
	if err := limitOpenFiles(0); err != nil {
		return fmt.Errorf("cannot set the open file limit: %w", err)
	}
	if devices != nil {
		if _, err := devices.WriteString("0"); err != nil {
			return fmt.Errorf("cannot limit devices: %w", err)
		}
	}
	// Its groups are the roots that the container sees.
	if err := syscall.Unshare(cloneNewCgroup); err != nil {
		return fmt.Errorf("cannot make a control group namespace: %w", err)
	}
	if capabilities == "all" {
		return nil
	}
	return confineProcess()
}

// passSignals forwards what the agent (or the application's own children) sends to PID 1.
func passSignals(signals <-chan os.Signal, pid int) {
	for received := range signals {
		switch received {
		case syscall.SIGCHLD, syscall.SIGURG, syscall.SIGPIPE: // reaping; the Go runtime's own; our own writes
			continue
		}
		if err := syscall.Kill(pid, received.(syscall.Signal)); err != nil && err != syscall.ESRCH {
			fmt.Fprintf(os.Stderr, "tardigrade-init: cannot pass on %v: %v\n", received, err)
		}
	}
}

// reapUntil collects every child, adopted orphans too, until pid ends, and returns its exit code.
func reapUntil(pid int) int {
	for {
		var status syscall.WaitStatus
		ended, err := syscall.Wait4(-1, &status, 0, nil)
		if err == syscall.EINTR {
			continue
		}
		if err != nil {
			fmt.Fprintf(os.Stderr, "tardigrade-init: wait: %v\n", err)
			return 1
		}
		if ended == pid {
			return exitCode(status)
		}
	}
}
