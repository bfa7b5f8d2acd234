package main

import (
	"archive/tar"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// unpack writes a tar as pack makes it: into path if that is a folder, else under path's name. What stands there
// is replaced, folders are merged. Everything becomes root's; modes and times are kept.
func unpack(path string, from io.Reader) error {
	in := tar.NewReader(from)
	header, err := in.Next()
	if err != nil {
		return fmt.Errorf("the archive is empty or damaged: %w", err)
	}
	root, _, _ := strings.Cut(strings.TrimSuffix(header.Name, "/"), "/")
	target, err := placeFor(path, root, header.Typeflag == tar.TypeDir)
	if err != nil {
		return err
	}
	var folders []*tar.Header // their modes and times come last: content changes them, or could not be written
	for ; err == nil; header, err = in.Next() {
		below, ok := belowRoot(header.Name, root)
		if !ok {
			return fmt.Errorf("the archive holds %q, which is not below %q", header.Name, root)
		}
		header.Name = filepath.Join(target, below)
		if header.Typeflag == tar.TypeDir {
			folders = append(folders, header)
		}
		if err := unpackOne(in, header); err != nil {
			return err
		}
	}
	if err != io.EOF {
		return fmt.Errorf("the archive is damaged: %w", err)
	}
	for i := len(folders) - 1; i >= 0; i-- {
		if err := dress(folders[i]); err != nil {
			return err
		}
	}
	return nil
}

// placeFor is where the root of the archive goes.
func placeFor(path, root string, isFolder bool) (string, error) {
	info, err := os.Stat(path)
	switch {
	case err == nil && info.IsDir():
		return filepath.Join(path, root), nil
	case err == nil && isFolder:
		return "", fmt.Errorf("%s: is a file, and a folder cannot be copied over it", path)
	case err == nil && !strings.HasSuffix(path, "/"):
		return path, nil
	case err != nil && !errors.Is(err, fs.ErrNotExist):
		return "", err
	case strings.HasSuffix(path, "/") && !isFolder:
		return "", fmt.Errorf("%s: no such folder", path)
	}
	clean := filepath.Clean(path)
	if info, err := os.Stat(filepath.Dir(clean)); err != nil || !info.IsDir() {
		return "", fmt.Errorf("%s: no such folder", filepath.Dir(clean))
	}
	return clean, nil
}

// belowRoot takes the root's name off a member's; "" is the root itself.
func belowRoot(name, root string) (string, bool) {
	first, below, _ := strings.Cut(strings.TrimSuffix(name, "/"), "/")
	if first != root || first == "" || first == ".." {
		return "", false
	}
	if below == "" {
		return "", true
	}
	for _, part := range strings.Split(below, "/") {
		if part == "" || part == "." || part == ".." {
			return "", false
		}
	}
	return below, true
}

func unpackOne(in io.Reader, header *tar.Header) error {
	info, err := os.Lstat(header.Name)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	exists := err == nil
	if header.Typeflag == tar.TypeDir {
		if exists && info.IsDir() {
			return nil
		}
		return os.Mkdir(header.Name, 0o700)
	}
	if exists {
		if info.IsDir() {
			return fmt.Errorf("%s: is a folder, and what is none cannot be copied over it", header.Name)
		}
		if err := os.Remove(header.Name); err != nil { // a running program's file cannot be written, but replaced
			return err
		}
	}
	switch header.Typeflag {
	case tar.TypeSymlink:
		return os.Symlink(header.Linkname, header.Name)
	case tar.TypeReg:
		return unpackFile(in, header)
	}
	return fmt.Errorf("%s: members of type %q are not copied", header.Name, header.Typeflag)
}

func unpackFile(in io.Reader, header *tar.Header) error {
	file, err := os.OpenFile(header.Name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	_, err = io.Copy(file, in)
	if closeErr := file.Close(); err == nil {
		err = closeErr
	}
	if err != nil {
		return fmt.Errorf("%s: %w", header.Name, err)
	}
	return dress(header)
}

// dress gives mode and time.
func dress(header *tar.Header) error {
	info := header.FileInfo()
	if err := os.Chmod(header.Name, info.Mode()); err != nil {
		return err
	}
	return os.Chtimes(header.Name, time.Now(), header.ModTime)
}
