package gateway

import (
	"slices"

	"golang.org/x/crypto/ssh"
	"golang.org/x/sys/cpu"
)

// ciphers are what connections are encrypted with. The client's preference decides, and OpenSSH's is ChaCha20, which is
// portable code here on amd64 (bench: gateway). A processor that has AES is not asked for it: every client knows AES.
func ciphers() []string {
	all := ssh.SupportedAlgorithms().Ciphers
	if cpu.X86.HasAES && cpu.X86.HasPCLMULQDQ {
		all = slices.DeleteFunc(all, func(name string) bool { return name == ssh.CipherChaCha20Poly1305 })
	}
	return all
}
