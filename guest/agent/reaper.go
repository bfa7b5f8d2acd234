package main

import (
	"os"
	"os/signal"
	"sync"
	"syscall"
)

// reaper owns wait4(-1): as PID 1 the agent inherits every orphan of the guest, and a second waiter (os/exec)
// would race it for statuses. All processes of the agent are started here, and nowhere else.
type reaper struct {
	mu       sync.Mutex // held over fork and over wait: no status is collected before its process is known
	children map[int]*process
}

// process is a child of the agent until its status is collected.
type process struct {
	pid    int
	owner  *reaper
	gone   bool               // collected; pid may belong to another process now. Guarded by owner.mu
	status syscall.WaitStatus // valid once done is closed
	done   chan struct{}
}

func newReaper() *reaper {
	r := &reaper{children: map[int]*process{}}
	exits := make(chan os.Signal, 1)
	signal.Notify(exits, syscall.SIGCHLD)
	go func() {
		for range exits {
			r.collect()
		}
	}()
	return r
}

// start forks from the calling thread, so that its namespaces, root, folder and bounding set are inherited.
func (r *reaper) start(path string, args []string, attributes *syscall.ProcAttr) (*process, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	pid, err := syscall.ForkExec(path, args, attributes)
	if err != nil {
		return nil, err
	}
	p := &process{pid: pid, owner: r, done: make(chan struct{})}
	r.children[pid] = p
	return p, nil
}

func (r *reaper) collect() {
	r.mu.Lock()
	defer r.mu.Unlock()
	for {
		var status syscall.WaitStatus
		pid, err := syscall.Wait4(-1, &status, syscall.WNOHANG, nil)
		if err == syscall.EINTR {
			continue
		}
		if err != nil || pid <= 0 {
			return
		}
		if p, ours := r.children[pid]; ours {
			delete(r.children, pid)
			p.gone, p.status = true, status
			close(p.done)
		}
	}
}

// signal reaches the process only while it is uncollected, so never a stranger that got its pid.
func (p *process) signal(number syscall.Signal) error {
	return p.send(p.pid, number)
}

// signalGroup is signal for the process and its process group, which it must lead.
func (p *process) signalGroup(number syscall.Signal) error {
	return p.send(-p.pid, number)
}

func (p *process) send(target int, number syscall.Signal) error {
	p.owner.mu.Lock()
	defer p.owner.mu.Unlock()
	if p.gone {
		return os.ErrProcessDone
	}
	return syscall.Kill(target, number)
}

// exitCode is the process's code, or 128 + n when signal n ended it.
func exitCode(status syscall.WaitStatus) int {
	if status.Signaled() {
		return 128 + int(status.Signal())
	}
	return status.ExitStatus()
}
