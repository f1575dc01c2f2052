package gateway

import (
	"context"
	"time"
)

// Loader fetches the value of one key from where the truth is kept.
type Loader interface {
	// Load returns a hearth.NotFound error where the origin has no such key, Invalid or Denied where it refuses the key,
	// and any other error where it may answer later. The time to live is 0 where the origin says nothing of it. The key
	// is borrowed until Load returns.
	Load(ctx context.Context, key []byte) (value []byte, ttl time.Duration, err error)
}

// Revalidator is a Loader whose origin can be asked whether something has changed.
type Revalidator interface {
	Loader
	// Revalidate is Load for somebody who has what the validator stands for: the value is unchanged where the answer
	// says so, and then left out. An empty validator stands for nothing.
	Revalidate(ctx context.Context, key []byte, validator string) (Loaded, error)
}

// Loaded is what a Revalidator answers.
type Loaded struct {
	Value     []byte
	TTL       time.Duration // 0 where the origin says nothing of it
	Validator string        // of the value, for the next time; empty where there is none
	Unchanged bool          // the value is what the validator of the question stands for
	Tags      [][]byte      // of the item
}
