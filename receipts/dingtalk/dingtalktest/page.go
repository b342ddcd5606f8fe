package dingtalktest

import (
	"cmp"
	"embed"
	"io/fs"
	"mime"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"sync"
)

//go:embed page
var pageFiles embed.FS

// Where the page and its control API live. Nothing of DingTalk's begins like this.
const (
	controlPath  = "/_dingtalktest/"
	apiPath      = controlPath + "api/"
	assetsPath   = controlPath + "page/"
	writesHeader = "X-Dingtalktest" // a page of another origin cannot send it without asking first
)

// pagePolicy lets the page load what this server has, and nothing else but the pictures that the bot shows.
const pagePolicy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' http: https: data:; connect-src 'self'; " +
	"base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

// page is what a browser sees of a Server.
type page struct {
	s      *Server
	crowds *crowds
	mux    *http.ServeMux

	mu       sync.Mutex
	browsers int // that listen to events
}

func newPage(s *Server) *page {
	p := &page{s: s, crowds: newCrowds(s), mux: http.NewServeMux()}
	files, err := fs.Sub(pageFiles, "page")
	if err != nil {
		panic(err) // the folder is embedded
	}
	p.mux.HandleFunc("GET /{$}", func(w http.ResponseWriter, r *http.Request) { http.ServeFileFS(w, r, files, "index.html") })
	p.mux.Handle("GET "+assetsPath, http.StripPrefix(assetsPath, http.FileServerFS(files)))
	p.mux.HandleFunc("GET "+apiPath+"events", p.events)
	p.mux.HandleFunc("GET "+apiPath+"media", p.media)
	p.control()
	return p
}

// wants says whether the request is for the page and not for DingTalk.
func (p *page) wants(r *http.Request) bool {
	return r.URL.Path == "/" || strings.HasPrefix(r.URL.Path, controlPath)
}

func (p *page) close() { p.crowds.close() }

func (p *page) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h.Set("Content-Security-Policy", pagePolicy)
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
	h.Set("Cache-Control", "no-store")
	if why := p.refusal(r); why != "" {
		writeError(w, &controlError{http.StatusForbidden, "crossSite", why})
		return
	}
	p.mux.ServeHTTP(w, r)
}

// refusal says why the request may not be answered; "" is a request of the page itself, or of a program on this machine.
//
// A browser lets any page send requests anywhere. The Host check stops a name that another site made point here (DNS
// rebinding); Sec-Fetch-Site and Origin stop other pages; the header and the type that a write needs stop what a form can send.
func (p *page) refusal(r *http.Request) string {
	if !p.isOurHost(r) {
		return "the Host is neither loopback nor the address that is listened on"
	}
	if origin := r.Header.Get("Origin"); origin != "" {
		u, err := url.Parse(origin)
		if err != nil || u.Host == "" || u.Host != r.Host {
			return "requests of another origin are refused"
		}
	}
	site := r.Header.Get("Sec-Fetch-Site")
	opened := r.URL.Path == "/" && r.Header.Get("Sec-Fetch-Mode") == "navigate" // a link from elsewhere may open the page
	if site != "" && site != "same-origin" && site != "none" && !opened {
		return "requests of another site are refused"
	}
	if r.Method == http.MethodGet || r.Method == http.MethodHead {
		return ""
	}
	if kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err != nil || kind != "application/json" {
		return "a write must have Content-Type: application/json"
	}
	if r.Header.Get(writesHeader) == "" {
		return "a write must have the header " + writesHeader
	}
	return ""
}

// isOurHost says whether the Host names this machine by loopback, by the address of the connection, or by what Listen was given.
// Whoever listens on every address may be called by any: an address, unlike a name, cannot be made to point elsewhere.
func (p *page) isOurHost(r *http.Request) bool {
	host := r.Host
	if h, _, err := net.SplitHostPort(host); err == nil {
		host = h
	}
	host = strings.ToLower(strings.Trim(host, "[]"))
	asked, _, _ := net.SplitHostPort(p.s.listenedOn())
	if host == "localhost" || asked != "" && strings.EqualFold(host, asked) {
		return true
	}
	ip, err := netip.ParseAddr(host)
	if err != nil {
		return false
	}
	everywhere, err := netip.ParseAddr(cmp.Or(asked, "::"))
	if ip.IsLoopback() || err == nil && everywhere.IsUnspecified() {
		return true
	}
	local, ok := r.Context().Value(http.LocalAddrContextKey).(net.Addr)
	if !ok {
		return false
	}
	here, err := netip.ParseAddrPort(local.String())
	return err == nil && here.Addr().Unmap() == ip.Unmap()
}

// media shows an uploaded file: a picture in the page, everything else as a download.
func (p *page) media(w http.ResponseWriter, r *http.Request) {
	m, ok := p.s.Media(r.URL.Query().Get("id"))
	if !ok {
		writeError(w, &controlError{http.StatusNotFound, "unknownMedia", "no such file, or no longer kept"})
		return
	}
	kind := http.DetectContentType(m.Content)
	if m.Type != "image" || !strings.HasPrefix(kind, "image/") {
		kind = "application/octet-stream"
		w.Header().Set("Content-Disposition", mime.FormatMediaType("attachment", map[string]string{"filename": m.Name}))
	}
	w.Header().Set("Content-Type", kind)
	w.Header().Set("Content-Security-Policy", "sandbox; default-src 'none'")
	_, _ = w.Write(m.Content) // the browser may be gone
}
