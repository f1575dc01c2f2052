package trace

import (
	"fmt"
	"io"

	"github.com/hearthcache/hearth/chart"
)

// Plot draws the hit ratios over the course of a trace as SVG.
func Plot(w io.Writer, title string, results []Result) error {
	c := chart.Chart{Title: title, Below: "course of the trace; hit ratio of each hundredth"}
	for percent := 0; percent <= 100; percent += 20 {
		c.Y = append(c.Y, chart.Tick{At: float64(percent) / 100, Text: fmt.Sprintf("%d %%", percent)})
	}
	for i := range results {
		r := &results[i]
		l := chart.Line{Name: fmt.Sprintf("%s %.2f %%", r.Name, 100*r.HitRatio())}
		for j, v := range r.Curve {
			l.Points = append(l.Points, chart.Point{X: float64(j) / float64(max(1, len(r.Curve)-1)), Y: v})
		}
		c.Lines = append(c.Lines, l)
	}
	return c.SVG(w)
}
