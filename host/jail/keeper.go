package main

import (
	"fmt"
	"os"
	"os/signal"
	"syscall"
	"unsafe"
)

// specFd is a socket to the daemon: the specification comes in, the VMM's pid goes out.
const specFd = 3

const closeRangeCloexec = 4

// keep makes the jail and waits for the VMM's end. Returns only when there was none.
func keep() error {
	// Whatever the daemon was started with stays here: the VMM gets what is handed to it, and nothing that was left open.
	if _, _, errno := syscall.RawSyscall(sysCloseRange, specFd, ^uintptr(0)>>32, closeRangeCloexec); errno != 0 {
		return fmt.Errorf("closing descriptors: %w; Linux 5.11 or newer is needed", errno)
	}
	syscall.Umask(0o077)
	daemon := os.NewFile(specFd, "daemon")
	spec, err := readSpec(daemon)
	if err != nil {
		return err
	}
	if spec.Uid, err = takeId(spec.Ids); err != nil {
		return err
	}
	if spec.Netns != "" {
		// And stays there: by it a later daemon knows which network belongs to this VM. The VMM's own is empty.
		if err := enterNetns(spec.Netns); err != nil {
			return err
		}
	}
	handed, err := openAll(spec.Descriptors)
	if err != nil {
		return err
	}
	var ram = -1
	if spec.Ram != nil {
		if ram, err = spec.Ram.open(); err != nil {
			return err
		}
	}
	logs, err := openLogs(spec.Descriptors)
	if err != nil {
		return err
	}
	child, err := start(spec, handed)
	if err != nil {
		return err
	}
	go bound(logs)
	kills := make(chan os.Signal, 1)
	signal.Notify(kills, syscall.SIGTERM)
	go func() {
		for range kills {
			syscall.Kill(child.pid, syscall.SIGKILL)
		}
	}()
	// An answer nobody reads is no reason to end: the daemon may be gone, and a later one takes the VM over.
	fmt.Fprintf(daemon, "{\"pid\":%d,\"uid\":%d}\n", child.pid, spec.Uid)
	daemon.Close()
	if listener, err := receiveFd(child.socket); err == nil {
		err = admit(listener, ram)
		if err != nil {
			fmt.Fprintln(os.Stderr, "jail:", err)
		}
		syscall.Close(listener)
	} // else it ended before, and said why
	child.socket.Close()
	if ram >= 0 {
		syscall.Close(ram)
	}
	endAs(wait(child.pid))
	return nil
}

func openAll(descriptors []Descriptor) ([]*os.File, error) {
	var files []*os.File
	for _, descriptor := range descriptors {
		file, err := descriptor.open()
		if err != nil {
			return nil, err
		}
		files = append(files, file)
	}
	return files, nil
}

type child struct {
	pid    int
	socket *os.File
}

// namespaces of the VMM. No user namespace: its user is nobody in the host's own, and one would only offer it more of the kernel.
const namespaces = syscall.CLONE_NEWNS | syscall.CLONE_NEWPID | syscall.CLONE_NEWNET | syscall.CLONE_NEWIPC | syscall.CLONE_NEWUTS

// start runs this program again in new namespaces, with descriptors 0 to 2, those of the VMM, a pipe with the
// specification, and a socket to us.
func start(spec *Spec, handed []*os.File) (*child, error) {
	specReader, specWriter, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	pair, err := syscall.Socketpair(syscall.AF_UNIX, syscall.SOCK_STREAM|syscall.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, err
	}
	ours, theirs := os.NewFile(uintptr(pair[0]), "vmm"), os.NewFile(uintptr(pair[1]), "keeper")
	fds := []uintptr{0, 1, 2}
	for _, file := range append(handed, specReader, theirs) {
		fds = append(fds, file.Fd())
	}
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	pid, err := syscall.ForkExec(self, []string{"tardigrade-jail"}, &syscall.ProcAttr{
		Files: fds,
		Env:   []string{fmt.Sprintf("%s=%d", handedVariable, len(handed)), "GOMAXPROCS=1"},
		Sys:   &syscall.SysProcAttr{Cloneflags: namespaces, Pdeathsig: syscall.SIGKILL},
	})
	if err != nil {
		return nil, fmt.Errorf("cannot make mount, pid, network, ipc and uts namespaces (%w): root is needed, and a kernel and container that allow them", err)
	}
	for _, file := range append(handed, specReader, theirs) {
		file.Close()
	}
	if err := sendSpec(specWriter, spec); err != nil {
		return nil, err
	}
	return &child{pid: pid, socket: ours}, nil
}

func wait(pid int) syscall.WaitStatus {
	var status syscall.WaitStatus
	for {
		if _, err := syscall.Wait4(pid, &status, 0, nil); err != syscall.EINTR {
			return status
		}
	}
}

// endAs ends this process as that one did: by the same signal or with the same code.
func endAs(status syscall.WaitStatus) {
	if !status.Signaled() {
		os.Exit(status.ExitStatus())
	}
	number := status.Signal()
	// No dump of ours, and not Go's handler: the kernel's default action.
	syscall.Setrlimit(syscall.RLIMIT_CORE, &syscall.Rlimit{})
	var action [4]uintptr // struct sigaction: SIG_DFL
	syscall.RawSyscall6(syscall.SYS_RT_SIGACTION, uintptr(number), uintptr(unsafe.Pointer(&action)), 0, 8, 0, 0)
	// To this thread, so that it is delivered before the next line.
	syscall.RawSyscall(syscall.SYS_TGKILL, uintptr(os.Getpid()), uintptr(syscall.Gettid()), uintptr(number))
	os.Exit(128 + int(number))
}
