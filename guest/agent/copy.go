package main

import (
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
)

// containerCopyArg makes the binary a copier inside the container, which need not have tar.
const containerCopyArg = "container-copy"

// Ops that run the copier.
const (
	copyPack   = "pack"   // a file or folder as a tar on stdout
	copyUnpack = "unpack" // a tar on stdin to a path
)

// copy runs the copier as root in the application's container.
func (a *agent) copy(conn *net.TCPConn, rest []byte, r *request) error {
	if !strings.HasPrefix(r.Path, "/") {
		return fail(codeBadRequest, "path %q must be absolute", limitBytes(r.Path, 256))
	}
	if strings.ContainsRune(r.Path, 0) {
		return fail(codeBadRequest, "path %q holds a NUL", limitBytes(r.Path, 256))
	}
	// By the container's /proc, which shows the child once it is there.
	copier := &command{path: "/proc/self/exe", args: []string{"tardigrade-copy", containerCopyArg, r.Op, r.Path}}
	return a.runInContainer(conn, rest, &launch{Capabilities: "all"}, func() (*command, error) { return copier, nil }, nil)
}

// containerCopy is the copier. It ends the process; what went wrong is on stderr.
func containerCopy(args []string) {
	syscall.Umask(0)
	err := fmt.Errorf("usage: %s %s|%s <path>", containerCopyArg, copyPack, copyUnpack)
	if len(args) == 2 {
		switch args[0] {
		case copyPack:
			err = pack(args[1], os.Stdout, warn)
		case copyUnpack:
			err = unpack(args[1], os.Stdin)
		}
	}
	if err != nil {
		warn("%v", err)
		os.Exit(1)
	}
	os.Exit(0)
}

func warn(format string, args ...any) {
	fmt.Fprintf(os.Stderr, format+"\n", args...)
}

// rootName is what a tar calls the file or folder it was made of: "." stands for the content of a folder, as in
// "/srv/." and "/".
func rootName(path string) string {
	if path == "/" || strings.HasSuffix(path, "/.") {
		return "."
	}
	return filepath.Base(path)
}
