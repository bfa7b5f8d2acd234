package main

import (
	"bytes"
	"fmt"
	"os"
	"syscall"
	"unsafe"
)

// Two calls a VMM makes once, at its start, are never to be made again: it becomes the program, and it opens the file
// behind its guest's memory. Our filter asks the keeper about them (seccomp_unotify(2)). Once both are done the keeper
// closes the listener, and from then on the kernel refuses them by itself, with ENOSYS.
//
// The open is answered with a descriptor of ours: QEMU 7.2 opens the file for writing even to map it copy on write, and
// a template belongs to other VMs too. So it gets one for reading, though it asked for more.

type notification struct {
	id    uint64
	pid   uint32
	flags uint32
	data  struct {
		nr   int32
		arch uint32
		ip   uint64
		args [6]uint64
	}
}

type response struct {
	id    uint64
	val   int64
	error int32
	flags uint32
}

type addFd struct {
	id         uint64
	flags      uint32
	srcFd      uint32
	newFd      uint32
	newFdFlags uint32
}

const (
	notifRecv    = 0xc0502100 // SECCOMP_IOCTL_NOTIF_RECV
	notifSend    = 0xc0182101 // SECCOMP_IOCTL_NOTIF_SEND
	notifAddFd   = 0x40182103 // SECCOMP_IOCTL_NOTIF_ADDFD
	flagContinue = 1          // SECCOMP_USER_NOTIF_FLAG_CONTINUE
)

// admit answers until the VMM has become the program and has its RAM, or has ended. ram < 0: it needs none.
func admit(listener, ram int) error {
	for started := false; ; {
		if started && ram < 0 {
			return nil
		}
		// First, as older kernels wait for good for a call of a process that has ended.
		if !waiting(listener) {
			return nil
		}
		var asked notification
		if errno := ioctl(listener, notifRecv, unsafe.Pointer(&asked)); errno == syscall.EINTR || errno == syscall.ENOENT {
			continue // ENOENT: it was killed meanwhile
		} else if errno != 0 {
			return fmt.Errorf("listening to the filter: %w", errno)
		}
		if int(asked.data.nr) == syscall.SYS_EXECVE && !started {
			started = true
			answer := response{id: asked.id, flags: flagContinue}
			if errno := ioctl(listener, notifSend, unsafe.Pointer(&answer)); errno != 0 && errno != syscall.ENOENT {
				return fmt.Errorf("letting the VMM start: %w", errno)
			}
			continue
		}
		give := -1
		if int(asked.data.nr) == syscall.SYS_OPENAT && started {
			switch pathOf(&asked) {
			case ramPath:
				give = ram
			case "/dev/null": // to see whether files can be locked, which the filter then refuses
				give = 0
			}
		}
		if give < 0 {
			refusal := response{id: asked.id, error: -int32(syscall.EPERM)}
			if errno := ioctl(listener, notifSend, unsafe.Pointer(&refusal)); errno != 0 && errno != syscall.ENOENT {
				return fmt.Errorf("refusing a call: %w", errno)
			}
			continue
		}
		if err := hand(listener, asked.id, give); err != nil {
			return err
		}
		if give == ram {
			return nil
		}
	}
}

// hand puts a descriptor into the VMM and answers its open with it. In two steps: a signal to us, and Go sends itself
// some, in the middle of SECCOMP_ADDFD_FLAG_SEND makes the kernel answer 0, the VMM's standard input.
func hand(listener int, id uint64, fd int) error {
	request := addFd{id: id, srcFd: uint32(fd), newFdFlags: syscall.O_CLOEXEC}
	there, _, errno := syscall.Syscall(syscall.SYS_IOCTL, uintptr(listener), notifAddFd, uintptr(unsafe.Pointer(&request)))
	for errno == syscall.EINTR {
		there, _, errno = syscall.Syscall(syscall.SYS_IOCTL, uintptr(listener), notifAddFd, uintptr(unsafe.Pointer(&request)))
	}
	if errno == 0 {
		answer := response{id: id, val: int64(there)}
		errno = ioctl(listener, notifSend, unsafe.Pointer(&answer))
	}
	if errno != 0 && errno != syscall.ENOENT { // ENOENT: it was killed meanwhile
		return fmt.Errorf("handing over a descriptor: %w", errno)
	}
	return nil
}

// ramPath is what the VMM is told to open as its RAM. There is no such file in the jail.
const ramPath = "/ram"

// pathOf reads the path of an openat(2) from the memory of who called. What it becomes meanwhile does not matter: nothing
// is given for it but what the VMM is to have anyway.
func pathOf(asked *notification) string {
	var buffer [16]byte // longer than those we know
	local := syscall.Iovec{Base: &buffer[0]}
	local.SetLen(len(buffer))
	remote := struct{ base, length uint64 }{asked.data.args[1], uint64(len(buffer))}
	n, _, errno := syscall.Syscall6(sysProcessVmReadv, uintptr(asked.pid), uintptr(unsafe.Pointer(&local)), 1, uintptr(unsafe.Pointer(&remote)), 1, 0)
	if errno != 0 {
		return ""
	}
	path, _, ok := bytes.Cut(buffer[:n], []byte{0})
	if !ok {
		return ""
	}
	return string(path)
}

const pollIn = 1

// waiting waits for a call to answer; false when nobody is left whom the filter holds.
func waiting(listener int) bool {
	for {
		poll := struct {
			fd      int32
			events  int16
			revents int16
		}{fd: int32(listener), events: pollIn}
		_, _, errno := syscall.Syscall6(syscall.SYS_PPOLL, uintptr(unsafe.Pointer(&poll)), 1, 0, 0, 0, 0)
		if errno == syscall.EINTR {
			continue
		}
		return errno == 0 && poll.revents&pollIn != 0
	}
}

func ioctl(fd int, request uintptr, argument unsafe.Pointer) syscall.Errno {
	_, _, errno := syscall.Syscall(syscall.SYS_IOCTL, uintptr(fd), request, uintptr(argument))
	return errno
}

// sendFd hands a descriptor over the socket.
func sendFd(socket, fd int) error {
	return syscall.Sendmsg(socket, []byte{0}, syscall.UnixRights(fd), nil, 0)
}

func receiveFd(socket *os.File) (int, error) {
	buffer := make([]byte, 1)
	control := make([]byte, syscall.CmsgSpace(4))
	_, n, _, _, err := syscall.Recvmsg(int(socket.Fd()), buffer, control, syscall.MSG_CMSG_CLOEXEC)
	if err != nil {
		return 0, err
	}
	messages, err := syscall.ParseSocketControlMessage(control[:n])
	if err != nil {
		return 0, err
	}
	if len(messages) == 0 {
		return 0, fmt.Errorf("it ended")
	}
	fds, err := syscall.ParseUnixRights(&messages[0])
	if err != nil {
		return 0, err
	}
	return fds[0], nil
}
