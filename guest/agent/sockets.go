package main

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"syscall"
	"unsafe"
)

// Connections that were open when a snapshot was taken lead nowhere in a clone: the other side talks to nobody, or
// to another clone. They are reset when the machine wakes, so that who uses them sees an error and not silence.
// Unknown: guest-connections

const (
	netlinkSockDiag = 4  // NETLINK_SOCK_DIAG
	diagByFamily    = 20 // SOCK_DIAG_BY_FAMILY
	diagDestroy     = 21 // SOCK_DESTROY
	diagIDBytes     = 48 // struct inet_diag_sockid
	diagBuffer      = 32 << 10
)

// openStates are the TCP states of connections with a peer, as bits: ESTABLISHED, SYN_SENT, FIN_WAIT1, FIN_WAIT2,
// CLOSE_WAIT, LAST_ACK, CLOSING.
const openStates = 1<<1 | 1<<2 | 1<<4 | 1<<5 | 1<<8 | 1<<9 | 1<<11

// diagRequest is struct inet_diag_req_v2 behind its netlink header.
type diagRequest struct {
	header           syscall.NlMsghdr
	family, protocol uint8
	extensions, _    uint8
	states           uint32
	id               [diagIDBytes]byte
}

// connection is one TCP connection of this machine, as the kernel identifies it.
type connection struct {
	family                uint8
	id                    [diagIDBytes]byte
	localPort, remotePort uint16
	local, remote         net.IP
}

// own reports connections that a snapshot does not cut: inside the machine, and the host's to the agent.
func (c *connection) own() bool {
	return c.remote.IsLoopback() || c.remote.Equal(c.local) || c.remote.Equal(net.ParseIP(gatewayIP)) && fmt.Sprint(c.localPort) == agentPort
}

// resetConnections ends every TCP connection with another machine and tells how many there were.
func resetConnections() (int, error) {
	fd, err := syscall.Socket(syscall.AF_NETLINK, syscall.SOCK_DGRAM|syscall.SOCK_CLOEXEC, netlinkSockDiag)
	if err != nil {
		return 0, err
	}
	defer syscall.Close(fd)
	count := 0
	for _, family := range []uint8{syscall.AF_INET, syscall.AF_INET6} {
		open, err := connections(fd, family)
		if err != nil {
			return count, fmt.Errorf("cannot list connections: %w", err)
		}
		for _, c := range open {
			if c.own() {
				continue
			}
			if err := destroyConnection(fd, &c); err != nil && !errors.Is(err, syscall.ENOENT) {
				return count, fmt.Errorf("cannot reset the connection to %s: %w", c.remote, err)
			}
			count++
		}
	}
	return count, nil
}

func connections(fd int, family uint8) ([]connection, error) {
	request := diagRequest{family: family, protocol: syscall.IPPROTO_TCP, states: openStates}
	if err := request.send(fd, diagByFamily, syscall.NLM_F_REQUEST|syscall.NLM_F_DUMP); err != nil {
		return nil, err
	}
	var found []connection
	for {
		messages, err := receive(fd)
		if err != nil {
			return nil, err
		}
		for _, m := range messages {
			switch m.Header.Type {
			case syscall.NLMSG_DONE:
				return found, nil
			case syscall.NLMSG_ERROR:
				return nil, messageError(m.Data)
			case diagByFamily:
				if c, ok := parseConnection(m.Data); ok {
					found = append(found, c)
				}
			}
		}
	}
}

func destroyConnection(fd int, c *connection) error {
	request := diagRequest{family: c.family, protocol: syscall.IPPROTO_TCP, states: openStates, id: c.id}
	if err := request.send(fd, diagDestroy, syscall.NLM_F_REQUEST|syscall.NLM_F_ACK); err != nil {
		return err
	}
	messages, err := receive(fd)
	if err != nil {
		return err
	}
	for _, m := range messages {
		if m.Header.Type == syscall.NLMSG_ERROR {
			return messageError(m.Data)
		}
	}
	return nil
}

func (r *diagRequest) send(fd int, kind, flags uint16) error {
	r.header = syscall.NlMsghdr{Len: uint32(unsafe.Sizeof(*r)), Type: kind, Flags: flags}
	raw := (*[unsafe.Sizeof(*r)]byte)(unsafe.Pointer(r))[:]
	return syscall.Sendto(fd, raw, 0, &syscall.SockaddrNetlink{Family: syscall.AF_NETLINK})
}

func receive(fd int) ([]syscall.NetlinkMessage, error) {
	buffer := make([]byte, diagBuffer)
	n, _, err := syscall.Recvfrom(fd, buffer, 0)
	if err != nil {
		return nil, err
	}
	return syscall.ParseNetlinkMessage(buffer[:n])
}

// messageError is the error of an NLMSG_ERROR; 0 is an acknowledgement.
func messageError(data []byte) error {
	if len(data) < 4 {
		return syscall.EBADMSG
	}
	if code := int32(binary.LittleEndian.Uint32(data)); code != 0 {
		return syscall.Errno(-code)
	}
	return nil
}

// parseConnection reads struct inet_diag_msg: four bytes, then the id: ports (big endian), addresses, more.
func parseConnection(data []byte) (connection, bool) {
	if len(data) < 4+diagIDBytes {
		return connection{}, false
	}
	c := connection{family: data[0]}
	copy(c.id[:], data[4:])
	size := net.IPv4len
	if c.family == syscall.AF_INET6 {
		size = net.IPv6len
	}
	c.localPort, c.remotePort = binary.BigEndian.Uint16(c.id[0:]), binary.BigEndian.Uint16(c.id[2:])
	c.local, c.remote = append(net.IP{}, c.id[4:4+size]...), append(net.IP{}, c.id[20:20+size]...)
	return c, true
}
