package client_test

import (
	"context"
	"fmt"
	"time"

	"github.com/hearthcache/hearth"
	"github.com/hearthcache/hearth/client"
)

// open is what the examples begin with: a client and a cache of their own.
func open(name string) (*client.Client, *client.Cache) {
	c, err := client.New(client.FromEnvironment())
	if err != nil {
		panic(err)
	}
	if err := c.CreateCache(context.Background(), name); err != nil && hearth.KindOf(err) != hearth.Exists {
		panic(err)
	}
	return c, c.Cache(name)
}

func Example() {
	c, err := client.New(client.Options{Endpoint: client.FromEnvironment().Endpoint})
	if err != nil {
		panic(err)
	}
	defer c.Close()
	ctx := context.Background()
	if err := c.CreateCache(ctx, "example"); err != nil {
		panic(err)
	}
	prices := c.Cache("example")
	if err := prices.Set(ctx, []byte("apple"), []byte("12.50"), time.Minute); err != nil {
		panic(err)
	}
	value, ok, err := prices.Get(ctx, []byte("apple"))
	fmt.Printf("%s %v %v\n", value, ok, err)
	// Output: 12.50 true <nil>
}

func ExampleCache_Fetch() {
	c, prices := open("fetch")
	defer c.Close()
	load := func(ctx context.Context) ([]byte, error) {
		fmt.Println("loading")
		return []byte("12.50"), nil // from a database, say
	}
	for range 2 {
		value, err := prices.Fetch(context.Background(), []byte("apple"), load, client.FetchOptions{TTL: time.Minute, Stale: time.Hour})
		fmt.Printf("%s %v\n", value, err)
	}
	// Output:
	// loading
	// 12.50 <nil>
	// 12.50 <nil>
}

func ExampleCache_Near() {
	c, prices := open("near")
	defer c.Close()
	ctx := context.Background()
	feed := map[string]map[string]string{"settings": {"feed": "on"}}
	if err := c.HTTP(ctx, "PATCH", "/admin/caches/near", nil, feed, nil); err != nil {
		panic(err)
	}
	near, err := prices.Near(ctx, client.NearOptions{Bytes: 16 << 20})
	if err != nil {
		panic(err)
	}
	if err := near.Set(ctx, []byte("apple"), []byte("12.50"), time.Minute); err != nil {
		panic(err)
	}
	value, ok, err := near.Get(ctx, []byte("apple")) // from the server; the next one from memory
	fmt.Printf("%s %v %v\n", value, ok, err)
	// Output: 12.50 true <nil>
}

func ExampleCache_Subscribe() {
	c, shop := open("subscribe")
	defer c.Close()
	ctx := context.Background()
	s, err := shop.Subscribe(ctx, "orders", client.Position{})
	if err != nil {
		panic(err)
	}
	defer s.Close()
	if err := shop.PublishText(ctx, "orders", "an apple"); err != nil {
		panic(err)
	}
	message, gap, err := s.Next()
	if err != nil || gap != nil {
		panic("cut off, or behind")
	}
	fmt.Printf("%d: %s\n", message.Sequence, message.Bytes)
	// Output: 1: an apple
}

func ExampleCache_SetIf() {
	c, jobs := open("setif")
	defer c.Close()
	ctx := context.Background()
	for _, worker := range []string{"first", "second"} {
		mine, err := jobs.SetIf(ctx, []byte("job"), []byte(worker), client.If{Absent: true}, time.Minute)
		fmt.Println(worker, mine, err)
	}
	// Output:
	// first true <nil>
	// second false <nil>
}

func ExampleCache_Dictionary() {
	c, users := open("dictionary")
	defer c.Close()
	ctx := context.Background()
	user := users.Dictionary("user:1", time.Hour)
	if err := user.Set(ctx, map[string][]byte{"name": []byte("Ada"), "visits": []byte("41")}); err != nil {
		panic(err)
	}
	visits, err := user.Increment(ctx, "visits", 1)
	fmt.Println(visits, err)
	// Output: 42 <nil>
}

func ExampleCache_Leaderboard() {
	c, games := open("leaderboard")
	defer c.Close()
	ctx := context.Background()
	board := games.Leaderboard("today")
	if err := board.Put(ctx, map[uint32]float64{7: 120, 9: 300}); err != nil {
		panic(err)
	}
	top, err := board.Range(ctx, 0, 1, client.Descending)
	fmt.Println(top, err)
	// Output: [{9 0 300}] <nil>
}

func ExampleCache_Invalidate() {
	c, prices := open("tags")
	defer c.Close()
	ctx := context.Background()
	if err := prices.SetTagged(ctx, []byte("apple"), []byte("12.50"), time.Minute, "fruit"); err != nil {
		panic(err)
	}
	if err := prices.Invalidate(ctx, "fruit"); err != nil {
		panic(err)
	}
	_, ok, err := prices.Get(ctx, []byte("apple"))
	fmt.Println(ok, err)
	// Output: false <nil>
}
