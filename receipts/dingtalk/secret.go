package dingtalk

const redacted = "[secret]"

// Secret is a string that no printing shows: not fmt with any verb, not JSON, not a struct dump, not a log. Only Reveal
// gives it away. The value stays behind a pointer because fmt does not call methods on unexported fields.
type Secret struct {
	value *string
}

// NewSecret hides value.
func NewSecret(value string) Secret {
	return Secret{value: &value}
}

// Reveal returns what is hidden; empty for the zero value.
func (s Secret) Reveal() string {
	if s.value == nil {
		return ""
	}
	return *s.value
}

// Equal reports whether both hide the same.
func (s Secret) Equal(other Secret) bool { return s.Reveal() == other.Reveal() }

// String returns a placeholder.
func (Secret) String() string { return redacted }

// MarshalText writes a placeholder into JSON, YAML and the like.
func (Secret) MarshalText() ([]byte, error) { return []byte(redacted), nil }
