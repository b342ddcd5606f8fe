package config

import (
	"encoding/json"
	"fmt"
	"io"
	"reflect"
	"strings"

	"github.com/goccy/go-yaml"
)

// Print writes the configuration in effect so that it can be read again, but for the
// secrets: each is masked, and left out where a file holds it. What the file does not say
// is marked as a default.
func (f *File) Print(out io.Writer) error {
	c := f.Config
	comments := yaml.CommentMap{}
	eachSetting(reflect.ValueOf(c), "", func(key string, value reflect.Value) {
		empty := (value.Kind() == reflect.Slice || value.Kind() == reflect.Map) && value.Len() == 0
		if f.lines[key] == 0 && !empty { // the library puts a comment before the [] or {} of an empty one
			comments["$."+key] = []*yaml.Comment{yaml.LineComment(" default")}
		}
	})
	if c.Redis.URLFile != "" {
		comments["$.redis.url_file"] = []*yaml.Comment{yaml.LineComment(" " + c.Redis.URL.String())}
		c.Redis.URL = ""
	}
	if c.DingTalk.ClientSecretFile != "" {
		c.DingTalk.ClientSecret = ""
	}
	if c.Redis.SentinelPasswordFile != "" {
		c.Redis.SentinelPassword = ""
	}
	text, err := yaml.MarshalWithOptions(c, yaml.WithComment(comments), yaml.IndentSequence(true))
	if err != nil {
		return fmt.Errorf("print configuration: %w", err)
	}
	_, err = out.Write(text)
	return err
}

// eachSetting calls do for each value that has no keys below it, in the order of the
// structs; maps are such a value too.
func eachSetting(section reflect.Value, path string, do func(key string, value reflect.Value)) {
	for field, value := range section.Fields() {
		key := below(path, keyOf(field))
		if value.Kind() == reflect.Struct {
			eachSetting(value, key, do)
		} else {
			do(key, value)
		}
	}
}

// PrintSchema writes the JSON Schema of the configuration, by which editors complete and
// check it.
func PrintSchema(out io.Writer) error {
	encoder := json.NewEncoder(out)
	encoder.SetIndent("", "  ")
	encoder.SetEscapeHTML(false)
	return encoder.Encode(newSchema())
}

// object is one of JSON.
type object = map[string]any

// newSchema describes the configuration in JSON Schema (draft 7, which editors know
// best). It can't see what several keys say together, nor what is in other files.
func newSchema() object {
	schema := schemaOf(reflect.ValueOf(Default()), "")
	schema["$schema"] = "http://json-schema.org/draft-07/schema#"
	schema["title"] = "whoread.yaml"
	schema["description"] = "Configuration of whoread, a DingTalk bot that tells a group who has not read a message."
	schema["type"] = "object"
	schema["required"] = []string{"dingtalk"}
	dingtalk := schema["properties"].(object)["dingtalk"].(object)
	dingtalk["type"] = "object"
	dingtalk["required"] = []string{"client_id"}
	dingtalk["anyOf"] = []object{{"required": []string{"client_secret"}}, {"required": []string{"client_secret_file"}}}
	schema["definitions"] = object{
		"variable": object{"type": "string", "pattern": variablePattern, "description": "${NAME}: what this environment variable holds."},
	}
	return schema
}

const variablePattern = `\$\{[A-Za-z_][A-Za-z0-9_]*\}`

// schemaOf describes a value that has its default, by the setting of its key.
func schemaOf(value reflect.Value, known string) object {
	s := settings[known]
	var schema object
	t := value.Type()
	switch t.Kind() {
	case reflect.Struct:
		properties := object{}
		schema = object{"type": []string{"object", "null"}, "additionalProperties": false, "properties": properties}
		var alternatives []object
		for field, inner := range value.Fields() {
			key := keyOf(field)
			properties[key] = schemaOf(inner, below(known, key))
			if secretKey, found := strings.CutSuffix(key, "_file"); found && properties[secretKey] != nil {
				notEmpty := object{"minLength": 1}
				alternatives = append(alternatives, object{"not": object{
					"type": "object", "required": []string{secretKey, key}, "properties": object{secretKey: notEmpty, key: notEmpty},
				}})
			}
		}
		if alternatives != nil {
			schema["allOf"] = alternatives
		}
	case reflect.Map:
		schema = object{"type": []string{"object", "null"}, "additionalProperties": schemaOf(reflect.New(t.Elem()).Elem(), below(known, "*"))}
	case reflect.Slice:
		items := schemaOf(reflect.New(t.Elem()).Elem(), known)
		delete(items, "description")
		if t.Elem().Kind() == reflect.Struct {
			items["type"] = "object"
		}
		schema = object{"type": "array", "items": items}
		if s.items > 0 {
			schema["maxItems"] = s.items
		}
	default:
		schema = s.schema(t)
	}
	if s.about != "" {
		schema["description"] = s.about
	}
	if !value.IsZero() && t.Kind() != reflect.Struct {
		schema["default"] = value.Interface()
	}
	return schema
}

// schema describes a single value of that type.
func (s setting) schema(t reflect.Type) object {
	orVariable := func(one ...object) object {
		return object{"anyOf": append(one, object{"$ref": "#/definitions/variable"})}
	}
	text := func(pattern string) object {
		return object{"type": "string", "pattern": pattern + "|" + variablePattern}
	}
	switch {
	case t == reflect.TypeFor[Duration]():
		return text(durationPattern)
	case t == reflect.TypeFor[Percentage]():
		if s.off {
			return object{"anyOf": []object{text(`^([1-9]?[0-9]|100)%$|^$`), {"const": 0}}}
		}
		return text(`^([1-9][0-9]?|100)%$|^$`)
	case t.Kind() == reflect.Int || t.Kind() == reflect.Int64:
		number := object{"type": "integer", "minimum": s.from}
		if s.to > 0 {
			number["maximum"] = s.to
		}
		return orVariable(number)
	case t.Kind() == reflect.Bool:
		return orVariable(object{"type": "boolean"})
	case len(s.choices) > 0:
		return orVariable(object{"enum": s.choices})
	case s.form != nil:
		return text(s.form.pattern)
	default:
		return object{"type": []string{"string", "number"}} // digits alone may be a name or an id
	}
}
