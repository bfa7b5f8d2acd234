package main

const version = "1"

// Fixed addressing inside every guest, so that one snapshot fits any link; the host translates.
const (
	guestIP    = "172.31.255.2"
	guestMask  = "255.255.255.252"
	gatewayIP  = "172.31.255.1"
	gatewayMAC = "02:54:44:47:00:01"
	guestNIC   = "eth0"
	agentPort  = "1024"
)
