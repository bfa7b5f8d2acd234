package main

import (
	"context"
	"net"
	"syscall"
)

// Ancillary data of a packet filter, of <linux/filter.h>: the index of the card a packet came in by.
const packetCard = 0xfffff000 + 8 // SKF_AD_OFF + SKF_AD_IFINDEX

// listenFromOutside serves, in a guest, only what comes in by the network card. The address of the peer is no proof: root
// in a container may send packets in the gateway's name, but those come by the loopback. A filter on the socket drops
// them; connections inherit it, so that nothing can be slipped into one either. (A socket bound to the card will not
// do: packets from the machine to its own address count as the card's.)
func listenFromOutside(address string, host bool) (net.Listener, error) {
	if host {
		return net.Listen("tcp4", address)
	}
	card, err := net.InterfaceByName(guestNIC)
	if err != nil {
		return nil, err
	}
	filter := []instruction{load(packetCard), jump(syscall.BPF_JEQ, uint32(card.Index), 1, 0), answer(0), answer(0xffffffff)}
	config := net.ListenConfig{Control: func(_, _ string, raw syscall.RawConn) error {
		var failed error
		if err := raw.Control(func(fd uintptr) { failed = syscall.AttachLsf(int(fd), filter) }); err != nil {
			return err
		}
		return failed
	}}
	return config.Listen(context.Background(), "tcp4", address)
}
