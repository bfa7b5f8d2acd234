package main

import (
	"encoding/hex"
	"errors"
	"os"
	"strings"
	"syscall"
)

const machineIDLength = 32

// containerFile opens a file of the container by its path there. No link on the way is followed, which the
// application could have laid to lead out of its root.
func containerFile(pid int, path string, flags int, mode uint32) (*os.File, error) {
	parts := strings.Split(strings.Trim(path, "/"), "/")
	folder, err := syscall.Open(procFile(pid, "root"), syscall.O_DIRECTORY|syscall.O_RDONLY|syscall.O_CLOEXEC, 0)
	if err != nil {
		return nil, err
	}
	for i, part := range parts {
		// Whatever stands there is not waited for.
		how, permissions := syscall.O_DIRECTORY|syscall.O_RDONLY, uint32(0)
		if i == len(parts)-1 {
			how, permissions = flags|syscall.O_NONBLOCK, mode
		}
		next, err := syscall.Openat(folder, part, how|syscall.O_NOFOLLOW|syscall.O_CLOEXEC, permissions)
		syscall.Close(folder)
		if err != nil {
			return nil, &os.PathError{Op: "open", Path: path, Err: err}
		}
		folder = next
	}
	return os.NewFile(uintptr(folder), path), nil
}

// renewMachineID writes a new id into the files that hold one; an image without, or with one still to be made at
// its first boot, keeps that.
func renewMachineID(pid int) error {
	uuid, err := randomUUID()
	if err != nil {
		return err
	}
	id := strings.ReplaceAll(uuid, "-", "") // as systemd makes them
	var failed error
	for _, path := range []string{"/etc/machine-id", "/var/lib/dbus/machine-id"} {
		if err := overwriteMachineID(pid, path, id); err != nil && failed == nil {
			failed = err
		}
	}
	return failed
}

func overwriteMachineID(pid int, path, id string) error {
	file, err := containerFile(pid, path, syscall.O_RDWR, 0)
	if errors.Is(err, os.ErrNotExist) || errors.Is(err, syscall.ELOOP) || errors.Is(err, syscall.ENOTDIR) {
		return nil // none, or a link to the other
	}
	if err != nil {
		return err
	}
	defer file.Close()
	if info, err := file.Stat(); err != nil || !info.Mode().IsRegular() {
		return err
	}
	old := make([]byte, machineIDLength+2)
	n, _ := file.ReadAt(old, 0) // shorter than the buffer, so always with io.EOF
	if _, err := hex.DecodeString(strings.TrimSpace(string(old[:n]))); err != nil || n < machineIDLength {
		return nil
	}
	_, err = file.WriteAt([]byte(id), 0)
	return err
}
