package crowd

import (
	"fmt"
	"io"
	"math"
	"slices"
	"sort"
	"strings"
	"time"

	"github.com/hearthcache/hearth/chart"
)

// plotPoints is the number of points of a line.
const plotPoints = 450

// Plot draws how often the launched item has been loaded over the day, on a logarithmic scale, as SVG.
func (r *Report) Plot(w io.Writer) error {
	most, length := 10, time.Second
	for _, one := range r.Results {
		most, length = max(most, one.LaunchLoads), max(length, one.Took)
	}
	top := math.Log10(float64(most)) + lift
	c := chart.Chart{
		Title: fmt.Sprintf("Loads of the launched item: %s environments within %v", Thousands(r.Scene.Environments), r.Scene.Spread),
		Note:  fmt.Sprintf("seed %d; the origin takes %v; grey: arriving invocations", r.Scene.Seed, r.Scene.Latency),
		Below: "seconds of the day; loads of the launched item so far",
	}
	if r.Model {
		c.Note += "; virtual time"
	}
	for n := 1; n <= most; n *= 10 {
		c.Y = append(c.Y, chart.Tick{At: height(n, top), Text: Thousands(n)})
	}
	for t := time.Duration(0); t <= length; t += time.Duration(math.Ceil(length.Seconds()/12)) * time.Second {
		c.X = append(c.X, chart.Tick{At: float64(t) / float64(length), Text: fmt.Sprintf("%.0f", t.Seconds())})
	}
	for _, one := range slices.Backward(r.Results) {
		if one.Skipped != "" {
			continue
		}
		c.Lines = append(c.Lines, one.line(length, top))
		c.Area = one.area(length)
	}
	if len(c.Lines) > 0 {
		c.Lines[0].Dashed = true
	}
	return c.SVG(w)
}

// lift is where a single load stands above none, in powers of ten.
const lift = 0.4

func height(loads int, top float64) float64 {
	if loads == 0 {
		return 0
	}
	return (math.Log10(float64(loads)) + lift) / top
}

func (r *Result) line(length time.Duration, top float64) chart.Line {
	l := chart.Line{Name: fmt.Sprintf("%s\nloads: %s\nof all items: %s\nreads: p99 %s", r.Title, Thousands(r.LaunchLoads), Thousands(r.OriginLoads), Millis(r.Latency.P99))}
	for i := range plotPoints + 1 {
		x := float64(i) / plotPoints
		at := time.Duration(x * float64(length))
		n := sort.Search(len(r.launch), func(i int) bool { return r.launch[i] > at })
		l.Points = append(l.Points, chart.Point{X: x, Y: height(n, top)})
	}
	return l
}

// areaParts is in how many parts of a day arrivals are counted.
const areaParts = 60

// area is how many invocations arrive over the day, as a part of the most.
func (r *Result) area(length time.Duration) (points []chart.Point) {
	counts, most := make([]int, areaParts+1), 1
	for _, at := range r.arrivals {
		i := min(areaParts, int(float64(at)/float64(length)*areaParts))
		counts[i]++
		most = max(most, counts[i])
	}
	for i, n := range counts {
		points = append(points, chart.Point{X: float64(i) / areaParts, Y: float64(n) / float64(most)})
	}
	return points
}

// Thousands writes a number with commas, for people.
func Thousands(n int) string {
	s := fmt.Sprint(n)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}

// Millis writes a duration in milliseconds, for people.
func Millis(d time.Duration) string {
	ms := float64(d) / float64(time.Millisecond)
	text := fmt.Sprintf("%.1f ms", ms)
	if ms >= 100 {
		text = fmt.Sprintf("%.0f ms", ms)
	}
	return strings.Replace(text, "-0.0", "0.0", 1)
}
