package main

import (
	"fmt"
	"math/rand"
	"os"
	"path/filepath"
	"strconv"
	"syscall"
	"time"
)

// takeId chooses an id that no living VM on this host has, of whichever daemon. It is held by a lock on a file, which the
// kernel drops when the keeper ends, however that happens. The files stay: removing one would race with its next user.
func takeId(ids Ids) (int, error) {
	if ids.First <= 0 || ids.Count < 2 {
		return 0, fmt.Errorf("range of ids: %d from %d", ids.Count, ids.First)
	}
	if err := os.MkdirAll(ids.Locks, 0o700); err != nil {
		return 0, err
	}
	own := ids.Count - 1
	// Anywhere in the range, so that an id is not taken again at once.
	start := rand.New(rand.NewSource(time.Now().UnixNano() ^ int64(os.Getpid())<<32)).Intn(own)
	for i := 0; i < own; i++ {
		id := ids.First + 1 + (start+i)%own
		fd, err := syscall.Open(filepath.Join(ids.Locks, strconv.Itoa(id)), syscall.O_RDONLY|syscall.O_CREAT|syscall.O_CLOEXEC, 0o600)
		if err != nil {
			return 0, fmt.Errorf("%s: %w", ids.Locks, err)
		}
		if syscall.Flock(fd, syscall.LOCK_EX|syscall.LOCK_NB) == nil {
			return id, nil // fd stays open as long as this process lives
		}
		syscall.Close(fd)
	}
	return 0, fmt.Errorf("all %d user ids from %d on are taken by VMs", own, ids.First+1)
}
