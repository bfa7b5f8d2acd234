package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
)

// Where the VMM's own files are in the jail.
const treeDir = "/vmm"

// links make the program's loader and libraries be found where it expects them.
var links = map[string]string{"lib": "vmm/lib", "lib64": "vmm/lib"}

// makeRoot builds a root with the VMM's tree and the files it was given, enters it, and lets go of the host's.
func makeRoot(spec *Spec) error {
	// Nothing mounted here shows outside, and the other way round.
	if err := syscall.Mount("", "/", "", syscall.MS_REC|syscall.MS_PRIVATE, ""); err != nil {
		return fmt.Errorf("making mounts private: %w", err)
	}
	// What is made here has the modes that are asked for.
	defer syscall.Umask(syscall.Umask(0))
	root := spec.Mount
	if err := syscall.Mount("tmpfs", root, "tmpfs", syscall.MS_NOSUID|syscall.MS_NOEXEC, "mode=0755,size=256k,nr_inodes=512"); err != nil {
		return fmt.Errorf("mounting the root on %s: %w", root, err)
	}
	if err := bind(spec.Tree, root+treeDir, true, syscall.MS_RDONLY); err != nil {
		return err
	}
	for name, target := range links {
		if err := os.Symlink(target, filepath.Join(root, name)); err != nil {
			return err
		}
	}
	if err := copySetting(root); err != nil {
		return err
	}
	for _, file := range spec.Files {
		if err := place(root, file, spec); err != nil {
			return err
		}
	}
	if spec.Kvm {
		if err := placeKvm(root, spec.Uid); err != nil {
			return err
		}
	}
	return enterRoot(root)
}

// place puts one file of the host under the same path into the root, as qcow2 layers name each other by it.
func place(root string, file File, spec *Spec) error {
	clean := filepath.Clean(file.Path)
	if !filepath.IsAbs(clean) || reserved(clean) {
		return fmt.Errorf("%s cannot be shown to a VMM: its path is needed for the VMM itself; choose another folder", file.Path)
	}
	if err := grant(file, spec); err != nil {
		return fmt.Errorf("%s: %w", file.Path, err)
	}
	flags := uintptr(syscall.MS_NOEXEC)
	if !file.Writable {
		flags |= syscall.MS_RDONLY
	}
	return bind(clean, root+clean, false, flags)
}

func reserved(path string) bool {
	top := strings.SplitN(path, "/", 3)[1]
	_, link := links[top]
	return link || top == "dev" || top == "proc" || "/"+top == treeDir
}

// overcommit is the one thing QEMU must know of the host: whether memory may be mapped without a reservation.
const overcommit = "/proc/sys/vm/overcommit_memory"

// copySetting makes a plain file of it, as there is no procfs in the jail.
func copySetting(root string) error {
	value, err := os.ReadFile(overcommit)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(root+overcommit), 0o711); err != nil {
		return err
	}
	return os.WriteFile(root+overcommit, value, 0o444)
}

// grant lets the VMM's user open a file: its own are given to it, the others it may read as one of the group of all VMMs.
func grant(file File, spec *Spec) error {
	fd, err := syscall.Open(file.Path, syscall.O_RDONLY|syscall.O_NOFOLLOW|syscall.O_CLOEXEC|syscall.O_NONBLOCK, 0)
	if err != nil {
		return err
	}
	defer syscall.Close(fd)
	var stat syscall.Stat_t
	if err := syscall.Fstat(fd, &stat); err != nil {
		return err
	}
	if stat.Mode&syscall.S_IFMT != syscall.S_IFREG {
		return fmt.Errorf("not a regular file")
	}
	if file.Writable {
		if err := syscall.Fchown(fd, spec.Uid, spec.Uid); err != nil {
			return err
		}
		return syscall.Fchmod(fd, 0o600)
	}
	group := uint32(spec.Ids.First)
	if stat.Mode&0o004 != 0 || (stat.Uid == 0 && stat.Gid == group && stat.Mode&0o777 == 0o640) {
		return nil
	}
	if err := syscall.Fchown(fd, 0, int(group)); err != nil {
		return err
	}
	return syscall.Fchmod(fd, 0o640)
}

// bind mounts a folder or file of the host, with `flags` besides nosuid and nodev.
func bind(from, to string, folder bool, flags uintptr) error {
	if err := makeTarget(to, folder); err != nil {
		return err
	}
	if err := syscall.Mount(from, to, "", syscall.MS_BIND, ""); err != nil {
		return fmt.Errorf("mounting %s: %w", from, err)
	}
	flags |= syscall.MS_BIND | syscall.MS_REMOUNT | syscall.MS_NOSUID | syscall.MS_NODEV
	if err := syscall.Mount("", to, "", flags, ""); err != nil {
		return fmt.Errorf("protecting %s: %w", from, err)
	}
	return nil
}

func makeTarget(path string, folder bool) error {
	parent := path
	if !folder {
		parent = filepath.Dir(path)
	}
	// Passable, not listable: the names on the way are the host's.
	if err := os.MkdirAll(parent, 0o711); err != nil || folder {
		return err
	}
	file, err := os.OpenFile(path, os.O_CREATE|os.O_WRONLY|os.O_EXCL, 0)
	if err != nil {
		return err
	}
	return file.Close()
}

// placeKvm makes a device node of the VMM's own, as the host's belongs to a group of its administrators.
func placeKvm(root string, uid int) error {
	dev := root + "/dev"
	if err := os.Mkdir(dev, 0o711); err != nil {
		return err
	}
	if err := syscall.Mount("tmpfs", dev, "tmpfs", syscall.MS_NOSUID|syscall.MS_NOEXEC, "mode=0711,size=4k,nr_inodes=4"); err != nil {
		return fmt.Errorf("mounting /dev: %w", err)
	}
	const kvmMajor, kvmMinor = 10, 232
	if err := syscall.Mknod(dev+"/kvm", syscall.S_IFCHR|0o600, kvmMajor<<8|kvmMinor); err != nil {
		return fmt.Errorf("/dev/kvm: %w", err)
	}
	if err := os.Chown(dev+"/kvm", uid, uid); err != nil {
		return err
	}
	return syscall.Mount("", dev, "", syscall.MS_BIND|syscall.MS_REMOUNT|syscall.MS_RDONLY|syscall.MS_NOSUID|syscall.MS_NOEXEC, "")
}

func enterRoot(root string) error {
	if err := syscall.Chdir(root); err != nil {
		return err
	}
	// The old root ends up on top of the new one, and is taken off.
	if err := syscall.PivotRoot(".", "."); err != nil {
		return fmt.Errorf("entering the root: %w", err)
	}
	if err := syscall.Unmount(".", syscall.MNT_DETACH); err != nil {
		return fmt.Errorf("letting go of the host's root: %w", err)
	}
	if err := syscall.Chdir("/"); err != nil {
		return err
	}
	const readOnly = syscall.MS_BIND | syscall.MS_REMOUNT | syscall.MS_RDONLY | syscall.MS_NOSUID | syscall.MS_NODEV | syscall.MS_NOEXEC
	if err := syscall.Mount("", "/", "", readOnly, ""); err != nil {
		return fmt.Errorf("protecting the root: %w", err)
	}
	return nil
}
