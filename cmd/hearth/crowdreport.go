package main

import (
	"fmt"
	"io"
	"math/big"
	"os"
	"time"

	"github.com/hearthcache/hearth/control"
	"github.com/hearthcache/hearth/crowd"
)

// listPrices is a price book of list prices in us-east-1, without free tiers and discounts. A load of DynamoDB counts
// one operation for each 4 KiB begun of its item: a strongly consistent read on demand.
const listPrices = `# List prices of AWS in us-east-1, without free tiers and discounts, as published in 2025.
currency USD
# Amazon S3 Standard, GET: aws.amazon.com/s3/pricing
cache s3 price 0.0004 per 1000 operations
# Amazon DynamoDB on demand, read request units, since November 2024: aws.amazon.com/dynamodb/pricing/on-demand
cache dynamodb price 0.125 per 1000000 operations
# AWS Lambda, x86: 0.0000166667 for a GB-second, here by the hour: aws.amazon.com/lambda/pricing
cache lambda price 0.06000012 per 1073741824 byte-hours
# hearth runs on a machine of yours, whatever its requests; say here what they cost if you pay by request.
cache hearth price 0 per 1000000 operations
`

func (c *crowdCommand) priceBook() (*control.PriceBook, error) {
	if c.PriceBook == "" {
		return control.ParsePriceBook(listPrices)
	}
	text, err := os.ReadFile(c.PriceBook)
	if err != nil {
		return nil, fmt.Errorf("--price-book: %w", err)
	}
	b, err := control.ParsePriceBook(string(text))
	if err != nil {
		return nil, fmt.Errorf("--price-book %s: %w", c.PriceBook, err)
	}
	return b, nil
}

// bill is what a strategy costs, for a million invocations like those of the day.
type bill struct {
	Strategy string `json:"strategy"`
	Origin   string `json:"origin"`
	Hearth   string `json:"hearth"`
	Waiting  string `json:"waiting"` // of environments for their items
	Total    string `json:"total"`
}

// requestUnitBytes is what one read request unit of DynamoDB reads.
const requestUnitBytes = 4 << 10

func (c *crowdCommand) bills(prices *control.PriceBook, report *crowd.Report) (bills []bill) {
	for _, r := range report.Results {
		if r.Skipped != "" {
			continue
		}
		size := uint64(report.Scene.ValueBytes)
		loads := control.Counts{Operations: uint64(r.OriginLoads), Out: uint64(r.OriginLoads) * size}
		if c.PricedAs == "dynamodb" {
			loads.Operations *= (size + requestUnitBytes - 1) / requestUnitBytes
		}
		loads.Units = loads.Operations * (1 + size/1024)
		shared := control.Counts{In: uint64(r.Sets) * size, Out: uint64(r.SharedHits) * size, Hits: uint64(r.SharedHits)}
		if r.Strategy != "local" {
			shared.Misses = uint64(r.CallerLoads)
			shared.Operations = shared.Hits + shared.Misses + uint64(r.Sets)
			shared.Units = shared.Operations * (1 + size/1024)
		}
		waited := control.Counts{ByteMillis: uint64(c.FunctionMemory) * uint64(r.Waited/time.Millisecond)}
		sum := new(big.Rat)
		cost := func(part string, n control.Counts) string {
			m := prices.Cost(&control.Usage{Cache: part, Counts: n})
			m.Mul(m, big.NewRat(1_000_000, int64(r.Invocations)))
			sum.Add(sum, m)
			return m.FloatString(4)
		}
		b := bill{Strategy: r.Strategy, Origin: cost(c.PricedAs, loads), Hearth: cost("hearth", shared), Waiting: cost("lambda", waited)}
		b.Total = sum.FloatString(4)
		bills = append(bills, b)
	}
	return bills
}

// lateWorthTelling is from when on the machine that the crowd runs on shows in what it measures.
const lateWorthTelling = 20 * time.Millisecond

