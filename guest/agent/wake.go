package main

import (
	"encoding/base64"
	"fmt"
	"hash/fnv"
	"net"
	"os"
	"strconv"
	"sync"
	"syscall"
	"unsafe"
)

const (
	entropyBytes  = 64
	rndAddEntropy = 0x40085203 // RNDADDENTROPY of <linux/random.h>
	rndReseedCRNG = 0x5207     // RNDRESEEDCRNG
	clockRealtime = 0
	hostnameMax   = 64 // __NEW_UTS_LEN
)

// waker gives a clone a life of its own: it woke with the clock, the random state and the name of its template.
type waker struct {
	urandom *os.File // open from the start: one system call less on the critical path
	host    bool
	files   sync.Mutex // orders the writes of /etc/hostname after the answers
}

func newWaker(host bool) (*waker, error) {
	if host {
		return &waker{host: true}, nil
	}
	file, err := os.OpenFile("/dev/urandom", os.O_WRONLY, 0)
	if err != nil {
		return nil, err
	}
	return &waker{urandom: file}, nil
}

// randPoolInfo is struct rand_pool_info with its buffer.
type randPoolInfo struct {
	entropyBits int32
	size        int32
	buffer      [entropyBytes]byte
}

// wake is on the critical path of every launch and resume: the application's traffic waits for its answer.
func (a *agent) wake(conn *net.TCPConn, r *request) error {
	nanos, err := strconv.ParseInt(r.UnixNanos, 10, 64)
	if err != nil || nanos < 0 {
		return fail(codeBadRequest, "unixNanos %q is not a count of nanoseconds since 1970", limitBytes(r.UnixNanos, 64))
	}
	pool := randPoolInfo{entropyBits: entropyBytes * 8, size: entropyBytes}
	if base64.StdEncoding.DecodedLen(len(r.Entropy)) > entropyBytes+2 {
		return fail(codeBadRequest, "entropy must be base64 of %d bytes", entropyBytes)
	}
	decoded := make([]byte, entropyBytes+2)
	if n, err := base64.StdEncoding.Decode(decoded, []byte(r.Entropy)); err != nil || n != entropyBytes {
		return fail(codeBadRequest, "entropy must be base64 of %d bytes", entropyBytes)
	}
	copy(pool.buffer[:], decoded)
	if !validHostname(r.Hostname) {
		return fail(codeBadRequest, "hostname %q must be 1 to %d letters, digits, dots and hyphens", limitBytes(r.Hostname, 2*hostnameMax), hostnameMax)
	}
	if a.clock.host {
		sum := fnv.New64a()
		sum.Write(decoded[:entropyBytes])
		fmt.Printf("wake %d %s %x\n", nanos, r.Hostname, sum.Sum64())
	} else if err := a.clock.apply(nanos, &pool, r.Hostname); err != nil {
		return err
	}
	if _, err := conn.Write(answerOK); err != nil {
		return nil
	}
	conn.Close()
	a.clock.files.Lock()
	defer a.clock.files.Unlock()
	a.app.renameHost(r.Hostname)
	return nil
}

// apply leaves CLOCK_MONOTONIC where the snapshot had it; AWS advances it. Unknown: guest-monotonic
func (w *waker) apply(nanos int64, pool *randPoolInfo, hostname string) error {
	now := syscall.NsecToTimespec(nanos)
	if _, _, errno := syscall.Syscall(sysClockSettime, clockRealtime, uintptr(unsafe.Pointer(&now)), 0); errno != 0 {
		return fmt.Errorf("cannot set the clock to %d ns: %w", nanos, errno)
	}
	fd := int(w.urandom.Fd())
	if err := ioctl(fd, rndAddEntropy, unsafe.Pointer(pool)); err != nil {
		return fmt.Errorf("cannot add entropy: %w", err)
	}
	if err := ioctl(fd, rndReseedCRNG, nil); err != nil {
		return fmt.Errorf("cannot reseed the kernel's random generator: %w", err)
	}
	if err := syscall.Sethostname([]byte(hostname)); err != nil {
		return fmt.Errorf("cannot set the hostname to %q: %w", hostname, err)
	}
	return nil
}

func validHostname(name string) bool {
	if len(name) == 0 || len(name) > hostnameMax {
		return false
	}
	for _, c := range []byte(name) {
		if !(c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '-' || c == '.') {
			return false
		}
	}
	return true
}
