// Package openapitest holds answers of an API against its OpenAPI document, as
// far as the document of this server needs it.
package openapitest

import (
	"encoding/json"
	"fmt"
	"mime"
	"reflect"
	"regexp"
	"slices"
	"strings"
)

// Document is a parsed OpenAPI document.
type Document struct{ root map[string]any }

// Parse reads a document.
func Parse(data []byte) (*Document, error) {
	var root map[string]any
	if err := json.Unmarshal(data, &root); err != nil {
		return nil, err
	}
	return &Document{root}, nil
}

var methods = []string{"get", "put", "post", "delete", "patch", "head", "options", "trace"}

// Operations lists what the document describes, as "GET /devices/{id}".
func (d *Document) Operations() (all []string) {
	for path, item := range object(d.root["paths"]) {
		for _, m := range methods {
			if object(item)[m] != nil {
				all = append(all, strings.ToUpper(m)+" "+path)
			}
		}
	}
	slices.Sort(all)
	return all
}

// operation returns the operation that a request is for; the path may hold values
// in place of parameters. Of several templates that with the fewest parameters
// counts.
func (d *Document) operation(method, path string) map[string]any {
	best := ""
	for template := range object(d.root["paths"]) {
		want, got := strings.Split(template, "/"), strings.Split(path, "/")
		matches := len(want) == len(got)
		for i := 0; matches && i < len(want); i++ {
			matches = want[i] == got[i] || strings.HasPrefix(want[i], "{") && got[i] != ""
		}
		if matches && (best == "" || strings.Count(template, "{") < strings.Count(best, "{")) {
			best = template
		}
	}
	return object(object(object(d.root["paths"])[best])[strings.ToLower(method)])
}

// CheckResponse reports why an answer is not as the document has it.
func (d *Document) CheckResponse(method, path string, status int, contentType string, body []byte) error {
	op := d.operation(method, path)
	if op == nil {
		return fmt.Errorf("%s %s is not documented", method, path)
	}
	responses := object(op["responses"])
	response := d.resolve(responses[fmt.Sprint(status)])
	if response == nil {
		if status < 400 || responses["default"] == nil {
			return fmt.Errorf("%s %s: the status %d is not documented", method, path, status)
		}
		response = d.resolve(responses["default"])
	}
	content := object(response["content"])
	if len(content) == 0 {
		if len(body) > 0 {
			return fmt.Errorf("%s %s: a body of %d bytes is not documented", method, path, len(body))
		}
		return nil
	}
	kind, _, err := mime.ParseMediaType(contentType)
	if err != nil || content[kind] == nil {
		return fmt.Errorf("%s %s: the content type %q is not documented", method, path, contentType)
	}
	if !strings.HasSuffix(kind, "json") {
		return nil
	}
	var v any
	if err := json.Unmarshal(body, &v); err != nil {
		return fmt.Errorf("%s %s: %w", method, path, err)
	}
	if err := d.check(object(content[kind])["schema"], v, "answer"); err != nil {
		return fmt.Errorf("%s %s: %w", method, path, err)
	}
	return nil
}

// CheckExamples reports examples that do not fit their schemas, references that
// lead nowhere, and path parameters that are not described.
func (d *Document) CheckExamples() (faults []string) {
	note := func(where string, err error) {
		if err != nil {
			faults = append(faults, where+": "+err.Error())
		}
	}
	for path, item := range object(d.root["paths"]) {
		for _, m := range methods {
			op := object(object(item)[m])
			if op == nil {
				continue
			}
			where := strings.ToUpper(m) + " " + path
			note(where, d.checkParameters(path, object(item), op))
			note(where, d.checkContent(d.resolve(op["requestBody"])))
			for _, r := range object(op["responses"]) {
				note(where, d.checkContent(d.resolve(r)))
			}
		}
	}
	note("components", d.checkReferences(d.root))
	slices.Sort(faults)
	return faults
}

func (d *Document) checkContent(message map[string]any) error {
	for kind, media := range object(message["content"]) {
		m := object(media)
		if m["schema"] == nil {
			return fmt.Errorf("%s has no schema", kind)
		}
		if example, ok := m["example"]; ok {
			if err := d.check(m["schema"], example, "example"); err != nil {
				return err
			}
		}
	}
	return nil
}

var parameterInPath = regexp.MustCompile(`\{([^}]*)\}`)

func (d *Document) checkParameters(path string, item, op map[string]any) error {
	described := map[string]bool{}
	for _, list := range []any{item["parameters"], op["parameters"]} {
		all, _ := list.([]any)
		for _, p := range all {
			parameter := d.resolve(p)
			if parameter["schema"] == nil {
				return fmt.Errorf("parameter %v has no schema", parameter["name"])
			}
			if parameter["in"] == "path" {
				described[fmt.Sprint(parameter["name"])] = true
			}
		}
	}
	for _, m := range parameterInPath.FindAllStringSubmatch(path, -1) {
		if !described[m[1]] {
			return fmt.Errorf("the parameter %s is not described", m[1])
		}
		delete(described, m[1])
	}
	if len(described) > 0 {
		return fmt.Errorf("parameters that the path does not have: %v", described)
	}
	return nil
}

