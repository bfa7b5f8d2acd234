package main

import (
	"fmt"
	"os"
	"syscall"
	"unsafe"
)

// open opens what a descriptor stands for. Paths are the host's, in folders that no VMM can write.
func (d Descriptor) open() (*os.File, error) {
	switch {
	case d.Read != "":
		return os.OpenFile(d.Read, os.O_RDONLY|syscall.O_NOFOLLOW, 0)
	case d.Write != "":
		return os.OpenFile(d.Write, os.O_WRONLY|os.O_APPEND|os.O_CREATE|os.O_TRUNC|syscall.O_NOFOLLOW, 0o600)
	case d.Listen != "":
		return listen(d.Listen)
	case d.Tap != "":
		return openTap(d.Tap)
	}
	return nil, fmt.Errorf("an empty descriptor")
}

// listen makes a Unix socket that only root can connect to.
func listen(path string) (*os.File, error) {
	fd, err := syscall.Socket(syscall.AF_UNIX, syscall.SOCK_STREAM|syscall.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, fmt.Errorf("socket: %w", err)
	}
	file := os.NewFile(uintptr(fd), path)
	if err := syscall.Unlink(path); err != nil && err != syscall.ENOENT {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	// Nobody may connect between bind and chmod.
	syscall.Umask(0o177)
	defer syscall.Umask(0o077)
	if err := syscall.Bind(fd, &syscall.SockaddrUnix{Name: path}); err != nil {
		return nil, fmt.Errorf("bind %s: %w", path, err)
	}
	if err := syscall.Listen(fd, 1); err != nil {
		return nil, fmt.Errorf("listen %s: %w", path, err)
	}
	return file, nil
}

const (
	tunSetIff  = 0x400454ca
	iffTap     = 0x0002
	iffNoPi    = 0x1000
	iffVnetHdr = 0x4000
)

// openTap attaches to a tap of the network namespace that this thread is in.
func openTap(name string) (*os.File, error) {
	fd, err := syscall.Open("/dev/net/tun", syscall.O_RDWR|syscall.O_CLOEXEC, 0)
	if err != nil {
		return nil, fmt.Errorf("/dev/net/tun: %w", err)
	}
	var request [40]byte // struct ifreq
	if len(name) > 15 {
		return nil, fmt.Errorf("'%s' cannot name a tap", name)
	}
	copy(request[:], name)
	*(*uint16)(unsafe.Pointer(&request[16])) = iffTap | iffNoPi | iffVnetHdr
	if _, _, errno := syscall.RawSyscall(syscall.SYS_IOCTL, uintptr(fd), tunSetIff, uintptr(unsafe.Pointer(&request))); errno != 0 {
		return nil, fmt.Errorf("tap %s: %w", name, errno)
	}
	return os.NewFile(uintptr(fd), name), nil
}

// open opens the RAM file. One that exists is read only, whatever the VMM asks for.
func (r Ram) open() (int, error) {
	flags := syscall.O_RDONLY
	if r.Create {
		flags = syscall.O_RDWR | syscall.O_CREAT
	}
	fd, err := syscall.Open(r.Path, flags|syscall.O_NOFOLLOW|syscall.O_CLOEXEC, 0o600)
	if err != nil {
		return 0, fmt.Errorf("%s: %w", r.Path, err)
	}
	return fd, nil
}

func enterNetns(path string) error {
	fd, err := syscall.Open(path, syscall.O_RDONLY|syscall.O_CLOEXEC, 0)
	if err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	defer syscall.Close(fd)
	if _, _, errno := syscall.RawSyscall(sysSetns, uintptr(fd), syscall.CLONE_NEWNET, 0); errno != 0 {
		return fmt.Errorf("entering %s: %w", path, errno)
	}
	return nil
}
