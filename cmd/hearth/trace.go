package main

import (
	"context"
	"fmt"
	"io"
	"math"
	"path/filepath"
	"strconv"
	"strings"
	"text/tabwriter"

	"github.com/alecthomas/kong"

	"github.com/hearthcache/hearth/trace"
)

type traceCommands struct {
	Replay traceReplay `cmd:"" help:"Replay requests of a real cache through hearth's engine, beside simulated FIFO, LRU, S3-FIFO and W-TinyLFU."`
}

type traceReplay struct {
	File   string   `arg:"" type:"existingfile" help:"Trace; .gz, .xz and .zst are understood."`
	Memory []string `required:"" placeholder:"SIZE" help:"Memory of each cache, such as 64MiB, or a part of all objects' bytes, such as 10%. May be given several times."`
	Format string   `default:"auto" enum:"auto,text,csv,oracleGeneral,lis,u64,u32" help:"Format of the trace: ${enum}."`
	Value  byteSize `default:"1KiB" help:"Size of a value where the trace has no sizes."`
	Plot   string   `placeholder:"FILE" help:"Draw the hit ratios over the course of the trace as SVG (of the last --memory)."`
}

// Run replays the trace and prints a table.
func (t *traceReplay) Run(ctx context.Context, k *kong.Context) error {
	if err := checkPlot(t.Plot); err != nil {
		return err
	}
	rs, err := trace.Read(t.File, t.Format)
	if err != nil {
		return err
	}
	objects, bytes := trace.Footprint(rs, uint32(t.Value))
	fmt.Fprintf(k.Stdout, "%s: %d requests for %d objects of %d bytes in all\n", filepath.Base(t.File), len(rs), objects, bytes)
	w := tabwriter.NewWriter(k.Stdout, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(w, "memory\tcache\thit ratio\tbyte hit ratio\t")
	var results []trace.Result
	var title string
	for _, memory := range t.Memory {
		bytesMax, err := memoryOf(memory, bytes)
		if err != nil {
			return err
		}
		o := trace.Options{BytesMax: bytesMax, UnitSize: uint32(t.Value), Progress: progress(k.Stderr, memory)}
		if results, err = trace.Replay(ctx, rs, o); err != nil {
			return err
		}
		for _, r := range results {
			fmt.Fprintf(w, "%d\t%s\t%.2f %%\t%.2f %%\t\n", bytesMax, r.Name, 100*r.HitRatio(), 100*r.ByteHitRatio())
		}
		title = fmt.Sprintf("%s, %s", filepath.Base(t.File), memory)
	}
	if err := w.Flush(); err != nil {
		return err
	}
	if t.Plot == "" {
		return nil
	}
	return writeFile(t.Plot, func(w io.Writer) error { return trace.Plot(w, title, results) })
}

// memoryOf is a size, or a part of all.
func memoryOf(s string, all int64) (int64, error) {
	if percent, ok := strings.CutSuffix(s, "%"); ok {
		p, err := strconv.ParseFloat(percent, 64)
		if !(p > 0) || math.IsInf(p, 1) || err != nil { // no comparison holds for NaN
			return 0, fmt.Errorf("--memory %q: write a size, such as 64MiB, or a part of the trace's bytes, such as 10%%", s)
		}
		return int64(float64(all) * p / 100), nil
	}
	var b byteSize
	if err := b.UnmarshalText([]byte(s)); err != nil {
		return 0, fmt.Errorf("--memory: %w", err)
	}
	return int64(b), nil
}

// progress shows how far a replay is, on a terminal only.
func progress(w io.Writer, what string) func(done, total int) {
	if !isTerminal(w) {
		return nil
	}
	last := -1
	return func(done, total int) {
		if percent := done * 100 / total; percent != last {
			last = percent
			fmt.Fprintf(w, "\r%s: %3d %%", what, percent)
			if done == total {
				fmt.Fprint(w, "\r\033[K")
			}
		}
	}
}
