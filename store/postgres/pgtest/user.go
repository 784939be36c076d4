//go:build unix

package pgtest

import (
	"os"
	"os/exec"
	"os/user"
	"strconv"
	"syscall"
)

// nobody returns the ids that the server runs under, if this process is root.
func nobody() (uid, gid int, root bool) {
	if os.Getuid() != 0 {
		return 0, 0, false
	}
	uid, gid = 65534, 65534
	if u, err := user.Lookup("nobody"); err == nil {
		uid, _ = strconv.Atoi(u.Uid)
		gid, _ = strconv.Atoi(u.Gid)
	}
	return uid, gid, true
}

// give makes the server's user the owner of dir.
func give(dir string) error {
	if uid, gid, root := nobody(); root {
		return os.Chown(dir, uid, gid)
	}
	return nil
}

// unprivileged makes cmd run as the server's user, and in a process group of its own, so that an
// interrupt at the terminal reaches the test alone.
func unprivileged(cmd *exec.Cmd) {
	cmd.Dir = "/"
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if uid, gid, root := nobody(); root {
		cmd.SysProcAttr.Credential = &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}
	}
}
