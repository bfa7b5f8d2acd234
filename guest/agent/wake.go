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

// waker gives a clone a life of its own: it woke with the clock, the random state, the names and the connections of
// its template. A machine that resumes keeps its names. Docs: docs/snapshots-and-uniqueness.md. Unknown: guest-ids
type waker struct {
	urandom *os.File // open from the start: one system call less on the critical path
	card    *networkCard
	bootID  *bootID
	host    bool
	mu      sync.Mutex // orders wakes, and what is done after their answers
	name    string     // of the last wake; another one means another machine
}

func newWaker(host bool) (*waker, error) {
	if host {
		return &waker{host: true}, nil
	}
	file, err := os.OpenFile("/dev/urandom", os.O_WRONLY, 0)
	if err != nil {
		return nil, err
	}
	card, err := openNetworkCard()
	if err != nil {
		return nil, err
	}
	bootID, err := newBootID(bootIDFile)
	if err != nil {
		return nil, err
	}
	return &waker{urandom: file, card: card, bootID: bootID}, nil
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
	var mac net.HardwareAddr
	if r.MAC != "" {
		if mac, err = parseMAC(r.MAC); err != nil {
			return err
		}
	}
	a.clock.mu.Lock()
	defer a.clock.mu.Unlock()
	other := a.clock.name != r.Hostname
	if a.clock.host {
		sum := fnv.New64a()
		sum.Write(decoded[:entropyBytes])
		fmt.Printf("wake %d %s %x\n", nanos, r.Hostname, sum.Sum64())
	} else if err := a.clock.apply(nanos, &pool, r.Hostname); err != nil {
		return err
	} else if err := a.clock.detach(mac); err != nil {
		return err
	} else if other {
		if err := a.becomeOther(); err != nil {
			return err
		}
	}
	a.clock.name = r.Hostname
	if _, err := conn.Write(answerOK); err != nil {
		return nil
	}
	conn.Close()
	a.app.renameHost(r.Hostname)
	if c := a.app.current(); other && c != nil && c.contained {
		go func() {
			if err := a.renewSSHKeys(c); err != nil {
				logf("ssh host keys are the template's: %v", err)
			}
		}()
	}
	return nil
}

// becomeOther renews what tells this machine from other clones, and stays over its suspensions.
func (a *agent) becomeOther() error {
	if err := a.clock.bootID.renew(); err != nil {
		return fmt.Errorf("cannot renew the boot id: %w", err)
	}
	if c := a.app.current(); c != nil && c.contained {
		if err := renewMachineID(c.init.pid); err != nil {
			logf("machine id not renewed: %v", err) // the application may have made the file unwritable
		}
	}
	return nil
}

// detach ends connections that lead nowhere, and takes the MAC.
func (w *waker) detach(mac net.HardwareAddr) error {
	if _, err := resetConnections(); err != nil {
		logf("connections of the snapshot stay: %v", err)
	}
	if mac == nil {
		return nil
	}
	return w.card.setMAC(mac)
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
