package server

import (
	"os"
	"regexp"
	"strings"
	"testing"
)

func readText(t *testing.T, file string) string {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// services are the lines of each service of a compose file, without indentation.
func services(text string) map[string][]string {
	all, name := map[string][]string{}, ""
	_, text, _ = strings.Cut(text, "\nservices:\n")
	for line := range strings.Lines(text) {
		trimmed := strings.TrimSpace(line)
		switch indent := len(line) - len(strings.TrimLeft(line, " ")); {
		case trimmed == "" || strings.HasPrefix(trimmed, "#"):
		case indent == 0:
			return all
		case indent == 2:
			name = strings.TrimSuffix(trimmed, ":")
		default:
			all[name] = append(all[name], trimmed)
		}
	}
	return all
}

// In containers, too, nothing is open that nobody asked for: they may do nothing,
// write nothing but their data, take no more memory and threads than they are given,
// and are published on this machine alone.
func TestContainersAreSafe(t *testing.T) {
	all := services(readText(t, "../docker-compose.yml"))
	if len(all) < 2 {
		t.Fatalf("%d services", len(all))
	}
	published := regexp.MustCompile(`^- "?([0-9.]*:)?[0-9]+:[0-9]+`)
	ports := 0
	for name, lines := range all {
		text := "\n" + strings.Join(lines, "\n") + "\n"
		for _, want := range []string{"read_only: true", "cap_drop: [ALL]", `security_opt: ["no-new-privileges:true"]`} {
			if !strings.Contains(text, "\n"+want+"\n") {
				t.Errorf("%s lacks %s", name, want)
			}
		}
		for _, limit := range []*regexp.Regexp{regexp.MustCompile(`\nmem_limit: [1-9][0-9]*[mg]\n`), regexp.MustCompile(`\npids_limit: [1-9][0-9]*\n`)} {
			if !limit.MatchString(text) {
				t.Errorf("%s lacks %v", name, limit)
			}
		}
		for _, bad := range []string{"privileged:", "cap_add:", "network_mode:", "pid:", "docker.sock", "user: root", "user: 0"} {
			if strings.Contains(text, "\n"+bad) || strings.Contains(text, bad+" true") {
				t.Errorf("%s has %s", name, bad)
			}
		}
		for _, line := range lines {
			if m := published.FindStringSubmatch(line); m != nil {
				if ports++; m[1] != "127.0.0.1:" {
					t.Errorf("%s is published for others: %s", name, line)
				}
			}
		}
	}
	if ports < 5 {
		t.Errorf("%d ports are published", ports)
	}
	final := readText(t, "../deploy/Dockerfile")
	for _, from := range regexp.MustCompile(`(?m)^FROM .*$`).FindAllString(final, -1) {
		if from != "FROM scratch" && !strings.Contains(from, "@sha256:") {
			t.Errorf("%s: not by digest", from)
		}
	}
	final = final[strings.LastIndex(final, "\nFROM "):]
	user := regexp.MustCompile(`(?m)^USER (\S+)$`).FindStringSubmatch(final)
	if user == nil || strings.HasPrefix(user[1], "0") || strings.HasPrefix(user[1], "root") || !strings.HasPrefix(final, "\nFROM scratch\n") {
		t.Errorf("it runs as %v, on an image that is not empty, or as root:\n%s", user, final)
	}
}
