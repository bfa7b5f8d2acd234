package main

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// readNeighbourFile looks at the path itself and below the root of every process it can see.
func readNeighbourFile(aim *targets) (string, bool, error) {
	if aim.Neighbour.File == "" {
		return "", false, skipped("the neighbour could keep no file")
	}
	places, err := filepath.Glob("/proc/[0-9]*/root" + aim.Neighbour.File)
	if err != nil {
		return "", false, err
	}
	for _, path := range append(places, aim.Neighbour.File) {
		if content, err := os.ReadFile(path); err == nil && bytes.Contains(content, []byte(aim.Secret)) {
			return "its secret, in " + path, true, nil
		}
	}
	return "not there", false, nil
}

// openDevices reads the first block of whatever disk or memory device there is.
func openDevices(aim *targets) (string, bool, error) {
	if aim.OwnsMachine {
		return "", false, skipped("the image has all capabilities: root owns the devices of its own machine")
	}
	tried, opened := 0, []string{}
	for _, pattern := range []string{"/dev/vd*", "/dev/sd*", "/dev/nvme*", "/dev/dm-*", "/dev/loop*", "/dev/mem", "/dev/kmem", "/dev/kvm", "/dev/port", "/proc/kcore"} {
		paths, err := filepath.Glob(pattern)
		if err != nil {
			return "", false, err
		}
		for _, path := range paths {
			tried++
			if readsAnything(path) {
				opened = append(opened, path)
			}
		}
	}
	if len(opened) > 0 {
		return "read " + strings.Join(opened, ", "), true, nil
	}
	return fmt.Sprintf("%d there, none readable", tried), false, nil
}

func readsAnything(path string) bool {
	file, err := os.Open(path)
	if err != nil {
		return false
	}
	defer file.Close()
	n, _ := file.Read(make([]byte, 512))
	return n > 0
}

// differs holds when two MicroVMs of one snapshot are not the same machine twice.
func differs(aim *targets) (string, bool, error) {
	if aim.Neighbour.Random == "" || aim.Neighbour.BootID == "" {
		return "", false, skipped("the neighbour could read neither")
	}
	switch {
	case random() == aim.Neighbour.Random:
		return "the same random bytes", true, nil
	case bootID() == aim.Neighbour.BootID:
		return "the same boot id", true, nil
	}
	return "both differ", false, nil
}
