package main

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"
)

// configErrors are the mistakes of one file; each names its line and key. No
// text of the file but keys and what is not secret is in them.
type configErrors struct {
	file  string
	wrong []string
}

func (e *configErrors) Error() string {
	return fmt.Sprintf("configuration %s:\n  %s", e.file, strings.Join(e.wrong, "\n  "))
}

// loadConfig reads the file, expands ${VAR} from the environment, reads secrets
// from their files, and checks everything. Its error is a *configErrors, unless
// the file can't be read.
func loadConfig(path string, environment func(string) (string, bool)) (config, error) {
	source, err := os.ReadFile(path)
	if err != nil {
		return config{}, fmt.Errorf("read configuration: %w", err)
	}
	return parseConfig(path, source, environment)
}

func parseConfig(path string, source []byte, environment func(string) (string, bool)) (config, error) {
	c := defaultConfig()
	problems := &configErrors{file: path}
	file, err := parser.ParseBytes(source, 0)
	if err != nil {
		problems.wrong = append(problems.wrong, yamlMistake(err))
		return c, problems
	}
	check := &checker{file: file, problems: problems}
	expand(file, environment, check)
	if len(problems.wrong) > 0 {
		return c, problems
	}
	if len(file.Docs) > 0 && file.Docs[0].Body != nil {
		err = yaml.NewDecoder(bytes.NewReader(nil), yaml.Strict()).DecodeFromNode(file.Docs[0].Body, &c)
	}
	if err != nil {
		problems.wrong = append(problems.wrong, yamlMistake(err))
		return c, problems
	}
	c.complete(filepath.Dir(path), check)
	if len(problems.wrong) > 0 {
		return c, problems
	}
	return c, nil
}

// yamlMistake is the message and the line of an error of the YAML library,
// without the lines of the file that it would quote: secrets may be in them.
func yamlMistake(err error) string {
	known, ok := errors.AsType[yaml.Error](err)
	if !ok {
		return "not YAML that can be understood"
	}
	return fmt.Sprintf("line %d: %s", known.GetToken().Position.Line, known.GetMessage())
}

var variable = regexp.MustCompile(`\$\{([^}]*)\}`)

// expand replaces ${VAR} in every text of the file.
func expand(file *ast.File, environment func(string) (string, bool), check *checker) {
	var texts []ast.Node
	for _, document := range file.Docs {
		if document.Body != nil {
			texts = append(texts, ast.Filter(ast.StringType, document.Body)...)
		}
	}
	for _, node := range texts {
		text := node.(*ast.StringNode)
		text.Value = variable.ReplaceAllStringFunc(text.Value, func(match string) string {
			name := match[2 : len(match)-1]
			value, ok := environment(name)
			if !ok {
				check.problems.wrong = append(check.problems.wrong,
					fmt.Sprintf("line %d: ${%s} is not set in the environment", text.GetToken().Position.Line, name))
			}
			return value
		})
	}
}

// readSecret reads the secret from its file, if it has one.
func readSecret(s *secret, file, folder, key string, check *checker) {
	if file == "" {
		return
	}
	check.that(*s == "", key, "is given twice: here and as %s_file", key)
	if !filepath.IsAbs(file) {
		file = filepath.Join(folder, file)
	}
	content, err := os.ReadFile(file)
	if path, ok := errors.AsType[*fs.PathError](err); ok {
		check.that(false, key+"_file", "can't be read: %s", path.Err)
		return
	}
	*s = secret(strings.TrimSpace(string(content)))
	check.that(*s != "", key+"_file", "is empty")
}
