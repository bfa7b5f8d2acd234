package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// killApplication ends the application's main process: the oldest child of the container's init.
func killApplication(proc string, out *os.File) error {
	pid, err := mainProcess(proc)
	if err != nil {
		return err
	}
	fmt.Fprintln(out, pid)
	if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
		return err
	}
	// It ends with the container, at once.
	time.Sleep(time.Minute)
	return errors.New("the application was killed a minute ago, and its container still runs")
}

func mainProcess(proc string) (int, error) {
	entries, err := filepath.Glob(filepath.Join(proc, "[0-9]*", "stat"))
	if err != nil {
		return 0, err
	}
	lowest := 0
	for _, entry := range entries {
		content, err := os.ReadFile(entry)
		if err != nil {
			continue // it ended meanwhile
		}
		line := string(content)
		// proc(5): state and parent follow the parenthesised name.
		fields := strings.Fields(line[strings.LastIndexByte(line, ')')+1:])
		pid, err := strconv.Atoi(filepath.Base(filepath.Dir(entry)))
		if err != nil || len(fields) < 2 || fields[1] != "1" {
			continue
		}
		if lowest == 0 || pid < lowest {
			lowest = pid
		}
	}
	if lowest == 0 {
		return 0, errors.New("the container's init has no child: the application cannot be told from it")
	}
	return lowest, nil
}

// panicKernel needs a /proc that is writable, as with all capabilities.
func panicKernel() error {
	if err := os.WriteFile("/proc/sys/kernel/sysrq", []byte("1"), 0); err != nil {
		return err
	}
	return os.WriteFile("/proc/sysrq-trigger", []byte("c"), 0)
}
