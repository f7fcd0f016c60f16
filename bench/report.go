package bench

import (
	"bufio"
	"fmt"
	"io"
	"math"
	"os"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"text/template"
)

// Machine describes where results were measured.
type Machine struct {
	CPU    string
	Cores  int
	Memory string
	Kernel string
	OS     string
	Go     string
}

// ThisMachine describes the machine that runs the program.
func ThisMachine() Machine {
	m := Machine{Cores: runtime.NumCPU(), Go: runtime.Version(), CPU: "unknown", Memory: "unknown", Kernel: "unknown", OS: runtime.GOOS}
	if v := field("/proc/cpuinfo", "model name"); v != "" {
		m.CPU = v
	}
	if v := field("/proc/meminfo", "MemTotal"); v != "" {
		var kb int64
		if _, err := fmt.Sscan(v, &kb); err == nil {
			m.Memory = fmt.Sprintf("%d GiB", (kb+1<<19)>>20)
		}
	}
	if b, err := os.ReadFile("/proc/sys/kernel/osrelease"); err == nil {
		m.Kernel = strings.TrimSpace(string(b))
	}
	if v := field("/etc/os-release", "PRETTY_NAME"); v != "" {
		m.OS = strings.Trim(v, `"`)
	}
	return m
}

// String is the machine in a line.
func (m Machine) String() string {
	return fmt.Sprintf("%s, %d cores, %s memory, %s, kernel %s, %s", m.CPU, m.Cores, m.Memory, m.OS, m.Kernel, m.Go)
}

// field returns the value of the first "name: value" or "name=value" line of a file.
func field(path, name string) string {
	f, err := os.Open(path)
	if err != nil {
		return ""
	}
	defer f.Close()
	for sc := bufio.NewScanner(f); sc.Scan(); {
		line := sc.Text()
		if rest, ok := strings.CutPrefix(line, name); ok {
			return strings.TrimSpace(strings.TrimLeft(rest, " \t:="))
		}
	}
	return ""
}

