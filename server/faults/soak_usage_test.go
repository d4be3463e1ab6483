package faults

import (
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// sample is what the server used at a time.
type sample struct {
	at         time.Duration
	cpu, load  time.Duration // of the server, and of this process
	rss        float64       // bytes
	live       float64       // bytes of the heap that are in use, as of the last sixth sample
	goroutines float64
	files      float64
	disk       float64 // bytes
	clients    float64
}

// sample asks the system and the server, and tells now and then.
func (s *soak) sample() {
	s.t.Helper()
	u := s.process.usage()
	collected := len(s.samples)%6 == 0
	if collected {
		s.process.collect()
	}
	code, text := s.process.status("/metrics")
	if code != 200 {
		s.t.Fatalf("/metrics: %d %s", code, text)
	}
	x := sample{
		at: time.Since(s.began), cpu: s.process.cpu(), load: ownCPU(),
		rss: 1024 * float64(u.rss), files: float64(u.files), disk: s.disk(),
		goroutines: metric(text, "go_goroutines"), clients: metric(text, "mwm_clients"),
	}
	if collected {
		x.live = metric(text, "go_memstats_heap_alloc_bytes")
	} else {
		x.live = s.samples[len(s.samples)-1].live
	}
	s.samples = append(s.samples, x)
	if len(s.samples)%6 == 0 {
		before := s.samples[max(0, len(s.samples)-7)]
		d := (x.at - before.at).Seconds()
		s.say("%4.0f clients  %5.1f MB  %5.1f MB live  %4.0f goroutines  %4.0f files  %6.1f MB on disk  %4.0f%% CPU, %.0f%% here  %d reports  %d texts  %d alerts  %d sessions  %d frames  %d positions compared  %d owed",
			x.clients, x.rss/1e6, x.live/1e6, x.goroutines, x.files, x.disk/1e6,
			max(0, 100*(x.cpu-before.cpu).Seconds()/d), 100*(x.load-before.load).Seconds()/d,
			s.count.reports.Load(), s.count.texts.Load(), s.count.alerts.Load(), s.count.sessions.Load(), s.count.frames.Load(), s.count.checked.Load(), s.book.owed())
	}
}

// collect collects garbage, so that what is left is in use.
func (p *process) collect() {
	p.t.Helper()
	res, err := http.Get("http://" + p.pprof + "/debug/pprof/heap?gc=1")
	if err != nil {
		p.t.Fatal(err)
	}
	defer http.DefaultClient.CloseIdleConnections()
	defer res.Body.Close()
	if _, err := io.Copy(io.Discard, res.Body); err != nil || res.StatusCode != http.StatusOK {
		p.t.Fatalf("profile of the heap: %s, %v", res.Status, err)
	}
}

// disk is how large the data directory is.
func (s *soak) disk() (bytes float64) {
	dir := strings.TrimPrefix(s.args[0], "--data=")
	_ = filepath.WalkDir(dir, func(_ string, d fs.DirEntry, err error) error {
		if err != nil {
			return nil // it has just been removed
		}
		if info, err := d.Info(); err == nil && info.Mode().IsRegular() {
			bytes += float64(info.Size())
		}
		return nil
	})
	return bytes
}

// metric is a value of the server's metrics.
func metric(text, name string) float64 {
	_, rest, _ := strings.Cut(text, "\n"+name+" ")
	line, _, _ := strings.Cut(rest, "\n")
	v, _ := strconv.ParseFloat(line, 64)
	return v
}

// cpu is the time that the process has computed.
func (p *process) cpu() time.Duration {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", p.cmd.Process.Pid))
	if err != nil {
		return 0
	}
	_, rest, _ := strings.Cut(string(text), ") ")
	fields := strings.Fields(rest)
	user, _ := strconv.Atoi(fields[11])
	system, _ := strconv.Atoi(fields[12])
	return time.Duration(user+system) * 10 * time.Millisecond // USER_HZ is 100
}

func ownCPU() time.Duration {
	var u syscall.Rusage
	if syscall.Getrusage(syscall.RUSAGE_SELF, &u) != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// judge compares the first and the last third of the part without restarts, after
// a third of it in which what is bounded fills up, such as the devices' trails. Of
// the memory it looks at the lowest tenth: a busy machine that delays the garbage
// collector makes it rise for minutes, which a leak is not.
func (s *soak) judge() {
	s.t.Helper()
	judged := s.samples[s.steady:s.settledAt]
	judged = judged[len(judged)/3:]
	third := len(judged) / 3
	if third == 0 {
		return // too short for a sample
	}
	first, last := judged[:third], judged[len(judged)-third:]
	long := last[third-1].at-first[0].at >= 15*time.Minute
	s.say("%-12s %12s %12s %8s   of %v and %v", "", "first third", "last third", "change",
		(first[third-1].at - first[0].at).Round(time.Second), (last[third-1].at - last[0].at).Round(time.Second))
	const low, middle = 0.1, 0.5
	for _, q := range []struct {
		name  string
		unit  float64
		at    float64 // quantile
		of    func(sample) float64
		slack float64 // what does not count, besides a twentieth
	}{
		{"memory, MB", 1e6, low, func(x sample) float64 { return x.rss }, 8e6},
		{"live, MB", 1e6, middle, func(x sample) float64 { return x.live }, 4e6},
		{"goroutines", 1, middle, func(x sample) float64 { return x.goroutines }, 30},
		{"files", 1, middle, func(x sample) float64 { return x.files }, 30},
		{"disk, MB", 1e6, middle, func(x sample) float64 { return x.disk }, 8e6},
	} {
		a, b := quantile(first, q.at, q.of), quantile(last, q.at, q.of)
		verdict := "flat"
		if b > a*1.05+q.slack {
			if verdict = "grows"; long {
				s.t.Errorf("%s: %.1f in the first third, %.1f in the last", q.name, a/q.unit, b/q.unit)
			}
		}
		s.say("%-12s %12.1f %12.1f %+7.1f%%   %s", q.name, a/q.unit, b/q.unit, 100*(b-a)/a, verdict)
	}
	if !long {
		s.say("that is too short to tell whether anything grows")
	}
}

// quantile is the value that this part of the samples do not exceed.
func quantile(of []sample, part float64, value func(sample) float64) float64 {
	all := make([]float64, len(of))
	for i, x := range of {
		all[i] = value(x)
	}
	slices.Sort(all)
	return all[int(part*float64(len(all)))]
}
