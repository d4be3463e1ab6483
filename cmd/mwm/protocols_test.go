package main

import (
	"fmt"
	"go/ast"
	"go/doc"
	"go/doc/comment"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// The notes on the protocols quote the code: what a package says under a heading,
// and the defaults that a type names.
func TestProtocolsDocument(t *testing.T) {
	const file = root + "deploy/docs/PROTOCOLS.md"
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	quoted := 0
	want := regexp.MustCompile(`(?s)<!-- ([\w/]+): ([^\n]*?) -->\n(.*?)<!-- end -->`).ReplaceAllStringFunc(string(text), func(part string) string {
		quoted++
		mark, _, _ := strings.Cut(part, "\n")
		dir, what, _ := strings.Cut(strings.TrimSuffix(strings.TrimPrefix(mark, "<!-- "), " -->"), ": ")
		return mark + "\n" + quote(t, dir, what) + "<!-- end -->"
	})
	if quoted < 5 {
		t.Errorf("it quotes the code only %d times", quoted)
	}
	if *update {
		if err := os.WriteFile(file, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if got, err := os.ReadFile(file); err != nil || string(got) != want {
		t.Errorf("%s is not what the code says (%v); go test ./cmd/mwm -run TestProtocolsDocument -update writes it", file, err)
	}
}

// quote returns what a package says under a heading of its comment, or at the
// fields of a type that have a default.
func quote(t *testing.T, dir, what string) string {
	t.Helper()
	files := token.NewFileSet()
	var parsed []*ast.File
	names, err := filepath.Glob(root + dir + "/*.go")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		f, err := parser.ParseFile(files, name, nil, parser.ParseComments)
		if err != nil {
			t.Fatal(err)
		}
		parsed = append(parsed, f)
	}
	if name, ok := strings.CutPrefix(what, "type "); ok {
		return fields(t, parsed, name)
	}
	p, err := doc.NewFromFiles(files, parsed, "mwm/"+dir)
	if err != nil {
		t.Fatal(err)
	}
	return section(t, p, what)
}

// section renders what stands under a heading.
func section(t *testing.T, p *doc.Package, title string) string {
	t.Helper()
	d := p.Parser().Parse(p.Doc)
	var under []comment.Block
	inside := false
	for _, b := range d.Content {
		if h, ok := b.(*comment.Heading); ok {
			if inside {
				break
			}
			inside = len(h.Text) == 1 && h.Text[0] == comment.Plain(title)
			continue
		}
		if inside {
			under = append(under, b)
		}
	}
	if len(under) == 0 {
		t.Errorf("package %s says nothing under %q", p.Name, title)
	}
	d.Content = under
	printer := p.Printer()
	printer.DocLinkURL = func(*comment.DocLink) string { return "" }
	return string(printer.Markdown(d))
}

// fields lists the fields of a type whose comments name a default.
func fields(t *testing.T, parsed []*ast.File, name string) string {
	t.Helper()
	var b strings.Builder
	for _, f := range parsed {
		ast.Inspect(f, func(n ast.Node) bool {
			spec, ok := n.(*ast.TypeSpec)
			if !ok || spec.Name.Name != name {
				return true
			}
			for _, field := range spec.Type.(*ast.StructType).Fields.List {
				text := field.Doc.Text()
				if field.Comment != nil {
					text = field.Names[0].Name + ": " + field.Comment.Text()
				}
				if strings.Contains(strings.ToLower(text), "default") && !strings.Contains(text, "nil:") {
					fmt.Fprintf(&b, "- %s\n", strings.Join(strings.Fields(text), " "))
				}
			}
			return false
		})
	}
	if b.Len() == 0 {
		t.Errorf("no field of %s has a default", name)
	}
	return b.String()
}
