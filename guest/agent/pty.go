package main

import (
	"fmt"
	"os"
	"syscall"
	"unsafe"
)

// Terminal controls of <asm-generic/ioctls.h>.
const (
	tiocSetWindowSize = 0x5414
	tiocSetLock       = 0x40045431 // TIOCSPTLCK
	tiocGetPeer       = 0x5441     // TIOCGPTPEER: opens the other side without a path
)

// windowSize is a terminal's size in characters; 0x0, as a new terminal has it, is unknown.
type windowSize struct {
	Cols uint16 `json:"cols"`
	Rows uint16 `json:"rows"`
}

func (size windowSize) apply(master *os.File) error {
	raw, err := master.SyscallConn()
	if err != nil {
		return err
	}
	value := struct{ rows, cols, xPixels, yPixels uint16 }{rows: size.Rows, cols: size.Cols}
	var failed error
	err = raw.Control(func(fd uintptr) { failed = ioctl(int(fd), tiocSetWindowSize, unsafe.Pointer(&value)) })
	if err != nil {
		return err
	}
	return failed
}

// openTerminal makes a terminal of the calling thread's root: ttyname(3) in the container then finds it.
func openTerminal() (master, slave *os.File, err error) {
	const flags = syscall.O_RDWR | syscall.O_NOCTTY | syscall.O_CLOEXEC
	fd := -1
	for _, path := range []string{"/dev/pts/ptmx", "/dev/ptmx"} {
		// Whatever stands there is not waited for.
		if fd, err = syscall.Open(path, flags|syscall.O_NONBLOCK, 0); err == nil {
			break
		}
	}
	if err != nil {
		return nil, nil, fail(codeStartFailed, "no terminal can be opened: /dev/ptmx: %v", err)
	}
	unlocked := int32(0)
	if err := ioctl(fd, tiocSetLock, unsafe.Pointer(&unlocked)); err != nil {
		syscall.Close(fd)
		return nil, nil, fail(codeStartFailed, "no terminal can be opened: /dev/ptmx is no terminal multiplexer: %v", err)
	}
	peer, _, errno := syscall.Syscall(syscall.SYS_IOCTL, uintptr(fd), tiocGetPeer, flags)
	if errno != 0 {
		syscall.Close(fd)
		return nil, nil, fmt.Errorf("cannot open a terminal's other side: %w", errno)
	}
	return os.NewFile(uintptr(fd), "terminal"), os.NewFile(peer, "terminal's other side"), nil
}
