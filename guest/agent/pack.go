package main

import (
	"archive/tar"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
)

// pack writes the file or folder as a tar whose names all begin with rootName(path). A link in place of path itself
// is followed, others stay links; what is neither file, folder nor link is left out with a word to warn.
func pack(path string, to io.Writer, warn func(string, ...any)) error {
	root, err := filepath.EvalSymlinks(path)
	if err != nil {
		return err
	}
	out := tar.NewWriter(to)
	err = filepath.WalkDir(root, func(name string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		below, err := filepath.Rel(root, name)
		if err != nil {
			return err
		}
		member := rootName(path)
		if below != "." {
			member += "/" + below
		}
		info, err := entry.Info()
		if os.IsNotExist(err) && name != root {
			return nil // removed meanwhile
		}
		if err != nil {
			return err
		}
		return packOne(out, name, member, info, warn)
	})
	if err != nil {
		return err
	}
	return out.Close()
}

func packOne(out *tar.Writer, name, member string, info fs.FileInfo, warn func(string, ...any)) error {
	header := &tar.Header{Name: member, Mode: int64(info.Sys().(*syscall.Stat_t).Mode & 0o7777), ModTime: info.ModTime().Truncate(1e9), Format: tar.FormatPAX}
	switch info.Mode().Type() {
	case fs.ModeDir:
		header.Typeflag, header.Name = tar.TypeDir, member+"/"
	case fs.ModeSymlink:
		target, err := os.Readlink(name)
		if err != nil {
			return err
		}
		header.Typeflag, header.Linkname = tar.TypeSymlink, target
	case 0:
		return packFile(out, name, header, warn)
	default:
		warn("%s: left out, as it is neither a file nor a folder nor a link", name)
		return nil
	}
	return out.WriteHeader(header)
}

// packFile writes as many bytes as the file had when it was opened: what is appended meanwhile is left out, what is
// cut off is zeros.
func packFile(out *tar.Writer, name string, header *tar.Header, warn func(string, ...any)) error {
	file, err := os.OpenFile(name, os.O_RDONLY|syscall.O_NOFOLLOW|syscall.O_NONBLOCK, 0)
	if err != nil {
		return err
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil {
		return err
	}
	if !info.Mode().IsRegular() {
		return fmt.Errorf("%s: is no longer a file", name)
	}
	header.Typeflag, header.Size = tar.TypeReg, info.Size()
	if err := out.WriteHeader(header); err != nil {
		return err
	}
	written, err := io.CopyN(out, file, header.Size)
	if err == io.EOF {
		warn("%s: became shorter while it was read", name)
		_, err = io.CopyN(out, zeros{}, header.Size-written)
	}
	return err
}

type zeros struct{}

func (zeros) Read(buffer []byte) (int, error) {
	for i := range buffer {
		buffer[i] = 0
	}
	return len(buffer), nil
}
