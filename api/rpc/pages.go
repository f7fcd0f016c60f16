package rpc

import (
	"bytes"
	"crypto/rand"
	_ "embed"
	"encoding/xml"
	"html/template"
	"net/http"
	"strings"
)

// page answers requests for the schema and the reference; false means that the request is neither.
func (s *Server) page(w http.ResponseWriter, r *http.Request, rest string) bool {
	switch first, more, _ := strings.Cut(rest, "/"); first {
	case "api_schema.php", "schema.xml":
		s.serveSchema(w)
	case "docs":
		s.serveDocs(w, strings.Trim(more, "/"))
	default:
		return false
	}
	return true
}

// described is the registry's description, made once.
type described struct {
	*schema
	xml     []byte
	classes map[string]*schemaClass
	enums   map[string]*schemaEnum
}

func (s *Server) describe() (*described, error) {
	sc, err := s.reg.schema()
	if err != nil {
		return nil, err
	}
	d := &described{schema: sc, classes: map[string]*schemaClass{}, enums: map[string]*schemaEnum{}}
	for i := range sc.Classes {
		d.classes[sc.Classes[i].Name] = &sc.Classes[i]
	}
	for i := range sc.Enums {
		d.enums[sc.Enums[i].Name] = &sc.Enums[i]
	}
	body, err := xml.MarshalIndent(sc, "", "  ")
	d.xml = append([]byte(xml.Header), body...)
	return d, err
}

func (s *Server) serveSchema(w http.ResponseWriter) {
	d, err := s.described()
	if err != nil {
		s.pageFailed(w, err)
		return
	}
	h := w.Header()
	h.Set("Content-Type", "text/xml; charset=utf-8")
	_, _ = w.Write(d.xml)
}

func (s *Server) pageFailed(w http.ResponseWriter, err error) {
	s.cfg.Logger.Error("api reference failed", "error", err)
	http.Error(w, "the reference cannot be shown", http.StatusInternalServerError)
}

//go:embed docs.html
var docsHTML string

var docsTemplate = template.Must(template.New("docs").Funcs(template.FuncMap{"class": func(name string) bool { return strings.HasPrefix(name, "Kaltura") }}).Parse(docsHTML))

// docsPage is what the template shows: one service, class or enum, or all services.
type docsPage struct {
	*described
	Nonce   string
	Title   string
	Service *schemaService
	Class   *schemaClass
	Chain   []*schemaClass // the class and its bases
	Enum    *schemaEnum
}

func (s *Server) serveDocs(w http.ResponseWriter, path string) {
	d, err := s.described()
	if err != nil {
		s.pageFailed(w, err)
		return
	}
	p := docsPage{described: d, Nonce: rand.Text(), Title: "API reference"}
	status := http.StatusOK
	if path != "" && !p.find(path) {
		status, p.Title = http.StatusNotFound, "Nothing here"
	}
	var b bytes.Buffer
	if err := docsTemplate.Execute(&b, p); err != nil {
		s.pageFailed(w, err)
		return
	}
	h := w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Content-Security-Policy", "default-src 'none'; style-src 'nonce-"+p.Nonce+"'; script-src 'nonce-"+p.Nonce+"'; connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'")
	h.Set("Referrer-Policy", "same-origin")
	w.WriteHeader(status)
	_, _ = w.Write(b.Bytes())
}

// find looks for what a path of the reference names: a service, a class or an enum.
func (p *docsPage) find(path string) bool {
	if c := p.classes[path]; c != nil {
		p.Class, p.Title = c, c.Name
		for ; c != nil; c = p.classes[c.Base] {
			p.Chain = append(p.Chain, c)
		}
		return true
	}
	if e := p.enums[path]; e != nil {
		p.Enum, p.Title = e, e.Name
		return true
	}
	for i := range p.Services {
		if p.Services[i].ID == lower(path) {
			p.Service, p.Title = &p.Services[i], p.Services[i].Path
			return true
		}
	}
	return false
}