// Markdown writes the table of what was measured, with the command that makes it and the plot beside it. Benchmarks that were not
// measured have a reason.
func Markdown(w io.Writer, list []Record, skipped map[string]string, plot string) error {
	var b strings.Builder
	b.WriteString(`# Benchmarks

Each line is the same work through sluice and through a peer, run in turn on one machine; the ratio is the median of the
pairs, turned so that more than 1 means sluice is better. ` + "`make bench`" + ` measures all of it, ` + "`sluice bench NAME --markdown docs/benchmarks.md`" + ` a
benchmark anew, with ` + "`--quick`" + ` by a quick look. Figures on a shared machine are noisy: read the ratio with its spread.
Lines ending in -cpu and -memory are the processor time and the peak of private memory beside the line before them. "nginx" serves
pre-made files; "nginx VOD" is its just-in-time packager over the same renditions as MP4 files, measured where its module is installed.

`)
	for _, m := range machines(list) {
		fmt.Fprintf(&b, "- %s\n", m)
	}
	b.WriteString("\n")
	if plot != "" {
		fmt.Fprintf(&b, "![ratios](%s)\n\n", plot)
	}
	b.WriteString("| Benchmark | Peer | sluice | peer | unit | ratio | least–greatest | pairs | target | measured |\n" + strings.Repeat("| --- ", 10) + "|\n")
	for _, r := range list {
		target := "–"
		if t := targetOf(r.Result); t > 0 {
			target = fmt.Sprintf("≥ %.4g", t)
		} else if r.Gate != "" {
			target = r.Gate
		}
		when := r.When
		if r.Quick {
			when += ", quick"
		}
		fmt.Fprintf(&b, "| %s | %s | %.4g | %.4g | %s | **%.2f** | %.2f–%.2f | %d | %s | %s |\n",
			r.Bench, r.Peer, r.Ours, r.Theirs, r.Unit, r.Ratio, r.Min, r.Max, r.Runs, target, when)
	}
	b.WriteString("\nWhat each line does:\n\n")
	for _, x := range All {
		fmt.Fprintf(&b, "- `%s`: %s", x.Name, x.Help)
		switch why := skipped[x.Name]; {
		case slices.ContainsFunc(list, func(r Record) bool { return r.Of == x.Name }):
		case why != "":
			fmt.Fprintf(&b, " (not measured: %s)", why)
		default:
			b.WriteString(" (not measured)")
		}
		b.WriteString(".\n")
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// machines says where something was measured, with the days.
func machines(list []Record) []string {
	days := map[string][]string{}
	for _, r := range list {
		if !slices.Contains(days[r.Machine], r.When) {
			days[r.Machine] = append(days[r.Machine], r.When)
		}
	}
	out := make([]string, 0, len(days))
	for m, d := range days {
		slices.Sort(d)
		out = append(out, strings.Join(d, ", ")+": "+m)
	}
	slices.Sort(out)
	return out
}

// lineTargets are gates of lines that have one of their own.
var lineTargets = map[string]float64{"ladder-20s": 1.05, "segments-fmp4-vod": 2, "segments-ts-vod": 1, "segments-muxed-vod": 1, "playlists-vod": 1}

// targetOf returns the gate of a result; a benchmark with several lengths names each after a dash.
func targetOf(r Result) float64 {
	if t, ok := lineTargets[r.Bench]; ok {
		return t
	}
	for _, b := range All {
		length, ok := strings.CutPrefix(r.Bench, b.Name)
		if ok && (length == "" || lengthSuffix.MatchString(length)) {
			return b.Target
		}
	}
	return 0
}

var lengthSuffix = regexp.MustCompile(`^-[0-9]+s$`)

var plotTemplate = template.Must(template.New("plot").Parse(`<svg xmlns="http://www.w3.org/2000/svg" width="760" height="{{.Height}}" font-family="sans-serif" font-size="13">
<rect width="100%" height="100%" fill="#fff"/>
<text x="12" y="22" font-size="15">Ratio to the peer (logarithmic; right of the line sluice is better)</text>
{{range .Bars}}<text x="250" y="{{.TextY}}" text-anchor="end">{{.Label}}</text>
<rect x="{{.X}}" y="{{.Y}}" width="{{.W}}" height="16" fill="{{.Fill}}"/>
<line x1="{{.Lo}}" x2="{{.Hi}}" y1="{{.Mid}}" y2="{{.Mid}}" stroke="#333"/>
<text x="{{.ValueX}}" y="{{.TextY}}">{{.Value}}</text>
{{end}}<line x1="{{.One}}" x2="{{.One}}" y1="34" y2="{{.Bottom}}" stroke="#333" stroke-dasharray="3 3"/>
</svg>
`))

type bar struct {
	Label, Value, Fill          string
	X, Y, W, TextY, Mid, Lo, Hi int
	ValueX                      int
}

// Plot draws the ratios as an SVG of horizontal bars on a logarithmic scale from 1/16 to 1024.
func Plot(w io.Writer, results []Record) error {
	const left, one, width, lo, hi = 260, 400, 440, -4.0, 10.0
	_ = left
	pos := func(ratio float64) int {
		l := math.Max(lo, math.Min(hi, math.Log2(math.Max(ratio, 1e-6))))
		if l < 0 {
			return one + int(l/-lo*float64(one-left))
		}
		return one + int(l/hi*float64(width-(one-left)))
	}
	var data struct {
		Height, Bottom, One int
		Bars                []bar
	}
	data.One = one
	for i, r := range results {
		y := 40 + 24*i
		x := pos(r.Ratio)
		b := bar{
			Label: r.Bench + " vs " + r.Peer, Value: fmt.Sprintf("%.2f", r.Ratio), Fill: "#2a7de1",
			X: min(one, x), W: max(one, x) - min(one, x), Y: y, TextY: y + 13, Mid: y + 8, Lo: pos(r.Min), Hi: pos(r.Max),
		}
		if r.Ratio < 1 {
			b.Fill = "#d9822b"
		}
		b.ValueX = max(one, max(x, b.Hi)) + 6
		data.Bars = append(data.Bars, b)
	}
	data.Bottom = 44 + 24*len(results)
	data.Height = data.Bottom + 10
	return plotTemplate.Execute(w, data)
}
