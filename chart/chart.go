// Package chart draws lines over one horizontal axis as SVG: what the command line's --plot writes. It knows nothing of
// what the lines mean; who draws has scaled everything to the unit square.
package chart

import (
	"fmt"
	"html"
	"io"
	"strings"
)

// Chart is one drawing.
type Chart struct {
	Title string
	Below string // what the horizontal axis is
	Note  string // a second line under the title; may be empty
	X, Y  []Tick
	Lines []Line  // the first is drawn last, and thickest
	Area  []Point // behind the lines, in grey; may be empty
}

// Point is a place in the unit square: 0, 0 is bottom left.
type Point struct{ X, Y float64 }

// Tick is a mark on an axis.
type Tick struct {
	At   float64 // 0 to 1
	Text string
}

// Line is one line with its entry in the legend.
type Line struct {
	Name   string // may have several lines
	Points []Point
	Dashed bool // so that a line under it can be seen
}

// The measures, in SVG units.
const (
	width  = 940
	height = 460
	left   = 70
	right  = 230
	top    = 64
	bottom = 60
	inner  = width - left - right
	depth  = height - top - bottom
)

// colours of the lines, in their order.
var colours = []string{"#d9480f", "#868e96", "#1c7ed6", "#2b8a3e", "#9c36b5", "#495057"}

// SVG writes the chart.
func (c *Chart) SVG(w io.Writer) error {
	var b strings.Builder
	fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" width="%d" height="%d" font-family="sans-serif" font-size="13">`+"\n", width, height)
	fmt.Fprintf(&b, `<rect width="100%%" height="100%%" fill="white"/><text x="%d" y="26" font-size="16">%s</text>`+"\n", left, html.EscapeString(c.Title))
	if c.Note != "" {
		fmt.Fprintf(&b, `<text x="%d" y="46" fill="#868e96">%s</text>`+"\n", left, html.EscapeString(c.Note))
	}
	if len(c.Area) > 0 {
		fmt.Fprintf(&b, `<polygon fill="#f1f3f5" points="%d,%d %s%d,%d"/>`+"\n", left, top+depth, path(c.Area), left+inner, top+depth)
	}
	c.axes(&b)
	for i := len(c.Lines) - 1; i >= 0; i-- {
		c.line(&b, i)
	}
	b.WriteString("</svg>\n")
	_, err := io.WriteString(w, b.String())
	return err
}

func (c *Chart) axes(b *strings.Builder) {
	for _, t := range c.Y {
		y := float64(top+depth) - depth*t.At
		fmt.Fprintf(b, `<line x1="%d" y1="%.1f" x2="%d" y2="%.1f" stroke="#dee2e6"/><text x="%d" y="%.1f" text-anchor="end">%s</text>`+"\n",
			left, y, left+inner, y, left-8, y+4, html.EscapeString(t.Text))
	}
	for _, t := range c.X {
		x := left + inner*t.At
		fmt.Fprintf(b, `<line x1="%.1f" y1="%d" x2="%.1f" y2="%d" stroke="#adb5bd"/><text x="%.1f" y="%d" text-anchor="middle">%s</text>`+"\n",
			x, top+depth, x, top+depth+5, x, top+depth+20, html.EscapeString(t.Text))
	}
	fmt.Fprintf(b, `<text x="%d" y="%d" text-anchor="middle">%s</text>`+"\n", left+inner/2, height-16, html.EscapeString(c.Below))
}

// line draws a line and its entry in the legend.
func (c *Chart) line(b *strings.Builder, i int) {
	l, colour, thick := &c.Lines[i], colours[i%len(colours)], 1.4
	if i == 0 {
		thick = 2.6
	}
	dashes := "none"
	if l.Dashed {
		dashes = "7 5"
	}
	fmt.Fprintf(b, `<polyline fill="none" stroke="%s" stroke-width="%.1f" stroke-dasharray="%s" points="%s"/>`+"\n", colour, thick, dashes, path(l.Points))
	y := top + 14
	for _, before := range c.Lines[:i] {
		y += 8 + 17*(1+strings.Count(before.Name, "\n"))
	}
	fmt.Fprintf(b, `<line x1="%d" y1="%d" x2="%d" y2="%d" stroke="%s" stroke-width="3"/>`, left+inner+14, y-4, left+inner+34, y-4, colour)
	for j, text := range strings.Split(l.Name, "\n") {
		fmt.Fprintf(b, `<text x="%d" y="%d">%s</text>`+"\n", left+inner+42, y+17*j, html.EscapeString(text))
	}
}

func path(points []Point) string {
	var b strings.Builder
	for _, p := range points {
		fmt.Fprintf(&b, "%.1f,%.1f ", left+inner*p.X, float64(top+depth)-depth*p.Y)
	}
	return b.String()
}
