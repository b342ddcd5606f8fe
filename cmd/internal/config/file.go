package config

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// readFile reads a file of at most so many bytes. Its errors say what is wrong and
// what to do, without the path, and match those of io/fs.
func readFile(path string, most int64) ([]byte, error) {
	switch info, err := os.Stat(path); {
	case err != nil:
		return nil, plainError{err}
	case info.IsDir():
		return nil, errors.New("is a directory; name the file in it")
	case !info.Mode().IsRegular():
		// It is read again whenever it may have changed: a pipe has nothing more then.
		return nil, errors.New("is no regular file; write it to one")
	}
	file, err := os.Open(path)
	if err != nil {
		return nil, plainError{err}
	}
	defer func() { _ = file.Close() }() // it was only read
	content, err := io.ReadAll(io.LimitReader(file, most+1))
	switch {
	case err != nil:
		return nil, plainError{err}
	case int64(len(content)) > most:
		return nil, fmt.Errorf("is larger than %d KiB; is it the right file?", most>>10)
	}
	return content, nil
}

// ReadSecret reads a file that holds a secret. Its errors are without the path.
func ReadSecret(path string) (Secret, error) {
	content, err := readFile(path, MaxSecretBytes)
	return Secret(bytes.TrimSpace(content)), err
}

// plainError is an error of the file system in words for people.
type plainError struct{ error }

func (e plainError) Unwrap() error { return e.error }

func (e plainError) Error() string {
	switch {
	case errors.Is(e.error, fs.ErrNotExist):
		return "there is no such file"
	case errors.Is(e.error, fs.ErrPermission):
		return fmt.Sprintf("may not be read by the user that runs whoread (uid %d); chown or chmod it", os.Getuid())
	}
	if path, ok := errors.AsType[*fs.PathError](e.error); ok {
		return "can't be read: " + path.Err.Error()
	}
	return "can't be read: " + e.error.Error()
}

// secretFromFile reads the secret from its file, if it has one; path is made absolute.
func (r *reader) secretFromFile(current string, file *string, folder, key string) string {
	if *file == "" {
		r.failed[key] = r.failed[key] || r.failed[key+"_file"] // it is not missing
		return current
	}
	fileKey := key + "_file"
	r.check(current == "", fileKey, "and %s are both given; keep one of them", key[strings.LastIndexByte(key, '.')+1:])
	*file = inFolder(*file, folder)
	content, err := readFile(*file, MaxSecretBytes)
	if err != nil {
		r.check(false, fileKey, "%v", err)
		r.failed[key] = true // one mistake about it is enough
		return ""
	}
	text := strings.TrimSpace(strings.TrimPrefix(string(content), "\ufeff"))
	r.check(text != "", fileKey, "is an empty file; write the secret into it")
	r.check(!strings.ContainsAny(text, "\r\n"), fileKey, "holds more than one line; the secret must be alone in it")
	r.check(!settings[key].noSpaces || !strings.ContainsFunc(text, isUnseen), fileKey, "%s", unseenRemedy)
	r.failed[key] = r.failed[key] || r.failed[fileKey]
	return text
}

// inFolder is where a file of the configuration is: relative to its folder.
func inFolder(file, folder string) string {
	if filepath.IsAbs(file) {
		return file
	}
	absolute, err := filepath.Abs(filepath.Join(folder, file))
	if err != nil {
		return filepath.Join(folder, file)
	}
	return absolute
}
