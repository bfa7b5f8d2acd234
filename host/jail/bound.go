package main

import (
	"os"
	"time"
)

const (
	// A guest may write to its console without end, and make the VMM complain without end: what is kept of both is their end.
	boundMax   = 1 << 20
	boundKept  = 64 << 10
	boundEvery = time.Second
)

// bound keeps files that are only appended to from growing, for as long as this process lives.
func bound(files []*os.File) {
	for range time.Tick(boundEvery) {
		for _, file := range files {
			shorten(file) // one that cannot be: tried again, and RLIMIT_FSIZE holds
		}
	}
}

// shorten leaves the last 64 KiB of a file of more than 1 MiB. Its writer appends, so what it writes meanwhile comes first.
func shorten(file *os.File) error {
	info, err := file.Stat()
	if err != nil || info.Size() <= boundMax {
		return err
	}
	end := make([]byte, boundKept)
	n, err := file.ReadAt(end, info.Size()-boundKept)
	if err != nil && n == 0 {
		return err
	}
	if err := file.Truncate(0); err != nil {
		return err
	}
	_, err = file.Write(end[:n])
	return err
}

// openLogs opens, for appending and reading, the files among the descriptors that the VMM writes.
func openLogs(descriptors []Descriptor) ([]*os.File, error) {
	var files []*os.File
	for _, descriptor := range descriptors {
		if descriptor.Write == "" {
			continue
		}
		file, err := os.OpenFile(descriptor.Write, os.O_RDWR|os.O_APPEND, 0)
		if err != nil {
			return nil, err
		}
		files = append(files, file)
	}
	// What the VMM prints goes where our own messages go.
	if file, err := os.OpenFile("/proc/self/fd/2", os.O_RDWR|os.O_APPEND, 0); err == nil {
		files = append(files, file)
	}
	return files, nil
}
