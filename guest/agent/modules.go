package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"unsafe"
)

// loadModules loads the .ko files named in a file of dir, one per line, in that order. A module that fails is
// logged and passed over: the machine may do without it, and what it cannot do without fails by name later.
func loadModules(dir, list string) {
	order, err := os.ReadFile(filepath.Join(dir, list))
	if err != nil {
		logf("no modules loaded: %v", err)
		return
	}
	for _, name := range strings.Fields(string(order)) {
		if err := loadModule(filepath.Join(dir, name)); err != nil {
			logf("module %s: %v", name, err)
		}
	}
}

func loadModule(path string) error {
	file, err := os.Open(path)
	if err != nil {
		return err
	}
	defer file.Close()
	noParameters := []byte{0}
	_, _, errno := syscall.Syscall(sysFinitModule, file.Fd(), uintptr(unsafe.Pointer(&noParameters[0])), 0)
	if errno != 0 && errno != syscall.EEXIST {
		return fmt.Errorf("finit_module: %w", errno)
	}
	return nil
}
