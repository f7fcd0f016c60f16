package delivery

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"image"
	"io"
	"net/http"
	"os"
	"strconv"
	"time"

	"sluice/catalog"
)

// uploaded makes a picture of one that was uploaded and is not used yet. Its token is known to its sender only, so that there
// is nothing else to ask for.
func (s *Service) uploaded(w http.ResponseWriter, a *ask, id catalog.UploadTokenID) error {
	t, err := readThumb(a.params)
	switch {
	case err != nil:
		return err
	case t.captures():
		return fail(captureForbidden, "pictures are not taken from uploads")
	case s.cfg.Upload == nil:
		return fail(noThumbnail, "uploads are not here")
	}
	path, err := s.cfg.Upload(a.Context(), a.partner, id)
	if errors.Is(err, catalog.ErrNotFound) {
		return fail(noThumbnail, "upload not found")
	}
	if err != nil {
		return err
	}
	tag := fnv.New64a()
	fmt.Fprintf(tag, "%+v %s %s", *t, id, path)
	body, err := s.picture(a.Context(), t, `"`+strconv.FormatUint(tag.Sum64(), 36)+`"`, func(context.Context) (image.Image, error) {
		b, err := readPicture(path)
		if err != nil {
			return nil, &failure{number: noThumbnail, reason: "the upload cannot be read", err: err}
		}
		return t.of(b)
	})
	if err != nil {
		return err
	}
	w.Header().Set("Content-Type", t.contentType())
	w.Header().Set("Cache-Control", "no-store")
	http.ServeContent(w, a.Request, "", time.Time{}, bytes.NewReader(body))
	return nil
}

// readPicture reads a file, unless it is larger than pictures are.
func readPicture(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, maxPictureIn+1))
	if err == nil && len(b) > maxPictureIn {
		err = fmt.Errorf("it has more than %d bytes", maxPictureIn)
	}
	return b, err
}
