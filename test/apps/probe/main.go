// Command probe runs in a VMM's jail in the VMM's place, tries what a compromised one would, and tells whoever connects to
// its control socket what came of it. See test/integration/jail.test.ts.
//
// It is given, after "--", paths to try. Everything is done by raw system calls: what Go's library would do besides is
// refused here.
package main

import (
	"encoding/json"
	"os"
	"syscall"
	"unsafe"
)

type report struct {
	// Calls holds the outcome of each attempt: "ok" or the errno's name.
	Calls map[string]string
	// Refused counts the numbers of the sweep by outcome; Other holds those that were not refused.
	Refused map[string]int
	Other   map[int]string
}

const controlFd = 3

var out = report{Calls: map[string]string{}, Refused: map[string]int{}, Other: map[int]string{}}

func main() {
	openRam()
	tryPaths(os.Args)
	tryCalls()
	sweep()
	tell()
}

func outcome(errno syscall.Errno) string {
	if errno == 0 {
		return "ok"
	}
	if name, known := names[errno]; known {
		return name
	}
	return errno.Error()
}

var names = map[syscall.Errno]string{
	syscall.EPERM: "EPERM", syscall.ENOSYS: "ENOSYS", syscall.ENOENT: "ENOENT", syscall.EROFS: "EROFS", syscall.EACCES: "EACCES",
	syscall.EBADF: "EBADF", syscall.EINVAL: "EINVAL", syscall.EFAULT: "EFAULT", syscall.ESRCH: "ESRCH", syscall.EBUSY: "EBUSY",
	syscall.EFBIG: "EFBIG", syscall.EMFILE: "EMFILE",
}

func try(name string, number uintptr, args ...uintptr) uintptr {
	var a [6]uintptr
	copy(a[:], args)
	result, _, errno := syscall.RawSyscall6(number, a[0], a[1], a[2], a[3], a[4], a[5])
	out.Calls[name] = outcome(errno)
	return result
}

func text(s string) uintptr {
	p, _ := syscall.BytePtrFromString(s)
	kept = append(kept, p)
	return uintptr(unsafe.Pointer(p))
}

var kept []*byte

const cwd = ^uintptr(99) // AT_FDCWD

func open(name, path string, flags uintptr) uintptr {
	return try(name, syscall.SYS_OPENAT, cwd, text(path), flags, 0o600)
}

// openRam takes what the VMM is given once, and tries to write it, and to get it again.
func openRam() {
	fd := open("ram", "/ram", syscall.O_RDWR)
	if out.Calls["ram"] != "ok" {
		return
	}
	byte1 := []byte{1}
	try("ram: write", syscall.SYS_PWRITE64, fd, uintptr(unsafe.Pointer(&byte1[0])), 1, 0)
	try("ram: map shared, to write", syscall.SYS_MMAP, 0, 4096, syscall.PROT_READ|syscall.PROT_WRITE, syscall.MAP_SHARED, fd, 0)
	try("ram: map private, to write", syscall.SYS_MMAP, 0, 4096, syscall.PROT_READ|syscall.PROT_WRITE, syscall.MAP_PRIVATE, fd, 0)
	try("ram: truncate", syscall.SYS_FTRUNCATE, fd, 0)
	open("ram: again", "/ram", syscall.O_RDWR)
}

func tryPaths(args []string) {
	for len(args) > 0 && args[0] != "--" {
		args = args[1:]
	}
	for _, path := range args[1:] {
		open("read "+path, path, syscall.O_RDONLY|syscall.O_CLOEXEC)
		open("write "+path, path, syscall.O_RDWR|syscall.O_CLOEXEC)
	}
	for _, path := range []string{"/new", "/vmm/bin/new", "/vmm/lib/new"} {
		open("create "+path, path, syscall.O_RDWR|syscall.O_CREAT|syscall.O_CLOEXEC)
	}
}

// tell waits for a client of the control socket and answers it.
func tell() {
	text, _ := json.Marshal(out)
	client, _, errno := syscall.RawSyscall6(sysAccept4, controlFd, 0, 0, 0, 0, 0)
	if errno != 0 {
		os.Exit(1)
	}
	for len(text) > 0 {
		n, _, errno := syscall.RawSyscall(syscall.SYS_SENDTO, client, uintptr(unsafe.Pointer(&text[0])), uintptr(len(text)))
		if errno != 0 {
			os.Exit(1)
		}
		text = text[n:]
	}
	os.Exit(0)
}
