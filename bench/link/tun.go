package link

import (
	"errors"

	"golang.org/x/sys/unix"
)

// tun opens a TUN device that gives and takes frames: IP packets with a virtio-net header each, of several TCP segments where there
// are some, so that a long line costs few system calls.
func tun(name string) (int, error) {
	fd, err := unix.Open("/dev/net/tun", unix.O_RDWR|unix.O_NONBLOCK|unix.O_CLOEXEC, 0)
	if err != nil {
		return -1, err
	}
	req, err := unix.NewIfreq(name)
	if err != nil {
		return -1, errors.Join(err, unix.Close(fd))
	}
	req.SetUint16(unix.IFF_TUN | unix.IFF_NO_PI | unix.IFF_VNET_HDR)
	if err := unix.IoctlIfreq(fd, unix.TUNSETIFF, req); err != nil {
		return -1, errors.Join(err, unix.Close(fd))
	}
	if err := unix.IoctlSetInt(fd, unix.TUNSETOFFLOAD, unix.TUN_F_CSUM|unix.TUN_F_TSO4); err != nil {
		return -1, errors.Join(err, unix.Close(fd))
	}
	return fd, nil
}
