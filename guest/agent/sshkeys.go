package main

import (
	"errors"
	"fmt"
	"os"
	"path"
	"strconv"
	"strings"
	"syscall"
)

const sshFolder = "/etc/ssh"

// sshKeyTypes in the order they are made, the quick ones first.
var sshKeyTypes = []string{"ed25519", "ecdsa", "rsa"}

// renewSSHKeys makes new host keys for those the image came with, by the container's own ssh-keygen, and tells a
// running sshd. It takes seconds on a slow machine, so nothing waits for it.
func (a *agent) renewSSHKeys(c *container) error {
	renewed := false
	for _, kind := range sshKeyTypes {
		key := path.Join(sshFolder, "ssh_host_"+kind+"_key")
		file, err := containerFile(c.init.pid, key, syscall.O_RDONLY, 0)
		if err != nil {
			continue // no such key
		}
		file.Close()
		if err := a.renewSSHKey(c, kind, key); err != nil {
			return fmt.Errorf("%s: %w", key, err)
		}
		renewed = true
	}
	if renewed {
		hangUpDaemon(c.init.pid, "sshd")
	}
	return nil
}

func (a *agent) renewSSHKey(c *container, kind, key string) error {
	fresh := path.Join(sshFolder, ".new_host_"+kind)
	for _, name := range []string{fresh, fresh + ".pub"} {
		if err := moveInContainer(c.init.pid, name, ""); err != nil && !errors.Is(err, os.ErrNotExist) {
			return err
		}
	}
	spec := launch{Args: []string{"ssh-keygen", "-q", "-N", "", "-C", "", "-t", kind, "-f", fresh}, Capabilities: c.spec.Capabilities}
	code, err := a.runQuietly(c, &spec)
	if err != nil {
		return err
	}
	if code != 0 {
		return fmt.Errorf("ssh-keygen ended with %d", code)
	}
	for _, suffix := range []string{"", ".pub"} {
		if err := moveInContainer(c.init.pid, fresh+suffix, key+suffix); err != nil {
			return err
		}
	}
	return nil
}

// runQuietly runs a program in the container, as root and confined as the application, and waits for its end.
func (a *agent) runQuietly(c *container, spec *launch) (int, error) {
	null, err := os.OpenFile(os.DevNull, os.O_RDWR, 0)
	if err != nil {
		return 0, err
	}
	defer null.Close()
	var p *process
	err = onOwnThread(func() error {
		if err := c.enter(); err != nil {
			return err
		}
		s := &session{command: spec.resolve, capabilities: spec.Capabilities, contained: c.contained}
		p, err = a.spawn(s, []*os.File{null, null, null})
		return err
	})
	if err != nil {
		return 0, err
	}
	<-p.done
	return exitCode(p.status), nil
}

// moveInContainer renames within one folder, or removes when there is no new name; links are not followed.
func moveInContainer(pid int, from, to string) error {
	folder, err := containerFile(pid, path.Dir(from), syscall.O_DIRECTORY|syscall.O_RDONLY, 0)
	if err != nil {
		return err
	}
	defer folder.Close()
	fd := int(folder.Fd())
	if to == "" {
		return syscall.Unlinkat(fd, path.Base(from))
	}
	return syscall.Renameat(fd, path.Base(from), fd, path.Base(to))
}

// hangUpDaemon sends SIGHUP to the container's processes of that name whose parent has another: at it a daemon reads
// its files anew.
func hangUpDaemon(init int, name string) {
	space, err := os.Readlink(procFile(init, "ns/pid"))
	if err != nil {
		return // the container has ended
	}
	entries, err := os.ReadDir("/proc")
	if err != nil {
		logf("cannot look for %s: %v", name, err)
		return
	}
	for _, entry := range entries {
		pid, err := strconv.Atoi(entry.Name())
		if err != nil || pid == init {
			continue
		}
		if its, err := os.Readlink(procFile(pid, "ns/pid")); err != nil || its != space {
			continue
		}
		if own, parent := nameAndParent(pid); own == name {
			if above, _ := nameAndParent(parent); above != name {
				syscall.Kill(pid, syscall.SIGHUP)
			}
		}
	}
}

// nameAndParent reads /proc/<pid>/stat: "pid (name) state parent …".
func nameAndParent(pid int) (string, int) {
	text, err := os.ReadFile(procFile(pid, "stat"))
	if err != nil {
		return "", 0
	}
	start, end := strings.IndexByte(string(text), '('), strings.LastIndexByte(string(text), ')')
	if start < 0 || end < start {
		return "", 0
	}
	fields := strings.Fields(string(text[end+1:]))
	if len(fields) < 2 {
		return "", 0
	}
	parent, _ := strconv.Atoi(fields[1])
	return string(text[start+1 : end]), parent
}
