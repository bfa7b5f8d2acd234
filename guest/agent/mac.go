package main

import (
	"bytes"
	"fmt"
	"net"
	"os"
	"syscall"
	"unsafe"
)

// networkCard changes the machine's MAC: a clone wakes with its template's. Its sockets are open from the start.
type networkCard struct {
	control int // for ioctl(2)
	packets int // sends raw frames, receives none
	index   int
	gateway net.HardwareAddr
}

func openNetworkCard() (*networkCard, error) {
	nic, err := net.InterfaceByName(guestNIC)
	if err != nil {
		return nil, err
	}
	gateway, err := net.ParseMAC(gatewayMAC)
	if err != nil {
		return nil, err
	}
	control, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_DGRAM|syscall.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, err
	}
	packets, err := syscall.Socket(syscall.AF_PACKET, syscall.SOCK_RAW|syscall.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, err
	}
	return &networkCard{control: control, packets: packets, index: nic.Index, gateway: gateway}, nil
}

// setMAC gives the card its address while it is up, so that routes stay. The kernel forgets all neighbours at
// that; the gateway's is entered anew, and the gateway is told.
func (card *networkCard) setMAC(mac net.HardwareAddr) error {
	request := ifreqAddr{}
	copy(request.name[:], guestNIC)
	if err := ioctl(card.control, syscall.SIOCGIFHWADDR, unsafe.Pointer(&request)); err != nil {
		return fmt.Errorf("cannot read the MAC: %w", err)
	}
	if !bytes.Equal(request.addr.data[:6], mac) {
		copy(request.addr.data[:], mac)
		if err := ioctl(card.control, syscall.SIOCSIFHWADDR, unsafe.Pointer(&request)); err != nil {
			return fmt.Errorf("cannot set the MAC to %s: %w", mac, err)
		}
		if err := setNeighbour(card.control, guestNIC, net.ParseIP(gatewayIP), card.gateway); err != nil {
			return fmt.Errorf("cannot set the gateway's neighbour entry: %w", err)
		}
	}
	return card.announce(mac)
}

// announce sends the gateway an ARP answer nobody asked for, by which it learns the MAC before the next packet.
func (card *networkCard) announce(mac net.HardwareAddr) error {
	const arpReply = 2
	address := net.ParseIP(guestIP).To4()
	frame := append([]byte{}, card.gateway...)
	frame = append(frame, mac...)
	frame = append(frame, 0x08, 0x06, 0, 1, 0x08, 0, 6, 4, 0, arpReply) // ARP of IPv4 on Ethernet
	for _, part := range [][]byte{mac, address, mac, address} {         // sender and target alike: gratuitous
		frame = append(frame, part...)
	}
	if err := syscall.Sendto(card.packets, frame, 0, &syscall.SockaddrLinklayer{Ifindex: card.index}); err != nil {
		return fmt.Errorf("cannot announce the MAC: %w", err)
	}
	return nil
}

// disableIPv6 leaves ::1 alone: applications listen there.
func disableIPv6() error {
	err := os.WriteFile("/proc/sys/net/ipv6/conf/"+guestNIC+"/disable_ipv6", []byte("1"), 0)
	if os.IsNotExist(err) {
		return nil // the kernel has no IPv6
	}
	return err
}

// parseMAC takes an address of one card: six bytes, not of a group.
func parseMAC(text string) (net.HardwareAddr, error) {
	mac, err := net.ParseMAC(text)
	if err != nil || len(mac) != 6 || mac[0]&1 != 0 {
		return nil, fail(codeBadRequest, "mac %q must be the address of one network card, as in 02:00:00:00:00:01", limitBytes(text, 64))
	}
	return mac, nil
}
