package trace

import (
	"fmt"
	"html"
	"io"
	"strings"
)

// The plot's measures, in SVG units.
const (
	plotWidth  = 900
	plotHeight = 460
	plotLeft   = 60
	plotRight  = 190
	plotTop    = 50
	plotBottom = 50
)

// colours of the lines: the engine's first.
var colours = []string{"#d9480f", "#868e96", "#1c7ed6", "#2b8a3e", "#9c36b5", "#495057"}

// Plot draws the hit ratios over the course of a trace as SVG.
func Plot(w io.Writer, title string, results []Result) error {
	var b strings.Builder
	fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" width="%d" height="%d" font-family="sans-serif" font-size="13">`+"\n", plotWidth, plotHeight)
	fmt.Fprintf(&b, `<rect width="100%%" height="100%%" fill="white"/><text x="%d" y="28" font-size="16">%s</text>`+"\n", plotLeft, html.EscapeString(title))
	inner := plotWidth - plotLeft - plotRight
	depth := plotHeight - plotTop - plotBottom
	for percent := 0; percent <= 100; percent += 20 {
		y := plotTop + depth - depth*percent/100
		fmt.Fprintf(&b, `<line x1="%d" y1="%d" x2="%d" y2="%d" stroke="#dee2e6"/><text x="%d" y="%d" text-anchor="end">%d %%</text>`+"\n",
			plotLeft, y, plotLeft+inner, y, plotLeft-8, y+4, percent)
	}
	fmt.Fprintf(&b, `<text x="%d" y="%d" text-anchor="middle">course of the trace; hit ratio of each hundredth</text>`+"\n", plotLeft+inner/2, plotHeight-16)
	for i := len(results) - 1; i >= 0; i-- {
		r, colour, width := &results[i], colours[i%len(colours)], 1.2
		if i == 0 {
			width = 2.4
		}
		fmt.Fprintf(&b, `<polyline fill="none" stroke="%s" stroke-width="%.1f" points="`, colour, width)
		for j, v := range r.Curve {
			x := plotLeft
			if n := len(r.Curve); n > 1 {
				x += inner * j / (n - 1)
			}
			fmt.Fprintf(&b, "%d,%.1f ", x, float64(plotTop+depth)-float64(depth)*v)
		}
		b.WriteString("\"/>\n")
		y := plotTop + 14 + 24*i
		fmt.Fprintf(&b, `<line x1="%d" y1="%d" x2="%d" y2="%d" stroke="%s" stroke-width="3"/>`, plotLeft+inner+14, y-4, plotLeft+inner+34, y-4, colour)
		fmt.Fprintf(&b, `<text x="%d" y="%d">%s %.2f %%</text>`+"\n", plotLeft+inner+42, y, html.EscapeString(r.Name), 100*r.HitRatio())
	}
	b.WriteString("</svg>\n")
	_, err := io.WriteString(w, b.String())
	return err
}
