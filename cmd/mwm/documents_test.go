package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/alecthomas/kong"
)

// document is one of the texts for users.
type document struct {
	name string // from the root
	text string
}

// documents are all of them.
func documents(t *testing.T) (all []document) {
	t.Helper()
	for _, pattern := range []string{"*.md", "deploy/*.md", "deploy/docs/*.md", "deploy/docs/*/*.md"} {
		names, err := filepath.Glob(root + pattern)
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range names {
			text, err := os.ReadFile(name)
			if err != nil {
				t.Fatal(err)
			}
			all = append(all, document{filepath.ToSlash(strings.TrimPrefix(filepath.Clean(name), filepath.Clean(root)+"/")), string(text)})
		}
	}
	if len(all) < 10 {
		t.Fatalf("only %d documents", len(all))
	}
	return all
}

var (
	codeBlock = regexp.MustCompile("(?ms)^```(\\w*)[^\n]*\n(.*?)^```$|((?:^    [^\n]*\n)+)")
	codeSpan  = regexp.MustCompile("`([^`\n]+)`")
	mdLink    = regexp.MustCompile(`\[[^\]]*\]\(([^)\s]+)\)`)
	heading   = regexp.MustCompile(`(?m)^#+ (.*)$`)
)

// blocks are the blocks of commands and the like.
func (d document) blocks() (blocks []string) {
	for _, m := range codeBlock.FindAllStringSubmatch(d.text, -1) {
		blocks = append(blocks, m[2]+m[3])
	}
	return blocks
}

// prose is what is not in blocks.
func (d document) prose() string { return codeBlock.ReplaceAllString(d.text, "") }

// anchors are what links may point to, as they are made of headings.
func (d document) anchors() (anchors []string) {
	for _, m := range heading.FindAllStringSubmatch(d.prose(), -1) {
		plain := regexp.MustCompile(`[^\p{L}\p{N} _-]`).ReplaceAllString(strings.ToLower(m[1]), "")
		anchors = append(anchors, strings.ReplaceAll(plain, " ", "-"))
	}
	return anchors
}

// Links between the documents lead somewhere, and files that they speak of exist.
func TestLinks(t *testing.T) {
	all := documents(t)
	for _, d := range all {
		for _, m := range mdLink.FindAllStringSubmatch(d.prose(), -1) {
			target, anchor, _ := strings.Cut(m[1], "#")
			if strings.Contains(target, "://") {
				continue
			}
			name := d.name
			if target != "" {
				name = filepath.ToSlash(filepath.Join(filepath.Dir(d.name), target))
			}
			if _, err := os.Stat(root + name); err != nil {
				t.Errorf("%s: there is no %s", d.name, m[1])
				continue
			}
			i := slices.IndexFunc(all, func(d document) bool { return d.name == name })
			if anchor != "" && (i < 0 || !slices.Contains(all[i].anchors(), anchor)) {
				t.Errorf("%s: there is no heading for %s", d.name, m[1])
			}
		}
		for _, m := range codeSpan.FindAllStringSubmatch(d.prose(), -1) {
			if regexp.MustCompile(`^(cmd|server|web|devicesim|deploy)/[\w./-]+$`).MatchString(m[1]) && !strings.Contains(m[1], ".Test") {
				if _, err := os.Stat(root + m[1]); err != nil {
					t.Errorf("%s: there is no %s", d.name, m[1])
				}
			}
		}
	}
}

