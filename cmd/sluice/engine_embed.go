//go:build linux && engine && !cgo

package main

import (
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"sync"

	"golang.org/x/sys/unix"

	"sluice/codec"
)

// engineImage is the executable of cmd/sluice-engine. It is only paged in when an engine is started.
//
//go:embed engine.bin
var engineImage string

// newEngine is never asked for media: the children of this build run the embedded program.
func newEngine() codec.Engine { return noEngine{} }

// engineProgram lays the embedded program out where it can be executed: in memory, or where the system forbids that, in a
// temporary file without a name. It stays there until the process ends.
var engineProgram = sync.OnceValues(func() (string, error) {
	f, err := memoryFile()
	if err != nil {
		var err2 error
		if f, err2 = namelessFile(); err2 != nil {
			return "", fmt.Errorf("lay out the media engine: %w", errors.Join(err, err2))
		}
	}
	defer f.Close()
	// A high number, which starting a child with descriptors of its own does not overwrite.
	fd, err := unix.FcntlInt(f.Fd(), unix.F_DUPFD_CLOEXEC, 100)
	if err != nil {
		return "", fmt.Errorf("lay out the media engine: %w", err)
	}
	return fmt.Sprintf("/proc/self/fd/%d", fd), nil
})

func memoryFile() (*os.File, error) {
	fd, err := unix.MemfdCreate("sluice-engine", unix.MFD_CLOEXEC|unix.MFD_ALLOW_SEALING)
	if err != nil {
		return nil, fmt.Errorf("memory file: %w", err)
	}
	f := os.NewFile(uintptr(fd), "sluice-engine")
	if _, err := io.WriteString(f, engineImage); err != nil {
		f.Close()
		return nil, fmt.Errorf("memory file: %w", err)
	}
	const seals = unix.F_SEAL_SEAL | unix.F_SEAL_WRITE | unix.F_SEAL_SHRINK | unix.F_SEAL_GROW
	if _, err := unix.FcntlInt(f.Fd(), unix.F_ADD_SEALS, seals); err != nil {
		f.Close()
		return nil, fmt.Errorf("memory file: %w", err)
	}
	// Hardened systems (vm.memfd_noexec) refuse to execute it: better to know now.
	if err := unix.Faccessat(fd, "", unix.X_OK, unix.AT_EMPTY_PATH|unix.AT_EACCESS); err != nil {
		f.Close()
		return nil, fmt.Errorf("memory file is not executable: %w", err)
	}
	return f, nil
}

// namelessFile is open for reading only, since a file that is open for writing cannot be executed.
func namelessFile() (*os.File, error) {
	w, err := os.CreateTemp("", "sluice-engine-")
	if err != nil {
		return nil, err
	}
	defer os.Remove(w.Name())
	_, err = io.WriteString(w, engineImage)
	if err := errors.Join(err, w.Chmod(0o700), w.Close()); err != nil {
		return nil, err
	}
	return os.Open(w.Name())
}

// engineVersions asks the embedded program once.
var engineVersions = sync.OnceValue(func() map[string]string {
	path, err := engineProgram()
	if err != nil {
		return nil
	}
	out, err := exec.Command(path, "versions").Output() //nolint:noctx // prints a line and ends
	if err != nil {
		return nil
	}
	var v map[string]string
	if json.Unmarshal(out, &v) != nil {
		return nil
	}
	return v
})
