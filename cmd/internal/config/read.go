package config

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"reflect"
	"slices"
	"strings"

	"github.com/goccy/go-yaml/ast"
)

// MaxSecretBytes bounds a file that holds a secret.
const MaxSecretBytes = 64 << 10

const (
	maxBytes = 1 << 20 // of a configuration
	// maxNested is how deep brackets may be in each other. The YAML library needs
	// gigabytes for a file of nothing else.
	maxNested = 100
)

// Mistakes are the mistakes of one file, by line; each names its line and key, and
// what to do. No text of the file is in them but keys and what is not secret.
type Mistakes struct {
	File string
	All  []Mistake
}

func (e *Mistakes) Error() string {
	return fmt.Sprintf("configuration %s:\n  %s", e.File, strings.Join(e.lines(), "\n  "))
}

// lines are the mistakes in words.
func (e *Mistakes) lines() []string {
	lines := make([]string, len(e.All))
	for i, m := range e.All {
		lines[i] = m.String()
	}
	return lines
}

// File is a configuration with the places of its keys.
type File struct {
	Config Config
	lines  keyLines
}

// Line returns the line of the key, or else of the nearest section around it; 0 if neither
// is in the file.
func (f *File) Line(key string) int { return f.lines.of(key) }

// Load reads the file, expands ${VAR} from the environment, reads secrets from
// their files, and checks everything. Its error is a *Mistakes.
func Load(path string, environment func(string) (string, bool)) (Config, error) {
	f, err := Read(path, environment)
	if err != nil {
		return Config{}, err
	}
	return f.Config, nil
}

// Read is Load that knows the lines of the keys too. With an error it returns what
// could be understood of the file, and nil if the file can't be read at all.
func Read(path string, environment func(string) (string, bool)) (*File, error) {
	source, err := readFile(path, maxBytes)
	if err != nil {
		wrong := err.Error()
		if errors.Is(err, fs.ErrNotExist) {
			wrong += "; copy config.example.yaml to it and fill in the credentials"
		}
		return nil, &Mistakes{File: path, All: []Mistake{{Text: wrong}}}
	}
	return Parse(path, source, environment)
}

// Parse is Read of a file that has been read. It never returns nil.
func Parse(path string, source []byte, environment func(string) (string, bool)) (*File, error) {
	c := Default()
	r := &reader{environment: environment, anchors: map[string]ast.Node{}, lines: keyLines{}, failed: map[string]bool{}}
	if body := r.parse(source); body != nil {
		r.read(body, reflect.ValueOf(&c).Elem(), "", "")
	}
	if !r.broken {
		c.complete(filepath.Dir(path), r)
	}
	f := &File{Config: c, lines: r.lines}
	if len(r.wrong) > 0 {
		slices.SortStableFunc(r.wrong, func(a, b Mistake) int { return cmp.Compare(a.Line, b.Line) })
		return f, &Mistakes{File: path, All: r.wrong}
	}
	return f, nil
}

// Mistake is one thing that is wrong in a file.
type Mistake struct {
	Line int    // 0: of no line, or nobody knows
	Key  string // the whole path; empty: the file itself
	Text string
}

func (m Mistake) String() string {
	var parts []string
	if m.Line > 0 {
		parts = append(parts, fmt.Sprintf("line %d", m.Line))
	}
	if m.Key != "" {
		parts = append(parts, m.Key)
	}
	return strings.Join(append(parts, m.Text), ": ")
}
