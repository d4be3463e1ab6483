package httpd

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"io/fs"
	"mime"
	"net/http"
	"path"
	"strconv"
	"strings"
	"sync"
)

// assets are the files of the page, held in memory in the forms in which they
// are sent.
type assets struct {
	files map[string]*asset // by path without the leading slash
}

type asset struct {
	contentType string
	version     string // begins the hash of the contents
	plain       []byte
	gzipped     func() []byte // compressed when first asked for; nil if that does not pay
}

// loadAssets reads a file system. Nothing is compressed yet: that would hold up
// the start of the server by about a second.
func loadAssets(fsys fs.FS) (*assets, error) {
	a := &assets{files: make(map[string]*asset)}
	err := fs.WalkDir(fsys, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		data, err := fs.ReadFile(fsys, name)
		if err != nil {
			return err
		}
		a.files[name] = newAsset(name, data)
		return nil
	})
	if err == nil && a.files["index.html"] == nil {
		_, err = fs.Stat(fsys, "index.html")
	}
	return a, err
}

// contentTypes are those that the system's own table may lack or have wrong.
var contentTypes = map[string]string{
	".html": "text/html; charset=utf-8", ".css": "text/css; charset=utf-8", ".js": "text/javascript; charset=utf-8",
	".mjs": "text/javascript; charset=utf-8", ".json": "application/json", ".svg": "image/svg+xml", ".png": "image/png",
	".ico": "image/x-icon", ".webmanifest": "application/manifest+json", ".woff2": "font/woff2", ".txt": "text/plain; charset=utf-8",
	".md": "text/plain; charset=utf-8", ".bin": "application/octet-stream", ".gpx": "application/gpx+xml", ".wasm": "application/wasm",
}

func newAsset(name string, data []byte) *asset {
	sum := sha256.Sum256(data)
	f := &asset{version: hex.EncodeToString(sum[:8]), plain: data, gzipped: sync.OnceValue(func() []byte { return compress(data) })}
	ext := strings.ToLower(path.Ext(name))
	if f.contentType = contentTypes[ext]; f.contentType == "" {
		f.contentType = mime.TypeByExtension(ext)
	}
	if f.contentType == "" {
		f.contentType = "application/octet-stream"
	}
	return f
}

// compress returns a gzip variant if it saves a twentieth.
func compress(plain []byte) []byte {
	var out bytes.Buffer
	z, err := gzip.NewWriterLevel(&out, gzip.BestCompression)
	if err == nil {
		_, err = z.Write(plain)
	}
	if err == nil {
		err = z.Close()
	}
	if err != nil || out.Len() >= len(plain)-len(plain)/20 {
		return nil
	}
	return bytes.Clone(out.Bytes())
}

// ServeHTTP answers GET and HEAD for a file; a directory means its index.html, and
// a page's name can be said without its ".html".
// A URL that says ?v= with the file's version may be kept for good; everything
// else is asked for again, and mostly answered by 304.
func (a *assets) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	name := strings.TrimPrefix(r.URL.Path, "/")
	if name == "" || strings.HasSuffix(name, "/") {
		name += "index.html"
	}
	f := a.files[name]
	if f == nil {
		f = a.files[name+".html"]
	}
	if f == nil {
		http.Error(w, "There is no such page here.", http.StatusNotFound)
		return
	}
	h := w.Header()
	h.Set("Content-Type", f.contentType)
	h.Set("Cache-Control", "no-cache")
	if r.URL.Query().Get("v") == f.version {
		h.Set("Cache-Control", "public, max-age=31536000, immutable")
	}
	body, etag := f.plain, `"`+f.version+`"`
	if gzipped := f.gzipped(); gzipped != nil {
		h.Set("Vary", "Accept-Encoding")
		if acceptsGzip(r.Header.Get("Accept-Encoding")) {
			h.Set("Content-Encoding", "gzip")
			body, etag = gzipped, `"`+f.version+`-gzip"`
		}
	}
	h.Set("ETag", etag)
	if matchesETag(r.Header.Get("If-None-Match"), etag) {
		h.Del("Content-Encoding")
		w.WriteHeader(http.StatusNotModified)
		return
	}
	h.Set("Content-Length", strconv.Itoa(len(body)))
	if r.Method != http.MethodHead {
		_, _ = w.Write(body) // #nosec G705 -- a file of the program; the client may have left
	}
}

// acceptsGzip reads Accept-Encoding (RFC 9110 §12.5.3).
func acceptsGzip(header string) bool {
	accepts := false
	for part := range strings.SplitSeq(header, ",") {
		coding, params, _ := strings.Cut(part, ";")
		coding = strings.TrimSpace(coding)
		if !strings.EqualFold(coding, "gzip") && coding != "*" {
			continue
		}
		q := 1.0
		if v, ok := strings.CutPrefix(strings.TrimSpace(strings.ToLower(params)), "q="); ok {
			q, _ = strconv.ParseFloat(v, 64)
		}
		if coding != "*" {
			return q > 0 // the name itself beats the wildcard
		}
		accepts = q > 0
	}
	return accepts
}

// matchesETag compares weakly (RFC 9110 §13.1.2).
func matchesETag(header, etag string) bool {
	for part := range strings.SplitSeq(header, ",") {
		part = strings.TrimPrefix(strings.TrimSpace(part), "W/")
		if part == etag || part == "*" {
			return true
		}
	}
	return false
}
