package sftp

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"path"
	"strconv"
	"strings"

	"golang.org/x/crypto/ssh"

	"sluice/catalog"
	"sluice/ingest/dropfolder"
	"sluice/ingest/dropfolder/remote"
)

// Config of a store.
type Config struct {
	Host string
	Port int // 0 is 22
	User string
	// Password and PrivateKey, in PEM and perhaps locked by PassPhrase, are tried in this order: key, password.
	Password, PrivateKey, PassPhrase string
	// HostKey is the only one that the server may have: its fingerprint ("SHA256:…") or itself ("ssh-ed25519 AAAA…"). Without one
	// the server may have any; Learn is then told which it has.
	HostKey string
	Learn   func(ctx context.Context, hostKey string) error
	Path    string // "" is where the login leads
	Flat    bool   // leaves sub-folders out
	Dial    remote.Dial
	Log     *slog.Logger
}

// Opener returns the opener of SFTP and SCP folders. A host key that is seen first is kept in the folder's row.
func Opener(db *catalog.DB, dial remote.Dial, log *slog.Logger) dropfolder.Opener {
	return func(ctx context.Context, f catalog.DropFolder) (dropfolder.Store, error) {
		cfg := Config{
			Host: f.Options.Host, Port: f.Options.Port, User: f.Options.Username, HostKey: f.Options.HostKey, Path: f.Path, Flat: f.Options.Flat,
			Dial: dial, Log: log.With("folder", f.ID),
			Learn: func(ctx context.Context, key string) error {
				_, err := db.UpdateDropFolder(ctx, f.Account, f.ID, func(f *catalog.DropFolder) error {
					if f.Options.HostKey == "" {
						f.Options.HostKey = key
					}
					return nil
				})
				return err
			},
		}
		if s := f.Secrets; s != nil {
			cfg.Password, cfg.PrivateKey, cfg.PassPhrase = s.Password, s.PrivateKey, s.PassPhrase
		}
		return Open(ctx, cfg)
	}
}

func (c *Config) addr() string {
	port := c.Port
	if port == 0 {
		port = 22
	}
	return net.JoinHostPort(c.Host, strconv.Itoa(port))
}

// client makes the configuration of a connection. Learned is given the host key.
func (c *Config) client(learned *string) (*ssh.ClientConfig, error) {
	config := func(format string, args ...any) error {
		return &dropfolder.Error{Code: dropfolder.ErrConfig, Text: fmt.Sprintf(format, args...)}
	}
	switch {
	case c.Host == "":
		return nil, config("The folder has no host.")
	case c.User == "":
		return nil, config("The folder has no user name.")
	case c.Password == "" && c.PrivateKey == "":
		return nil, config("The folder has neither a password nor a private key.")
	}
	out := &ssh.ClientConfig{User: c.User, Timeout: remote.DialTime, ClientVersion: "SSH-2.0-sluice"}
	if c.PrivateKey != "" {
		signer, err := parseKey(c.PrivateKey, c.PassPhrase)
		if err != nil {
			return nil, config("The folder's private key cannot be used: %v.", err)
		}
		out.Auth = append(out.Auth, ssh.PublicKeys(signer))
	}
	if c.Password != "" {
		out.Auth = append(out.Auth, ssh.Password(c.Password), ssh.KeyboardInteractive(
			func(_, _ string, questions []string, _ []bool) ([]string, error) {
				answers := make([]string, len(questions))
				for i := range answers {
					answers[i] = c.Password
				}
				return answers, nil
			}))
	}
	known, err := parseHostKey(c.HostKey)
	if err != nil {
		return nil, config("The folder's host key cannot be used: %v.", err)
	}
	if known != nil {
		out.HostKeyAlgorithms = algorithms(known.Type())
	}
	out.HostKeyCallback = func(_ string, _ net.Addr, key ssh.PublicKey) error {
		*learned = strings.TrimSpace(string(ssh.MarshalAuthorizedKey(key)))
		same := c.HostKey == "" || c.HostKey == ssh.FingerprintSHA256(key) || known != nil && string(known.Marshal()) == string(key.Marshal())
		if !same {
			return &dropfolder.Error{Code: dropfolder.ErrAuthenticate, Text: fmt.Sprintf(
				"The server has the host key %s, which is not the folder's. If it was changed on purpose, set the new one in the folder.", ssh.FingerprintSHA256(key))}
		}
		return nil
	}
	return out, nil
}

func parseKey(text, phrase string) (ssh.Signer, error) {
	if phrase == "" {
		return ssh.ParsePrivateKey([]byte(text))
	}
	signer, err := ssh.ParsePrivateKeyWithPassphrase([]byte(text), []byte(phrase))
	if err != nil {
		return ssh.ParsePrivateKey([]byte(text)) // a phrase that is not needed does no harm
	}
	return signer, nil
}

// parseHostKey reads a host key; nil for none, and for a fingerprint.
func parseHostKey(text string) (ssh.PublicKey, error) {
	if text == "" {
		return nil, nil
	}
	if strings.HasPrefix(text, "SHA256:") {
		if len(text) != len("SHA256:")+43 {
			return nil, errors.New("a fingerprint is SHA256: and 43 characters")
		}
		return nil, nil
	}
	key, _, _, _, err := ssh.ParseAuthorizedKey([]byte(text))
	if err != nil {
		return nil, errors.New("it is neither a fingerprint nor a line of known keys")
	}
	return key, nil
}

// algorithms are the signatures of a kind of key.
func algorithms(kind string) []string {
	if kind == ssh.KeyAlgoRSA {
		return []string{ssh.KeyAlgoRSASHA512, ssh.KeyAlgoRSASHA256}
	}
	return []string{kind}
}

// top is the path of the folder, for a join.
func (c *Config) top() string {
	if c.Path == "" {
		return "."
	}
	return path.Clean(c.Path)
}
