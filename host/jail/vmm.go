package main

import (
	"fmt"
	"os"
	"strconv"
	"syscall"
	"unsafe"
)

// handedVariable holds how many descriptors the VMM gets; then come a pipe with the specification and a socket to the keeper.
const handedVariable = "HANDED"

// becomeVmm runs as root in namespaces of its own, and ends as the VMM. Returns only when that fails.
func becomeVmm() error {
	handed, err := strconv.Atoi(os.Getenv(handedVariable))
	if err != nil {
		return fmt.Errorf("to be started by its keeper only")
	}
	specPipe, keeper := os.NewFile(uintptr(3+handed), "specification"), 4+handed
	spec, err := readSpec(specPipe)
	if err != nil {
		return err
	}
	specPipe.Close()
	syscall.CloseOnExec(keeper)
	if err := makeRoot(spec); err != nil {
		return err
	}
	if err := syscall.Sethostname([]byte("vmm")); err != nil {
		return fmt.Errorf("hostname: %w", err)
	}
	path, argv, envv, err := execArguments(spec)
	if err != nil {
		return err
	}
	filter := seccompFilter(spec.Kvm)
	if err := setLimits(spec.Limits); err != nil {
		return err
	}
	if err := dropPrivileges(spec.Uid, spec.Ids.First); err != nil {
		return err
	}
	listener, err := installFilter(filter)
	if err != nil {
		return err
	}
	// Fails when the keeper has ended before it could take us along.
	if err := sendFd(keeper, listener); err != nil {
		return fmt.Errorf("the keeper is gone: %w", err)
	}
	// The listener and the socket close here; what was handed over stays.
	_, _, errno := syscall.RawSyscall(syscall.SYS_EXECVE, uintptr(unsafe.Pointer(path)), uintptr(unsafe.Pointer(&argv[0])), uintptr(unsafe.Pointer(&envv[0])))
	return fmt.Errorf("%s: %w", spec.Program, errno)
}

func execArguments(spec *Spec) (path *byte, argv, envv []*byte, err error) {
	if path, err = syscall.BytePtrFromString(spec.Program); err != nil {
		return
	}
	if argv, err = syscall.SlicePtrFromStrings(spec.Args); err != nil {
		return
	}
	envv, err = syscall.SlicePtrFromStrings(spec.Env)
	return
}
