package console

import (
	"context"
	"net/http"
	"time"

	"sluice/ingest/manifest"
)

// Console serves the pages and their JSON. Run must be running for the event streams to speak.
type Console struct {
	cfg     Config
	hub     *hub
	handler http.Handler
	started time.Time
}

// New makes a Console; it refuses a Config that cannot work.
func New(cfg Config) (*Console, error) {
	cfg, err := cfg.complete()
	if err != nil {
		return nil, err
	}
	c := &Console{cfg: cfg, hub: newHub(cfg), started: time.Now()}
	app, err := newApp(cfg.Assets, cfg.PlayOrigins)
	if err != nil {
		return nil, err
	}
	mux := http.NewServeMux()
	mux.Handle("GET /console/", app)
	mux.Handle("GET /{$}", http.RedirectHandler("/console/", http.StatusFound))
	mux.Handle("GET /console", http.RedirectHandler("/console/", http.StatusMovedPermanently))
	c.routes(mux)
	if cfg.Uploads != nil {
		mux.Handle("/v1/uploads/tus/", cfg.Uploads)
	}
	c.handler = guard(cfg.Hosts, mux)
	return c, nil
}

// ServeHTTP implements http.Handler for "/", "/console/" and the console's paths under "/v1/". The event stream needs a
// ResponseWriter that can flush, itself or by http.ResponseController; it sets its own write deadlines.
func (c *Console) ServeHTTP(w http.ResponseWriter, r *http.Request) { c.handler.ServeHTTP(w, r) }

// Run watches the catalog for the event streams until ctx ends, then ends the streams and returns nil. Call it once.
func (c *Console) Run(ctx context.Context) error {
	c.hub.run(ctx)
	return nil
}

// routes registers the JSON interface.
func (c *Console) routes(mux *http.ServeMux) {
	byPath := map[string][]string{}
	handle := func(method, path string, h func(http.ResponseWriter, *http.Request) error) {
		byPath[path] = append(byPath[path], method)
		mux.Handle(method+" "+path, c.endpoint(method+" "+path, h))
	}
	handle("GET", "/v1/entries", c.listEntries)
	handle("GET", "/v1/entries/{id}", c.getEntry)
	handle("DELETE", "/v1/entries/{id}", c.deleteEntry)
	handle("POST", "/v1/entries/{id}/retry", c.retryEntry)
	handle("GET", "/v1/tasks", c.listTasks)
	handle("POST", "/v1/tasks/{id}/retry", c.retryTask)
	handle("POST", "/v1/tasks/retry", c.retryTasks)
	handle("GET", "/v1/drop-folders", c.listFolders)
	handle("GET", "/v1/drop-folders/files", c.listFolderFiles)
	handle("DELETE", "/v1/drop-folders/files/{id}", c.deleteFolderFile)
	handle("POST", "/v1/drop-folders/files/{id}/retry", c.retryFolderFile)
	handle("POST", "/v1/drop-folders/files/{id}/ignore", c.ignoreFolderFile)
	handle("GET", "/v1/work", c.getWork)
	handle("GET", "/v1/system", c.getSystem)
	handle("GET", "/v1/uploads", c.listUploads)
	handle("GET", "/v1/events", c.streamEvents)
	if c.cfg.Bulk != nil {
		handle("GET", "/v1/bulk", c.listBulk)
		byPath["/v1/bulk"] = append(byPath["/v1/bulk"], "POST")
		mux.Handle("POST /v1/bulk", c.reading("POST /v1/bulk", manifest.MaxDocument+1, c.addBulk)) // one more, so that the room itself says what is too large
		handle("GET", "/v1/bulk/{id}", c.getBulk)
		handle("GET", "/v1/bulk/{id}/log", c.bulkLog)
		handle("POST", "/v1/bulk/{id}/abort", c.abortBulk)
	}
	for path, methods := range byPath {
		mux.Handle(path, c.endpoint(path, methodNotAllowed(methods)))
	}
	mux.Handle("/v1/", c.endpoint("/v1/", func(_ http.ResponseWriter, r *http.Request) error {
		return refuse(http.StatusNotFound, codeNotFound, "there is nothing at %s", r.URL.Path)
	}))
}
