package control

import (
	"fmt"
	"math/big"
	"strings"
)

// PriceBook turns usage into money. Its file has one price a line, "#" begins a comment:
//
//	currency USD
//	price 0.20 per 1000000 operations
//	price 0.15 per 1000000000 bytes-in
//	price 0.125 per 1000000000 byte-hours
//	cache videos price 0.10 per 1000000000 bytes-out
//
// A line that begins with a cache's name replaces the price of that meter for that cache. A meter without a price costs
// nothing. Amounts are exact until they are shown.
type PriceBook struct {
	Currency string
	prices   map[priceOf]*big.Rat // of one
}

type priceOf struct{ cache, meter string }

// Meters are what a PriceBook can set prices for.
var Meters = []string{"operations", "units", "bytes-in", "bytes-out", "hits", "misses", "byte-hours"}

// ParsePriceBook reads a price book.
func ParsePriceBook(text string) (*PriceBook, error) {
	b := &PriceBook{Currency: "USD", prices: map[priceOf]*big.Rat{}}
	for i, l := range strings.Split(text, "\n") {
		l, _, _ = strings.Cut(l, "#")
		if f := strings.Fields(l); len(f) > 0 {
			if err := b.line(f); err != nil {
				return nil, invalid(fmt.Sprintf("price book, line %d: %v", i+1, err))
			}
		}
	}
	return b, nil
}

func (b *PriceBook) line(f []string) error {
	if f[0] == "currency" && len(f) == 2 {
		b.Currency = f[1]
		return nil
	}
	var of priceOf
	if f[0] == "cache" && len(f) > 2 {
		of.cache, f = f[1], f[2:]
	}
	if f[0] != "price" || len(f) != 5 || f[2] != "per" {
		return fmt.Errorf(`%q is not "currency NAME" or "[cache NAME] price AMOUNT per COUNT METER"`, strings.Join(f, " "))
	}
	amount, ok := new(big.Rat).SetString(f[1])
	count, ok2 := new(big.Rat).SetString(f[3])
	if !ok || !ok2 || amount.Sign() < 0 || count.Sign() <= 0 {
		return fmt.Errorf("%q per %q is not a price: an amount from 0, and a count above 0", f[1], f[3])
	}
	of.meter = f[4]
	for _, m := range Meters {
		if m == of.meter {
			b.prices[of] = amount.Quo(amount, count)
			return nil
		}
	}
	return fmt.Errorf("there is no meter %q: the meters are %s", of.meter, strings.Join(Meters, ", "))
}

// Cost returns what a line of usage costs.
func (b *PriceBook) Cost(u *Usage) *big.Rat {
	sum := new(big.Rat)
	for _, m := range Meters {
		p := b.prices[priceOf{u.Cache, m}]
		if p == nil {
			p = b.prices[priceOf{"", m}]
		}
		if p != nil {
			sum.Add(sum, new(big.Rat).Mul(p, u.Counts.meter(m)))
		}
	}
	return sum
}

func (c *Counts) meter(name string) *big.Rat {
	n := map[string]uint64{"operations": c.Operations, "units": c.Units, "bytes-in": c.In, "bytes-out": c.Out, "hits": c.Hits,
		"misses": c.Misses, "byte-hours": c.ByteMillis}[name]
	r := new(big.Rat).SetInt(new(big.Int).SetUint64(n))
	if name == "byte-hours" {
		r.Quo(r, big.NewRat(3_600_000, 1))
	}
	return r
}
