package main

import (
	"io"
	"os"
	"strconv"
	"strings"
	"syscall"
)

// identity is who a process runs as.
type identity struct {
	uid, gid uint32
	groups   []uint32 // supplementary
	home     string
}

const accountFileMax = 4 << 20

// lookUpUser resolves an image's USER: "", "user", "uid", "user:group", "uid:gid" in any mix. As in Docker a
// uid need not be listed, and a group given explicitly replaces the supplementary groups. Unknown: guest-user-groups
func lookUpUser(spec string) (*identity, error) {
	name, group, groupGiven := strings.Cut(spec, ":")
	if name == "" {
		name = "0"
	}
	passwd, err := accountLines("/etc/passwd")
	if err != nil {
		return nil, err
	}
	groups, err := accountLines("/etc/group")
	if err != nil {
		return nil, err
	}
	who := &identity{home: "/"}
	entry := find(passwd, name, 6)
	switch {
	case entry != nil:
		uid, uidOK := parseID(entry[2])
		gid, gidOK := parseID(entry[3])
		if !uidOK || !gidOK {
			return nil, fail(codeStartFailed, "user %q has a bad line in /etc/passwd of the image", spec)
		}
		who.uid, who.gid, who.home = uid, gid, entry[5]
		name = entry[0]
	default:
		uid, ok := parseID(name)
		if !ok {
			return nil, fail(codeStartFailed, "user %q is not in /etc/passwd of the image: create it there or use a numeric id", name)
		}
		who.uid = uid
	}
	if who.uid == 0 && (entry == nil || who.home == "") {
		who.home = "/root"
	}
	if groupGiven && group != "" {
		if entry := find(groups, group, 3); entry != nil {
			group = entry[2]
		}
		gid, ok := parseID(group)
		if !ok {
			return nil, fail(codeStartFailed, "group %q is not in /etc/group of the image: create it there or use a numeric id", group)
		}
		who.gid = gid
		return who, nil
	}
	for _, entry := range groups {
		if len(entry) >= 4 && contains(strings.Split(entry[3], ","), name) {
			if gid, ok := parseID(entry[2]); ok {
				who.groups = append(who.groups, gid)
			}
		}
	}
	return who, nil
}

// find returns the entry of that name, else of that id (third member), with at least `members` members.
func find(entries [][]string, nameOrID string, members int) []string {
	for _, column := range []int{0, 2} {
		for _, entry := range entries {
			if len(entry) >= members && entry[column] == nameOrID {
				return entry
			}
		}
	}
	return nil
}

func parseID(text string) (uint32, bool) {
	id, err := strconv.ParseUint(text, 10, 31)
	return uint32(id), err == nil
}

func contains(list []string, item string) bool {
	for _, each := range list {
		if each == item {
			return true
		}
	}
	return false
}

// accountLines splits a colon-separated file; a missing one is empty. The image may hold anything at that
// name, so it is opened without waiting (a FIFO) and read up to a limit.
func accountLines(name string) ([][]string, error) {
	file, err := os.OpenFile(name, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if os.IsNotExist(err) {
		return nil, nil
	}
	if err != nil {
		return nil, fail(codeStartFailed, "%s of the image cannot be read: %v", name, err)
	}
	defer file.Close()
	if info, err := file.Stat(); err != nil || !info.Mode().IsRegular() {
		return nil, fail(codeStartFailed, "%s of the image is not a regular file", name)
	}
	text, err := io.ReadAll(io.LimitReader(file, accountFileMax))
	if err != nil {
		return nil, fail(codeStartFailed, "%s of the image cannot be read: %v", name, err)
	}
	var entries [][]string
	for _, line := range strings.Split(string(text), "\n") {
		if entry := strings.Split(line, ":"); len(entry) >= 3 {
			entries = append(entries, entry)
		}
	}
	return entries, nil
}