// printCrowd prints the comparison for people.
func printCrowd(w io.Writer, report *crowd.Report, currency string, bills []bill) {
	s := report.Scene
	where := ""
	if report.Model {
		where = ", in virtual time"
	}
	if s.Name == "figure" {
		fmt.Fprintf(w, "The figure: five invocations of one item over three environments%s. A load takes the origin %v.\n\n", where, s.Latency)
		printVisits(w, report)
	} else {
		fmt.Fprintf(w, "The launch day: %s environments within %v%s, seed %d. Each invocation reads the launched item and %d of %s others.\nA load takes the origin %v.\n\n",
			crowd.Thousands(s.Environments), s.Spread, where, s.Seed, s.Reads-1, crowd.Thousands(s.Keys), s.Latency)
	}
	table(w, "STRATEGY\tORIGIN LOADS\tOF THE LAUNCHED\tBUSIEST 100 ms\tLOCAL HITS\tHEARTH HITS\tERRORS", func(w io.Writer) {
		for _, r := range report.Results {
			if r.Skipped != "" {
				fmt.Fprintf(w, "%s\t-\t-\t-\t-\t-\t-\n", r.Title)
				continue
			}
			fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%s\t%d\n", r.Title, crowd.Thousands(r.OriginLoads), crowd.Thousands(r.LaunchLoads),
				crowd.Thousands(r.BusiestLoads), percent(r.LocalHits, r.Reads), percent(r.SharedHits, r.Reads), r.Errors)
		}
	})
	fmt.Fprintln(w)
	table(w, "STRATEGY\tP50\tP99\tP99.9\tCONNECT P99\t"+currency+" A MILLION: ORIGIN\tHEARTH\tWAITING\tTOTAL", func(w io.Writer) {
		i := 0
		for _, r := range report.Results {
			if r.Skipped != "" {
				continue
			}
			b, connect := bills[i], "-"
			i++
			if r.Connect.Max > 0 {
				connect = crowd.Millis(r.Connect.P99)
			}
			fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\n", r.Title, crowd.Millis(r.Latency.P50), crowd.Millis(r.Latency.P99), crowd.Millis(r.Latency.P999),
				connect, b.Origin, b.Hearth, b.Waiting, b.Total)
		}
	})
	fmt.Fprintln(w)
	for _, r := range report.Results {
		switch {
		case r.Skipped != "":
			fmt.Fprintf(w, "%s: %s\n", r.Title, r.Skipped)
		case r.Error != "":
			fmt.Fprintf(w, "%s: the first error was: %s\n", r.Title, r.Error)
		}
		if r.Late.P99 > lateWorthTelling {
			fmt.Fprintf(w, "%s: this machine was busy: the crowd itself was late by %s (p99), and so were its latencies\n", r.Title, crowd.Millis(r.Late.P99))
		}
	}
	if r := report.Results[0]; r.Skipped == "" {
		fmt.Fprintf(w, "%s invocations made %s reads of %s different items, in %s cold environments: fewer loads than items wanted are not possible.\n",
			crowd.Thousands(r.Invocations), crowd.Thousands(r.Reads), crowd.Thousands(r.Wanted), crowd.Thousands(r.Environments))
	}
}

// printVisits tells of each invocation of a small scene.
func printVisits(w io.Writer, report *crowd.Report) {
	first := report.Results[0]
	header := "INVOCATION\tENVIRONMENT"
	for _, r := range report.Results {
		header += "\t" + r.Title
	}
	table(w, header, func(w io.Writer) {
		for i, v := range first.Visits {
			started := ""
			if v.Cold {
				started = ", cold"
			}
			fmt.Fprintf(w, "%d\t%c%s", v.Invocation, 'A'+rune(v.Environment-1), started)
			for _, r := range report.Results {
				from := "-"
				if i < len(r.Visits) {
					from = r.Visits[i].From
				}
				fmt.Fprint(w, "\t", from)
			}
			fmt.Fprintln(w)
		}
	})
	fmt.Fprintln(w)
}

func percent(part, all int) string {
	if all == 0 {
		return "-"
	}
	return fmt.Sprintf("%.1f %%", 100*float64(part)/float64(all))
}
