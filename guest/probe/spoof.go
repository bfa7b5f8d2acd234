package main

import (
	"encoding/binary"
	"fmt"
	"net"
	"os"
	"strings"
	"syscall"
	"time"
)

const (
	etherIPv4 = 0x0800
	etherARP  = 0x0806
	// questionPort is where answers come to.
	questionPort = 40053
	// spoofWait is how long an answer, or the gateway's question for the pretended address, is waited for.
	spoofWait = 1500 * time.Millisecond
)

// spoofSource asks the resolver in the name of each address next to its own. Whoever took such a packet would ask for that
// address by ARP, or answer it: both come along the wire. The same question in its own name shows that the wire is seen.
// What a packet does that is never answered cannot be seen from here.
func spoofSource(*targets) (string, bool, error) {
	to := net.ParseIP(gateway()).To4()
	card, own := cardTo(to)
	if to == nil || card == nil {
		return "", false, skipped("this guest has no network card with a gateway")
	}
	wire, err := openWire(card)
	if err != nil {
		return "", false, skipped(fmt.Sprintf("no raw frames here: %v", err))
	}
	defer syscall.Close(wire.fd)
	gatewayMAC, err := hardwareOf(to)
	if err != nil {
		return "", false, err
	}
	if err := wire.send(gatewayMAC, question(own, to)); err != nil {
		return "", false, err
	}
	if _, seen := wire.sees([]string{own.String()}); !seen {
		return "", false, skipped("the resolver does not answer, so that silence would mean nothing")
	}
	others := []string{}
	for _, address := range around(own.String()) {
		if ip := net.ParseIP(address); !ip.Equal(own) && !ip.Equal(to) {
			others = append(others, address)
			if err := wire.send(gatewayMAC, question(ip, to)); err != nil {
				return "", false, err
			}
		}
	}
	if address, seen := wire.sees(others); seen {
		return fmt.Sprintf("a packet from %s was taken", address), true, nil
	}
	return fmt.Sprintf("%d addresses tried, no answer to any", len(others)), false, nil
}

type rawWire struct {
	fd   int
	card *net.Interface
}

func openWire(card *net.Interface) (*rawWire, error) {
	every := htons(syscall.ETH_P_ALL)
	fd, err := syscall.Socket(syscall.AF_PACKET, syscall.SOCK_RAW|syscall.SOCK_CLOEXEC, int(every))
	if err != nil {
		return nil, err
	}
	timeout := syscall.NsecToTimeval((100 * time.Millisecond).Nanoseconds())
	if err := syscall.SetsockoptTimeval(fd, syscall.SOL_SOCKET, syscall.SO_RCVTIMEO, &timeout); err != nil {
		syscall.Close(fd)
		return nil, err
	}
	if err := syscall.Bind(fd, &syscall.SockaddrLinklayer{Protocol: every, Ifindex: card.Index}); err != nil {
		syscall.Close(fd)
		return nil, err
	}
	return &rawWire{fd, card}, nil
}

func (w *rawWire) send(to net.HardwareAddr, packet []byte) error {
	frame := append(append(append([]byte{}, to...), w.card.HardwareAddr...), etherIPv4>>8, etherIPv4&0xff)
	_, err := syscall.Write(w.fd, append(frame, packet...))
	return err
}

// sees waits for a frame from outside that is for one of the addresses: an answer of the resolver, or a question who has it.
func (w *rawWire) sees(addresses []string) (string, bool) {
	frame := make([]byte, 65536)
	for end := time.Now().Add(spoofWait); time.Now().Before(end); {
		n, from, err := syscall.Recvfrom(w.fd, frame, 0)
		if err != nil {
			continue // nothing for a moment
		}
		if link, ok := from.(*syscall.SockaddrLinklayer); ok && link.Pkttype == syscall.PACKET_OUTGOING {
			continue
		}
		if address := isFor(frame[:n]); contains(addresses, address) {
			return address, true
		}
	}
	return "", false
}

// isFor is whom a datagram to our question's port is for, or whom a question by ARP asks for; empty for other frames.
func isFor(frame []byte) string {
	if len(frame) < 42 {
		return ""
	}
	switch binary.BigEndian.Uint16(frame[12:]) {
	case etherARP:
		if binary.BigEndian.Uint16(frame[20:]) == 1 {
			return net.IP(frame[38:42]).String()
		}
	case etherIPv4:
		head := 14 + int(frame[14]&0x0f)*4
		if frame[23] == syscall.IPPROTO_UDP && len(frame) >= head+4 && binary.BigEndian.Uint16(frame[head+2:]) == questionPort {
			return net.IP(frame[30:34]).String()
		}
	}
	return ""
}

// question is a DNS query for localhost, in a datagram from that address.
func question(from, to net.IP) []byte {
	query := []byte{0x12, 0x34, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0, 9, 'l', 'o', 'c', 'a', 'l', 'h', 'o', 's', 't', 0, 0, 1, 0, 1}
	packet := make([]byte, 28+len(query))
	packet[0] = 0x45
	binary.BigEndian.PutUint16(packet[2:], uint16(len(packet)))
	packet[8], packet[9] = 64, syscall.IPPROTO_UDP
	copy(packet[12:], from.To4())
	copy(packet[16:], to.To4())
	binary.BigEndian.PutUint16(packet[10:], checksum(packet[:20]))
	binary.BigEndian.PutUint16(packet[20:], questionPort)
	binary.BigEndian.PutUint16(packet[22:], 53)
	binary.BigEndian.PutUint16(packet[24:], uint16(8+len(query))) // no checksum: 0 says so
	copy(packet[28:], query)
	return packet
}

func checksum(head []byte) uint16 {
	total := uint32(0)
	for i := 0; i+1 < len(head); i += 2 {
		total += uint32(binary.BigEndian.Uint16(head[i:]))
	}
	for total>>16 != 0 {
		total = total&0xffff + total>>16
	}
	return ^uint16(total)
}

// cardTo is the card in whose network the address is, and its own address there.
func cardTo(address net.IP) (*net.Interface, net.IP) {
	cards, err := net.Interfaces()
	if err != nil {
		return nil, nil
	}
	for i := range cards {
		all, err := cards[i].Addrs()
		if err != nil {
			continue
		}
		for _, one := range all {
			if network, ok := one.(*net.IPNet); ok && address != nil && network.Contains(address) && network.IP.To4() != nil {
				return &cards[i], network.IP.To4()
			}
		}
	}
	return nil, nil
}

// hardwareOf is what ARP knows of an address that was spoken to.
func hardwareOf(address net.IP) (net.HardwareAddr, error) {
	if conn, err := net.DialTimeout("tcp", net.JoinHostPort(address.String(), "53"), dialWait); err == nil {
		conn.Close()
	}
	table, err := os.ReadFile("/proc/net/arp")
	if err != nil {
		return nil, err
	}
	for _, line := range strings.Split(string(table), "\n") {
		if fields := strings.Fields(line); len(fields) > 3 && fields[0] == address.String() {
			return net.ParseMAC(fields[3])
		}
	}
	return nil, skipped("the gateway's hardware address is not known")
}

func htons(value uint16) uint16 {
	return value<<8 | value>>8
}
