package worker

import (
	"io"
	"log/slog"
	"strings"
	"syscall"
	"testing"

	"sluice/codec"
)

func TestChildrenStartWithoutNamespacesWhereThoseAreForbidden(t *testing.T) {
	p := New(Config{NoSpare: true, Log: slog.New(slog.NewTextHandler(io.Discard, nil))})
	defer p.Close()
	p.spawner.attr = func(namespaces bool) *syscall.SysProcAttr {
		a := procAttr(namespaces)
		if namespaces {
			a.UidMappings[0].Size = 0 // the kernel refuses such a map
		}
		return a
	}
	src := codec.Source{Reader: strings.NewReader("bytes"), Size: 5}
	info, err := p.Probe(t.Context(), src, codec.ProbeOpts{})
	if err != nil || info.Format.Size != 5 {
		t.Fatal(info, err)
	}
	iso := p.Isolation()
	if iso.UserNS || iso.NetNS || !strings.Contains(iso.Missing["user_namespace"], "start in namespaces") {
		t.Errorf("%+v", iso)
	}
}