func (d *Document) checkReferences(v any) error {
	switch v := v.(type) {
	case map[string]any:
		if ref, ok := v["$ref"].(string); ok && d.lookup(ref) == nil {
			return fmt.Errorf("%s leads nowhere", ref)
		}
		for _, x := range v {
			if err := d.checkReferences(x); err != nil {
				return err
			}
		}
	case []any:
		for _, x := range v {
			if err := d.checkReferences(x); err != nil {
				return err
			}
		}
	}
	return nil
}

func object(v any) map[string]any {
	m, _ := v.(map[string]any)
	return m
}

// lookup follows a reference within the document.
func (d *Document) lookup(ref string) any {
	var v any = d.root
	for part := range strings.SplitSeq(strings.TrimPrefix(ref, "#/"), "/") {
		v = object(v)[part]
	}
	return v
}

func (d *Document) resolve(v any) map[string]any {
	m := object(v)
	if ref, ok := m["$ref"].(string); ok {
		return d.resolve(d.lookup(ref))
	}
	return m
}

// keywords are those of JSON Schema that check knows; others fail, so that none is
// passed over.
var keywords = map[string]bool{
	"type": true, "properties": true, "required": true, "additionalProperties": true, "items": true, "enum": true, "const": true, "allOf": true,
	"minimum": true, "maximum": true, "minItems": true, "maxItems": true, "minLength": true, "pattern": true,
	"description": true, "format": true, "default": true, "$ref": true,
}

// check reports why v does not fit a schema. (JSON Schema 2020-12)
func (d *Document) check(schema, v any, at string) error {
	s := d.resolve(schema)
	for k := range s {
		if !keywords[k] {
			return fmt.Errorf("%s: the schema uses %s, which this check does not know", at, k)
		}
	}
	all, _ := s["allOf"].([]any)
	for _, part := range all {
		if err := d.check(part, v, at); err != nil {
			return err
		}
	}
	if !isOfType(s["type"], v) {
		return fmt.Errorf("%s is %.100v, not of type %v", at, v, s["type"])
	}
	if c, ok := s["const"]; ok && !reflect.DeepEqual(c, v) {
		return fmt.Errorf("%s is %.100v, not %v", at, v, c)
	}
	if e, ok := s["enum"].([]any); ok && !slices.ContainsFunc(e, func(x any) bool { return reflect.DeepEqual(x, v) }) {
		return fmt.Errorf("%s is %.100v, none of %v", at, v, e)
	}
	switch v := v.(type) {
	case map[string]any:
		return d.checkObject(s, v, at)
	case []any:
		return d.checkArray(s, v, at)
	case float64:
		if least, ok := s["minimum"].(float64); ok && v < least {
			return fmt.Errorf("%s is %v, less than %v", at, v, least)
		}
		if most, ok := s["maximum"].(float64); ok && v > most {
			return fmt.Errorf("%s is %v, more than %v", at, v, most)
		}
	case string:
		if least, ok := s["minLength"].(float64); ok && len(v) < int(least) {
			return fmt.Errorf("%s is too short", at)
		}
		if p, ok := s["pattern"].(string); ok && !regexp.MustCompile(p).MatchString(v) {
			return fmt.Errorf("%s is %q, which does not match %s", at, v, p)
		}
	}
	return nil
}

func (d *Document) checkObject(s, v map[string]any, at string) error {
	required, _ := s["required"].([]any)
	for _, name := range required {
		if _, ok := v[name.(string)]; !ok {
			return fmt.Errorf("%s has no %s", at, name)
		}
	}
	properties := object(s["properties"])
	for name, x := range v {
		p, known := properties[name]
		if !known {
			if s["additionalProperties"] == false {
				return fmt.Errorf("%s has %s, which is not documented", at, name)
			}
			p = s["additionalProperties"]
		}
		if object(p) == nil {
			continue
		}
		if err := d.check(p, x, at+"."+name); err != nil {
			return err
		}
	}
	return nil
}

func (d *Document) checkArray(s map[string]any, v []any, at string) error {
	if least, ok := s["minItems"].(float64); ok && len(v) < int(least) {
		return fmt.Errorf("%s has %d items, less than %v", at, len(v), least)
	}
	if most, ok := s["maxItems"].(float64); ok && len(v) > int(most) {
		return fmt.Errorf("%s has %d items, more than %v", at, len(v), most)
	}
	if s["items"] == nil {
		return nil
	}
	for i, x := range v {
		if err := d.check(s["items"], x, fmt.Sprintf("%s[%d]", at, i)); err != nil {
			return err
		}
	}
	return nil
}

func isOfType(types, v any) bool {
	switch t := types.(type) {
	case nil:
		return true
	case []any:
		return slices.ContainsFunc(t, func(x any) bool { return isOfType(x, v) })
	}
	switch x := v.(type) {
	case nil:
		return types == "null"
	case bool:
		return types == "boolean"
	case float64:
		return types == "number" || types == "integer" && x == float64(int64(x))
	case string:
		return types == "string"
	case []any:
		return types == "array"
	}
	return types == "object"
}
