package main

import (
	"fmt"
	"net"
	"os"
	"syscall"
	"time"
	"unsafe"
)

// nicWait bounds how long the virtio NIC may take to appear after its module was loaded.
const nicWait = 5 * time.Second

// setUpNetwork brings up lo and the NIC with the fixed address, a default route and a permanent neighbour
// entry for the gateway, so that the first packet of a fresh clone need not wait for ARP.
func setUpNetwork() error {
	if err := waitForPath("/sys/class/net/"+guestNIC, nicWait); err != nil {
		return fmt.Errorf("network interface %s did not appear: %w", guestNIC, err)
	}
	fd, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_DGRAM|syscall.SOCK_CLOEXEC, 0)
	if err != nil {
		return fmt.Errorf("cannot open a socket for set-up of the network: %w", err)
	}
	defer syscall.Close(fd)
	gateway := net.ParseIP(gatewayIP)
	mac, err := net.ParseMAC(gatewayMAC)
	if err != nil {
		return err
	}
	steps := []struct {
		what string
		run  func() error
	}{
		{"bring up lo", func() error { return bringUp(fd, "lo") }},
		{"set the address", func() error { return setAddress(fd, syscall.SIOCSIFADDR, guestNIC, net.ParseIP(guestIP)) }},
		{"set the netmask", func() error { return setAddress(fd, syscall.SIOCSIFNETMASK, guestNIC, net.ParseIP(guestMask)) }},
		{"bring up " + guestNIC, func() error { return bringUp(fd, guestNIC) }},
		{"set the gateway's neighbour entry", func() error { return setNeighbour(fd, guestNIC, gateway, mac) }},
		{"set the default route", func() error { return setDefaultRoute(fd, gateway) }},
		{"disable IPv6 on " + guestNIC, disableIPv6},
	}
	for _, step := range steps {
		if err := step.run(); err != nil {
			return fmt.Errorf("network: cannot %s: %w", step.what, err)
		}
	}
	return nil
}

// ifreqFlags and ifreqAddr are struct ifreq (40 bytes on 64 bit) with the union member in use.
type ifreqFlags struct {
	name  [syscall.IFNAMSIZ]byte
	flags uint16
	_     [22]byte
}

type ifreqAddr struct {
	name [syscall.IFNAMSIZ]byte
	addr sockaddr
	_    [8]byte
}

// sockaddr is struct sockaddr: for AF_INET, data is port (2 bytes), address (4 bytes); of a card, its MAC.
type sockaddr struct {
	family uint16
	data   [14]byte
}

// rtentry is struct rtentry of <linux/route.h> on 64 bit.
type rtentry struct {
	_                     uint64
	dst, gateway, genmask sockaddr
	flags                 uint16
	_                     int16
	_                     uint64
	_                     uintptr
	metric                int16
	dev                   uintptr
	mtu, window           uint64
	irtt                  uint16
}

// arpreq is struct arpreq of <linux/if_arp.h>.
type arpreq struct {
	pa, ha  sockaddr
	flags   int32
	netmask sockaddr
	dev     [syscall.IFNAMSIZ]byte
}

const (
	arpComplete  = 0x02
	arpPermanent = 0x04
)

func inet(ip net.IP) sockaddr {
	addr := sockaddr{family: syscall.AF_INET}
	copy(addr.data[2:6], ip.To4())
	return addr
}

func bringUp(fd int, nic string) error {
	var request ifreqFlags
	copy(request.name[:], nic)
	if err := ioctl(fd, syscall.SIOCGIFFLAGS, unsafe.Pointer(&request)); err != nil {
		return err
	}
	request.flags |= syscall.IFF_UP
	return ioctl(fd, syscall.SIOCSIFFLAGS, unsafe.Pointer(&request))
}

func setAddress(fd int, operation uintptr, nic string, ip net.IP) error {
	request := ifreqAddr{addr: inet(ip)}
	copy(request.name[:], nic)
	return ioctl(fd, operation, unsafe.Pointer(&request))
}

func setNeighbour(fd int, nic string, ip net.IP, mac net.HardwareAddr) error {
	request := arpreq{pa: inet(ip), flags: arpComplete | arpPermanent}
	request.ha.family = syscall.ARPHRD_ETHER
	copy(request.ha.data[:], mac)
	copy(request.dev[:], nic)
	return ioctl(fd, syscall.SIOCSARP, unsafe.Pointer(&request))
}

func setDefaultRoute(fd int, gateway net.IP) error {
	any := inet(net.IPv4zero)
	request := rtentry{dst: any, genmask: any, gateway: inet(gateway), flags: syscall.RTF_UP | syscall.RTF_GATEWAY}
	return ioctl(fd, syscall.SIOCADDRT, unsafe.Pointer(&request))
}

func ioctl(fd int, operation uintptr, argument unsafe.Pointer) error {
	if _, _, errno := syscall.Syscall(syscall.SYS_IOCTL, uintptr(fd), operation, uintptr(argument)); errno != 0 {
		return errno
	}
	return nil
}

// waitForPath polls every 5 ms until path exists; drivers make their devices a little after being loaded.
func waitForPath(path string, limit time.Duration) error {
	for end := time.Now().Add(limit); ; time.Sleep(5 * time.Millisecond) {
		_, err := os.Stat(path)
		if err == nil || !os.IsNotExist(err) || time.Now().After(end) {
			return err
		}
	}
}
