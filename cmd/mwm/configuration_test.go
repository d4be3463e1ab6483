package main

import (
	"cmp"
	"flag"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/alecthomas/kong"
)

var update = flag.Bool("update", false, "write deploy/docs/CONFIGURATION.md anew")

const configurationHead = `# Configuration

Every command and setting. A setting is a flag, a variable or, for ` + "`mwm serve` and `mwm doctor`" + `, a line of the file that
` + "`--config`" + ` names: "name = value" with the flag's name without ` + "`--`" + `; empty lines and those that begin with ` + "`#`" + ` are passed over,
and a name that takes several values may stand several times. Flags come before variables, variables before the file.
[mwm.example.conf](../mwm.example.conf) is such a file.

- An address is ` + "`host:port`" + `; ` + "`:8080`" + ` is all addresses of the machine, port 0 a free one, an empty address nothing at all.
- A time is a number with its unit: ` + "`500ms`, `15s`, `2m`, `12h`" + `. Bytes are a plain number.
- A rate is messages a second and bytes a second, either of which may be left out: ` + "`200`, `200,1MiB`, `,64KiB`" + `.
- A switch needs no value: ` + "`--allow-anonymous`" + `; as variable or in a file it is ` + "`true`" + ` or ` + "`false`" + `.

The password of the client commands is in the variable ` + "`MWM_PASSWORD`" + ` or in the file that ` + "`--password-file`" + ` names, never on
a command line, which others on the machine can read.
`

// The reference is what the program says of itself.
func TestConfigurationDocument(t *testing.T) {
	r := reference{said: map[string]string{}}
	r.WriteString(configurationHead)
	for _, command := range model(t).Children {
		r.command("##", "mwm", command)
	}
	const file = "../../deploy/docs/CONFIGURATION.md"
	if *update {
		if err := os.WriteFile(file, []byte(r.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if got, err := os.ReadFile(file); err != nil || string(got) != r.String() {
		t.Errorf("%s is not what the flags say (%v); go test ./cmd/mwm -run TestConfigurationDocument -update writes it", file, err)
	}
}

// Each setting of the server can stand in a file, and says what it is for.
func TestEverySettingInAFile(t *testing.T) {
	for _, command := range model(t).Children {
		for _, f := range command.Flags {
			if f.Help == "" {
				t.Errorf("mwm %s --%s has no help", command.Name, f.Name)
			}
			if command.Name != "serve" || f.Name == "config" {
				continue
			}
			if len(f.Envs) != 1 || f.Envs[0] != "MWM_"+strings.ToUpper(strings.ReplaceAll(f.Name, "-", "_")) {
				t.Errorf("the variables of --%s are %q", f.Name, f.Envs)
			}
			value := f.Default
			switch f.Target.Interface().(type) {
			case bool:
				value = "true"
			case int64, time.Duration: // some have none
				value = cmp.Or(value, "0")
			}
			if _, err := parse(t, "serve", "--config", write(t, f.Name+" = "+value+"\n")); err != nil {
				t.Errorf("%s = %s: %v", f.Name, value, err)
			}
		}
	}
}

// model is the command line as kong knows it.
func model(t *testing.T) *kong.Application {
	t.Helper()
	var c cli
	k, err := kong.New(&c, kong.Name("mwm"), kong.Vars{"version": "mwm test"})
	if err != nil {
		t.Fatal(err)
	}
	return k.Model
}

// reference is the document while it is written.
type reference struct {
	strings.Builder
	said map[string]string // the command that a flag was described with, by all that is said of it
}

// command writes of a command and those below it.
func (r *reference) command(heading, parent string, c *kong.Node) {
	name := parent + " " + c.Name
	fmt.Fprintf(r, "\n%s %s\n\n%s\n", heading, name, c.Help)
	for _, child := range c.Children {
		r.command(heading+"#", name, child)
	}
	for i, a := range c.Positional {
		if i == 0 {
			r.WriteString("\n")
		}
		fmt.Fprintf(r, "- `%s` %s\n", a.Summary(), a.Help)
	}
	if len(c.Children) == 0 {
		r.flags(heading, name, c.Flags)
	}
}

// flags writes of a command's flags by their groups, and refers to commands above for those that are the same there.
func (r *reference) flags(heading, command string, flags []*kong.Flag) {
	groups, same := []group{{}}, []group{}
	for _, f := range flags {
		if f.Name == "help" {
			continue
		}
		key := fmt.Sprint(f.Name, f.Envs, f.Default, f.Help)
		if where, ok := r.said[key]; ok {
			same = add(same, where, f)
			continue
		}
		r.said[key] = command
		title := ""
		if f.Group != nil {
			title = f.Group.Title
		}
		groups = add(groups, title, f)
	}
	for _, g := range groups {
		if g.title != "" {
			fmt.Fprintf(r, "\n#%s %s: %s\n", heading, command, g.title)
		}
		table(r, g.flags)
	}
	for _, g := range same {
		fmt.Fprintf(r, "\nAnd %s, as in [%s](#%s).\n", g.names(), g.title, strings.ReplaceAll(g.title, " ", "-"))
	}
}

// group is some flags with something in common.
type group struct {
	title string
	flags []*kong.Flag
}

func add(groups []group, title string, f *kong.Flag) []group {
	i := slices.IndexFunc(groups, func(g group) bool { return g.title == title })
	if i < 0 {
		i, groups = len(groups), append(groups, group{title: title})
	}
	groups[i].flags = append(groups[i].flags, f)
	return groups
}

func (g group) names() string {
	if len(g.flags) > 20 {
		return "all settings of the server"
	}
	var names []string
	for _, f := range g.flags {
		names = append(names, "`--"+f.Name+"`")
	}
	return strings.Join(names, ", ")
}

func table(r *reference, flags []*kong.Flag) {
	if len(flags) == 0 {
		return
	}
	r.WriteString("\n| flag | variable | default | what |\n|---|---|---|---|\n")
	for _, f := range flags {
		name, variable := "`--"+f.Name+"`", ""
		if !f.IsBool() {
			name = "`--" + f.Name + " " + strings.ReplaceAll(placeholder(f), "|", "\\|") + "`"
		}
		if len(f.Envs) > 0 {
			variable = "`" + f.Envs[0] + "`"
		}
		help, fallback := describe(f)
		fmt.Fprintf(r, "| %s | %s | %s | %s |\n", name, variable, fallback, help)
	}
}

func placeholder(f *kong.Flag) string {
	if f.PlaceHolder != "" {
		return f.PlaceHolder
	}
	return strings.ToUpper(f.Name)
}

// describe divides the help, at whose end the default stands when it is worth a word.
func describe(f *kong.Flag) (help, fallback string) {
	help, fallback, _ = strings.Cut(strings.ReplaceAll(f.Help, "|", "\\|"), "Default: ")
	if help = strings.TrimSpace(help); fallback == "" {
		fallback = f.Default
	}
	return help, strings.TrimSuffix(fallback, ".")
}
