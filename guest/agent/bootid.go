package main

import (
	"crypto/rand"
	"encoding/hex"
	"os"
)

// bootIDFile is shown in the container in place of /proc/sys/kernel/random/boot_id: the kernel makes its own once,
// and every clone would have the template's.
const (
	bootIDFile   = "/run/boot-id"
	bootIDKernel = "/proc/sys/kernel/random/boot_id"
)

// bootID is the file, written in place, since it is mounted elsewhere.
type bootID struct{ file *os.File }

func newBootID(path string) (*bootID, error) {
	file, err := os.OpenFile(path, os.O_CREATE|os.O_WRONLY, 0o444)
	if err != nil {
		return nil, err
	}
	id := &bootID{file}
	return id, id.renew()
}

func (id *bootID) renew() error {
	text, err := randomUUID()
	if err != nil {
		return err
	}
	_, err = id.file.WriteAt([]byte(text+"\n"), 0)
	return err
}

// randomUUID is one of version 4.
func randomUUID() (string, error) {
	var bytes [16]byte
	if _, err := rand.Read(bytes[:]); err != nil {
		return "", err
	}
	bytes[6], bytes[8] = bytes[6]&0x0f|0x40, bytes[8]&0x3f|0x80
	text := hex.EncodeToString(bytes[:])
	return text[:8] + "-" + text[8:12] + "-" + text[12:16] + "-" + text[16:20] + "-" + text[20:], nil
}
