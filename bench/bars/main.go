// Command bars draws what docs/benchmarks.md says as docs/benchmarks.svg: for each load the CPU time that hearth spends
// on an operation, of that of the peer in the same table. It takes the page's own figures, so that the two agree.
package main

import (
	"fmt"
	"html"
	"log"
	"os"
	"strconv"
	"strings"
)

const usage = "usage: bars docs/benchmarks.md docs/benchmarks.svg"

// bar is one row of a table: a load, the peer that it is held against, and the ratio.
type bar struct {
	load, peer string
	ratio      float64
}

func main() {
	log.SetFlags(0)
	if len(os.Args) != 3 {
		log.Fatal(usage)
	}
	page, err := os.ReadFile(os.Args[1])
	if err != nil {
		log.Fatal(err)
	}
	bars := read(string(page))
	if len(bars) == 0 {
		log.Fatalf("%s has no table with a column \"of the peer's\" or \"of grpc-go\"", os.Args[1])
	}
	if err := os.WriteFile(os.Args[2], []byte(draw(bars)), 0o644); err != nil {
		log.Fatal(err)
	}
}

// read takes hearth's rows of all tables that have a ratio.
func read(page string) (bars []bar) {
	var head []string
	peer := ""
	for line := range strings.Lines(page) {
		cells := strings.Split(strings.Trim(strings.TrimSpace(line), "|"), "|")
		for i := range cells {
			cells[i] = strings.TrimSpace(cells[i])
		}
		switch {
		case !strings.HasPrefix(line, "|"):
			head = nil
			continue
		case head == nil:
			head = cells
			continue
		}
		ratio, server := column(head, "of the peer's", "of grpc-go"), max(column(head, "server"), 0)
		if ratio < 0 || len(cells) != len(head) {
			continue
		}
		n, err := strconv.ParseFloat(cells[ratio], 64)
		switch {
		case err != nil:
		case cells[server] != "hearth":
			peer = strings.TrimSuffix(cells[server], ", TLS")
		case server == 0:
			bars = append(bars, bar{head[0], peer, n})
		case head[0] == "load":
			bars = append(bars, bar{cells[0], peer, n})
		default:
			bars = append(bars, bar{head[0] + ": " + cells[0], peer, n})
		}
	}
	return bars
}

func column(head []string, names ...string) int {
	for i, h := range head {
		for _, name := range names {
			if h == name {
				return i
			}
		}
	}
	return -1
}

// The measures, in SVG units.
const (
	width  = 940
	left   = 400 // where bars begin
	unit   = 340 // the length of the ratio 1
	row    = 20
	top    = 70
	bottom = 20
)

// draw writes a line for each bar, and one across all where hearth would cost as much as the peer.
func draw(bars []bar) string {
	var b strings.Builder
	height := top + row*len(bars) + bottom
	fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" width="%d" height="%d" font-family="sans-serif" font-size="13">`+"\n", width, height)
	fmt.Fprintf(&b, `<rect width="100%%" height="100%%" fill="white"/><text x="20" y="26" font-size="16">hearth's CPU time for an operation, of the peer's</text>`+"\n")
	fmt.Fprintf(&b, `<text x="20" y="46" fill="#868e96">shorter is better; figures and method in docs/benchmarks.md</text>`+"\n")
	for i, x := range bars {
		y := top + row*i
		colour := "#d9480f"
		if x.ratio > 1 {
			colour = "#868e96"
		}
		fmt.Fprintf(&b, `<text x="%d" y="%d" text-anchor="end">%s</text>`, left-8, y+14, html.EscapeString(x.load))
		fmt.Fprintf(&b, `<rect x="%d" y="%d" width="%.1f" height="%d" fill="%s"/>`, left, y+3, unit*x.ratio, row-6, colour)
		fmt.Fprintf(&b, `<text x="%.1f" y="%d">%.2f of %s</text>`+"\n", left+unit*max(x.ratio, 1)+8, y+14, x.ratio, html.EscapeString(x.peer))
	}
	fmt.Fprintf(&b, `<line x1="%d" y1="%d" x2="%d" y2="%d" stroke="#212529" stroke-dasharray="4 3"/>`, left+unit, top-6, left+unit, top+row*len(bars))
	fmt.Fprintf(&b, `<text x="%d" y="%d" text-anchor="middle">as the peer</text>`+"\n</svg>\n", left+unit, top-10)
	return b.String()
}