// What the documents tell to type is understood: commands, flags, variables,
// targets of make, names of figures.
func TestWhatDocumentsName(t *testing.T) {
	flags, variables := names(t)
	text := func(name string) string {
		b, err := os.ReadFile(root + name)
		if err != nil {
			t.Fatal(err)
		}
		return string(b)
	}
	makefile, figures := text("Makefile"), text("deploy/METRICS.md")
	all := documents(t)
	t.Chdir(root) // files that commands name are there
	for _, d := range all {
		if d.name == "deploy/docs/CONFIGURATION.md" {
			continue // it comes out of the program
		}
		for _, m := range regexp.MustCompile("`(--[a-z][a-z-]+)").FindAllStringSubmatch(d.prose(), -1) {
			if !flags[m[1]] {
				t.Errorf("%s: there is no flag %s", d.name, m[1])
			}
		}
		for _, m := range regexp.MustCompile(`\bMWM_[A-Z_]+\b`).FindAllString(d.text, -1) {
			if !variables[m] {
				t.Errorf("%s: there is no variable %s", d.name, m)
			}
		}
		for _, m := range regexp.MustCompile("`make ([a-z -]+)`").FindAllStringSubmatch(d.text, -1) {
			for _, target := range strings.Fields(m[1]) {
				if !strings.Contains(makefile, "\n"+target+":") {
					t.Errorf("%s: make has no target %s", d.name, target)
				}
			}
		}
		for _, m := range regexp.MustCompile(`\bmwm_[a-z_]+`).FindAllString(d.text, -1) {
			if !strings.Contains(figures, "`"+m+"`") {
				t.Errorf("%s: there is no figure %s", d.name, m)
			}
		}
		t.Run(d.name, func(t *testing.T) {
			for _, block := range d.blocks() {
				for line := range strings.Lines(block) {
					checkCommand(t, strings.TrimSpace(line))
				}
			}
		})
	}
}

// names are the flags and variables of all commands.
func names(t *testing.T) (flags, variables map[string]bool) {
	t.Helper()
	flags, variables = map[string]bool{"--help": true, "--version": true}, map[string]bool{passwordVariable: true}
	for _, name := range []string{"MWM_CRASH_KILLS", "MWM_GARBAGE", "MWM_SOAK", "MWM_SOAK_DEVICES"} { // of the tests
		variables[name] = true
	}
	_ = kong.Visit(model(t), func(n kong.Visitable, next kong.Next) error {
		if f, ok := n.(*kong.Flag); ok {
			flags["--"+f.Name] = true
			for _, v := range f.Envs {
				variables[v] = true
			}
		}
		return next(nil)
	})
	return flags, variables
}

var mwmCommand = regexp.MustCompile(`(?:^|[|;] *|-- |^\$ |\./cmd/)mwm ([a-z].*)$`)

// checkCommand parses a command line of mwm, if a line of a block is one, as the
// program itself would.
func checkCommand(t *testing.T, line string) {
	t.Helper()
	if m := regexp.MustCompile(`^export (MWM_\w+)=(\S+)$`).FindStringSubmatch(line); m != nil {
		t.Setenv(m[1], m[2])
	}
	m := mwmCommand.FindStringSubmatch(line)
	if m == nil {
		return
	}
	command := regexp.MustCompile(` +([#<>|;]|&&|\|\|).*$`).ReplaceAllString(m[1], "")
	out, err := exec.Command("bash", "-c", `printf '%s\0' `+command).Output() // a shell's words
	if err != nil {
		t.Errorf("%s: %v", line, err)
		return
	}
	args := strings.Split(strings.TrimSuffix(string(out), "\x00"), "\x00")
	for i, a := range args { // a file that is not here
		if a == "--config" && strings.HasPrefix(args[i+1], "/etc/") {
			args[i+1] = "deploy/mwm.example.conf"
		}
	}
	if _, err := parse(t, args...); err != nil {
		t.Errorf("mwm %s: %v", command, err)
	}
}

// A translation has the same commands, in the same order.
func TestTranslations(t *testing.T) {
	for _, pair := range [][2]string{{"README.md", "deploy/docs/ko/README.md"}, {"deploy/docs/BOOK.md", "deploy/docs/ko/BOOK.md"}} {
		all := documents(t)
		find := func(name string) []string {
			i := slices.IndexFunc(all, func(d document) bool { return d.name == name })
			if i < 0 {
				t.Fatalf("there is no %s", name)
			}
			return all[i].blocks()
		}
		want, got := find(pair[0]), find(pair[1])
		if len(got) != len(want) || len(want) == 0 {
			t.Errorf("%s has %d blocks, %s %d", pair[1], len(got), pair[0], len(want))
			continue
		}
		for i := range want {
			if got[i] != want[i] {
				t.Errorf("%s has\n%s\nwhere %s has\n%s", pair[1], got[i], pair[0], want[i])
			}
		}
	}
}
