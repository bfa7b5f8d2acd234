package main

import (
	"errors"
	"os"
	"path"
	"runtime"
	"sort"
	"strings"
	"syscall"
	"unsafe"
)

const defaultPath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

// launch says what is executed and as whom; names in it are those of the root it runs in.
type launch struct {
	Args         []string
	Env          map[string]string
	Cwd          string
	User         string
	Capabilities string // "default" or "all"
}

// command is a launch whose names were looked up.
type command struct {
	path       string
	args, env  []string
	credential *syscall.Credential
}

// resolve looks user and executable up in the calling thread's root and enters the working folder, which is
// created if missing. It is entered before the user is changed, as container runtimes do.
func (l *launch) resolve() (*command, error) {
	if len(l.Args) == 0 || l.Args[0] == "" {
		return nil, fail(codeBadRequest, "args must hold at least the name of an executable")
	}
	user, err := lookUpUser(l.User)
	if err != nil {
		return nil, err
	}
	env := environment(l.Env, user.home)
	cwd := path.Clean("/" + l.Cwd)
	if err := os.MkdirAll(cwd, 0o755); err != nil {
		return nil, fail(codeStartFailed, "working folder %q cannot be made: %v", cwd, err)
	}
	if err := syscall.Chdir(cwd); err != nil {
		return nil, fail(codeStartFailed, "working folder %q cannot be entered: %v", cwd, err)
	}
	file, err := lookUpExecutable(l.Args[0], valueOf(env, "PATH"))
	if err != nil {
		return nil, err
	}
	c := &command{path: file, args: l.Args, env: env}
	if uid := os.Geteuid(); uid == 0 || uid != int(user.uid) {
		c.credential = &syscall.Credential{Uid: user.uid, Gid: user.gid, Groups: user.groups}
	}
	return c, nil
}

// environment is env as KEY=value, sorted, with HOME and PATH if unset.
func environment(env map[string]string, home string) []string {
	out := make([]string, 0, len(env)+2)
	for key, value := range env {
		out = append(out, key+"="+value)
	}
	if _, set := env["HOME"]; !set {
		out = append(out, "HOME="+home)
	}
	if _, set := env["PATH"]; !set {
		out = append(out, "PATH="+defaultPath)
	}
	sort.Strings(out)
	return out
}

func valueOf(env []string, key string) string {
	for _, entry := range env {
		if strings.HasPrefix(entry, key+"=") {
			return entry[len(key)+1:]
		}
	}
	return ""
}

// lookUpExecutable finds name as execvp(3) does: with a slash as it is, else in the folders of search.
func lookUpExecutable(name, search string) (string, error) {
	if strings.Contains(name, "/") {
		return name, checkExecutable(name)
	}
	for _, folder := range strings.Split(search, ":") {
		if folder == "" {
			folder = "."
		}
		file := folder + "/" + name
		if checkExecutable(file) == nil {
			return file, nil
		}
	}
	return "", fail(codeStartFailed, "executable %q not found in PATH %q", name, search)
}

func checkExecutable(file string) error {
	info, err := os.Stat(file)
	switch {
	case errors.Is(err, os.ErrNotExist):
		return fail(codeStartFailed, "executable %q does not exist", file)
	case err != nil:
		return fail(codeStartFailed, "executable %q: %v", file, err)
	case info.IsDir():
		return fail(codeStartFailed, "executable %q is a folder", file)
	case info.Mode()&0o111 == 0:
		return fail(codeStartFailed, "executable %q has no execute permission: chmod +x it", file)
	}
	return nil
}

// explainExec says what an errno of execve(2) means for a file that exists.
func explainExec(file string, err error) error {
	switch {
	case errors.Is(err, syscall.ENOENT):
		return fail(codeStartFailed, "executable %q: its interpreter (the #! line or the dynamic loader) does not exist", file)
	case errors.Is(err, syscall.ENOEXEC):
		return fail(codeStartFailed, "executable %q: not a program for %s and not a script with a #! line", file, runtime.GOARCH)
	case errors.Is(err, syscall.EACCES):
		return fail(codeStartFailed, "executable %q: the user may not execute it", file)
	}
	return fail(codeStartFailed, "executable %q: %v", file, err)
}

// onOwnThread runs fn on a thread of its own root and working folder that dies with the call, so that fn may
// change root, namespaces and bounding set without a trace in the agent.
func onOwnThread(fn func() error) error {
	result := make(chan error)
	go func() {
		runtime.LockOSThread() // never unlocked: the runtime then ends the thread with the goroutine
		if err := syscall.Unshare(syscall.CLONE_FS); err != nil {
			result <- err
			return
		}
		result <- fn()
	}()
	return <-result
}

func changeRoot(folder string) error {
	if err := syscall.Chroot(folder); err != nil {
		return err
	}
	return syscall.Chdir("/")
}

// limitOpenFiles sets the limits of a process (0: the calling one) to 1024 soft, which processes rely on
// (select(2), daemons that close every descriptor up to the limit), and what the agent may itself have, hard.
// Unknown: guest-nofile-hard
func limitOpenFiles(pid int) error {
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil {
		return err
	}
	limit.Cur = 1024
	if _, _, errno := syscall.Syscall6(sysPrlimit64, uintptr(pid), syscall.RLIMIT_NOFILE, uintptr(unsafe.Pointer(&limit)), 0, 0, 0); errno != 0 {
		return errno
	}
	return nil
}
