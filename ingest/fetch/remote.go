package fetch

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/url"
	"slices"
)

// Dial connects to a machine that the guard allows.
type Dial = func(ctx context.Context, network, addr string) (net.Conn, error)

// Remote opens the file at a URL of a protocol other than HTTP. A file that is not there is fs.ErrNotExist; credentials that are
// refused are fs.ErrPermission.
type Remote func(ctx context.Context, u *url.URL, dial Dial) (RemoteFile, error)

// RemoteFile is a file on another machine.
type RemoteFile interface {
	Size() int64
	// Version is another one when the file has changed.
	Version() string
	// Open reads the file from an offset on until ctx ends.
	Open(ctx context.Context, offset int64) (io.ReadCloser, error)
	Close() error
}

// schemes are those that a URL may have. Besides HTTP's, a fetcher has those of its Remotes.
var schemes = []string{"http", "https", "ftp", "ftps", "sftp", "scp", "s3"}

func isHTTP(scheme string) bool { return scheme == "http" || scheme == "https" }

// checkRemote says what is wrong with a URL that is not HTTP's.
func checkRemote(u *url.URL, headers []string) error {
	switch {
	case !slices.Contains(schemes, u.Scheme):
		return fmt.Errorf("its scheme is %q; http, https, ftp, ftps, sftp, scp and s3 are fetched", u.Scheme)
	case u.Path == "" || u.Path[len(u.Path)-1] == '/':
		return errors.New("it names no file")
	case len(headers) > 0:
		return fmt.Errorf("%s has no headers", u.Scheme)
	}
	return nil
}

// WithKey returns the URL of a file that is had by SSH with a private key, in PEM, and perhaps the phrase that locks it. The key is a part
// of the URL from then on, and as secret as its password.
func WithKey(raw, privateKey, passPhrase string) (string, error) {
	u, err := url.Parse(raw)
	if err != nil || u.Scheme != "sftp" && u.Scheme != "scp" {
		return "", &Error{Code: BadURL, URL: Redact(raw), Err: errors.New("keys are for sftp and scp")}
	}
	q := u.Query()
	q.Set("privateKey", privateKey)
	if passPhrase != "" {
		q.Set("passPhrase", passPhrase)
	}
	u.RawQuery = q.Encode()
	return u.String(), nil
}

// remote fetches what is missing at the end of a file that is not HTTP's.
func (d *download) remote(ctx context.Context, u *url.URL) error {
	open := d.f.Remotes[u.Scheme]
	if open == nil {
		return d.fail(BadURL, fmt.Errorf("%s is not fetched here", u.Scheme))
	}
	ctx, w := d.watch(ctx)
	defer w.stop()
	file, err := open(ctx, u, d.f.Guard.DialContext)
	if err != nil {
		return d.classify(w.cause(err))
	}
	defer file.Close()
	at, err := d.versioned(ctx, file)
	if err != nil {
		return err
	}
	body, err := file.Open(ctx, at)
	if err != nil {
		return d.classify(w.cause(err))
	}
	defer body.Close()
	if err := d.copy(body, w, at, -1); err != nil {
		return err
	}
	return d.ended()
}

// versioned takes what is known of a file, and returns where to go on.
func (d *download) versioned(ctx context.Context, file RemoteFile) (int64, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.st.Validator != "" {
		if d.st.Validator != file.Version() {
			return 0, errVersion
		}
		return d.st.Extents.Contiguous(), nil
	}
	d.st.Size, d.st.Validator = file.Size(), file.Version()
	return 0, d.makeRoom(ctx)
}

// classifyFile makes an *Error of what a file system's error says; nil for others.
func (d *download) classifyFile(err error) error {
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return d.fail(NotFound, err)
	case errors.Is(err, fs.ErrPermission):
		return d.fail(Refused, err)
	}
	return nil
}
