package uri

import (
	"encoding/hex"
	"hash/fnv"
	"strconv"

	"sluice/packager"
)

// Name writes an object's name: base, the number when n > 0, the tracks grouped by file, the version when not empty, and
// the extension. The -f items are left out when single is set: the set has one file.
func Name(base string, n int, refs []packager.Ref, single bool, version, ext string) string {
	return string(AppendName(make([]byte, 0, 48), base, n, refs, single, version, ext))
}

// AppendName appends what Name returns to dst.
func AppendName(dst []byte, base string, n int, refs []packager.Ref, single bool, version, ext string) []byte {
	dst = append(dst, base...)
	if n > 0 {
		dst = strconv.AppendInt(append(dst, '-'), int64(n), 10)
	}
	return AppendItems(dst, refs, single, version, ext)
}

// AppendItems appends the part of a name that follows its base and number.
func AppendItems(dst []byte, refs []packager.Ref, single bool, version, ext string) []byte {
	file := 0
	for _, r := range refs {
		if r.File != file && !single {
			dst = strconv.AppendInt(append(dst, "-f"...), int64(r.File), 10)
			file = r.File
		}
		dst = append(dst, '-', letter(r.Kind))
		dst = strconv.AppendInt(dst, int64(r.N), 10)
	}
	if version != "" {
		dst = append(append(dst, "-x"...), version...)
	}
	return append(append(dst, '.'), ext...)
}

func letter(k packager.Kind) byte {
	switch k {
	case packager.Video:
		return 'v'
	case packager.Audio:
		return 'a'
	}
	return 's'
}

// Version is how a set's version stands in a name: as it is where the grammar allows, else as a hash of it.
func Version(v string) string {
	if v == "" || validVersion(v) {
		return v
	}
	h := fnv.New64a()
	h.Write([]byte(v))
	return hex.EncodeToString(h.Sum(nil))
}
