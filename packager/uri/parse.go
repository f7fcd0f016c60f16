package uri

import "strings"

// Parse reads the raw (percent-encoded) path that follows the location, with or without its leading slash. Errors are
// *Error.
func Parse(loc Location, path string) (Request, error) {
	r := Request{Location: loc}
	err := r.Parse(loc, path)
	return r, err
}

// Parse reads path into r, replacing what it held; see the function Parse. A pooled Request makes parsing free of
// allocation. Hot: benchmark BenchmarkParse.
func (r *Request) Parse(loc Location, path string) error {
	*r = Request{Location: loc}
	path = strings.TrimPrefix(path, "/")
	if path == "" {
		return notFound("no file named")
	}
	if err := checkPath(path); err != nil {
		return err
	}
	slash := strings.LastIndexByte(path, '/')
	if slash < 0 {
		return bad("no file named before the object's name")
	}
	if strings.HasSuffix(path[:slash], ")") && strings.Contains(path[:slash], "/QualityLevels(") ||
		path[slash+1:] == "manifest" {
		return unsupported("Smooth Streaming is not served")
	}
	if err := r.parseName(path[slash+1:]); err != nil {
		return err
	}
	return r.parseFile(path[:slash])
}

// parseFile reads the file part: parameters, which may stand anywhere in pairs of components, and the file URI. A run of
// parameters is cut out as one, so that the usual places for them, the front and the end, cost no allocation.
func (r *Request) parseFile(uri string) error {
	run := -1 // where the current run of parameters starts
	for at := 0; at < len(uri); {
		name, rest := component(uri[at:])
		if !isParam(name) {
			if strings.IndexByte(name, ',') >= 0 && splitsFile(uri) && hasParam(uri[at:]) {
				return r.parsePerFile(cut(uri, run, at))
			}
			if run >= 0 {
				uri, at, run = cut(uri, run, at), run, -1
				continue
			}
			at = len(uri) - len(rest)
			continue
		}
		value, after := component(rest)
		if value == "" {
			return bad("path parameter without a value")
		}
		if strings.IndexByte(value, ',') >= 0 && splitsFile(uri) {
			return r.parsePerFile(cut(uri, run, at))
		}
		if err := r.Params.set(name, value); err != nil {
			return err
		}
		if run < 0 {
			run = at
		}
		at = len(uri) - len(after)
	}
	if p := &r.Params; p.ClipTo != 0 && p.ClipTo <= p.ClipFrom {
		return bad("clipTo is not after clipFrom")
	}
	return r.Source.setURI(strings.TrimSuffix(cut(uri, run, len(uri)), "/"))
}

// cut removes s[from:to], nothing when from is negative; at an end of s it does not allocate.
func cut(s string, from, to int) string {
	switch {
	case from < 0:
		return s
	case from == 0:
		return s[to:]
	case to == len(s):
		return s[:from]
	}
	return s[:from] + s[to:]
}

// component returns the first path component of s and what follows its slash.
func component(s string) (first, rest string) {
	if i := strings.IndexByte(s, '/'); i >= 0 {
		return s[:i], s[i+1:]
	}
	return s, ""
}

func splitsFile(f string) bool {
	return strings.HasSuffix(f, ".urlset") && strings.IndexByte(f, ',') != strings.LastIndexByte(f, ',')
}

// parsePerFile reads a multi-file URI whose parts hold parameters or values of parameters: each file's URI is put together
// first and read by itself. It allocates.
func (r *Request) parsePerFile(f string) error {
	var multi Source
	if err := multi.setURI(f); err != nil {
		return err
	}
	r.Source.Multi = true
	r.PerFile = make([]Params, multi.n)
	for i := range multi.n {
		one := Request{Params: r.Params}
		if err := one.parseFile(multi.Prefix + multi.parts[i] + multi.Postfix); err != nil {
			return err
		}
		r.PerFile[i] = one.Params
		r.Source.parts[i] = one.Source.one
	}
	r.Source.n = multi.n
	return nil
}
