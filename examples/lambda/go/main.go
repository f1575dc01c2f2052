// Command go is a Lambda function that reads a product through hearth, with AWS's runtime client and go-redis as they are.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"time"

	"github.com/aws/aws-lambda-go/lambda"
	"github.com/redis/go-redis/v9"
)

// request is the event, answer what the function makes of it.
type request struct {
	ID string `json:"id"`
}

type answer struct {
	Source      string `json:"source"` // local, hearth or origin
	Product     string `json:"product"`
	Environment string `json:"environment"`
}

// function is what an execution environment keeps between its invocations: a cache of its own, which starts empty, and
// a connection to the one that all share.
type function struct {
	local  map[string]string
	hearth *redis.Client
}

func main() {
	f := &function{local: map[string]string{}, hearth: redis.NewClient(&redis.Options{
		Addr: env("HEARTH_RESP", "127.0.0.1:6379"), Username: env("HEARTH_CACHE", "products"), Password: env("HEARTH_KEY", "x"),
	})}
	lambda.Start(f.handle)
}

func env(name, otherwise string) string {
	if v := os.Getenv(name); v != "" {
		return v
	}
	return otherwise
}

func (f *function) handle(ctx context.Context, r request) (answer, error) {
	a := answer{Environment: os.Getenv("AWS_LAMBDA_LOG_STREAM_NAME")}
	if v, ok := f.local[r.ID]; ok {
		a.Source, a.Product = "local", v
		return a, nil
	}
	v, err := f.hearth.Get(ctx, r.ID).Result()
	a.Source, a.Product = "hearth", v
	if errors.Is(err, redis.Nil) {
		if a.Product, err = load(ctx, r.ID); err == nil {
			a.Source, err = "origin", f.hearth.Set(ctx, r.ID, a.Product, time.Minute).Err()
		}
	}
	if err != nil {
		return answer{}, err
	}
	f.local[r.ID] = a.Product
	return a, nil
}

// load asks the origin, which is slow and must not be asked by everybody.
func load(ctx context.Context, id string) (string, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, os.Getenv("ORIGIN")+"/"+id, nil)
	if err != nil {
		return "", err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return "", err
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err == nil && resp.StatusCode != http.StatusOK {
		err = fmt.Errorf("the origin says %s", resp.Status)
	}
	return string(text), err
}
