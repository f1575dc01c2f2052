module github.com/hearthcache/hearth/examples/lambda/go

go 1.26

require (
	github.com/aws/aws-lambda-go v1.55.1
	github.com/redis/go-redis/v9 v9.7.0
)

require (
	github.com/cespare/xxhash/v2 v2.2.0 // indirect
	github.com/dgryski/go-rendezvous v0.0.0-20200823014737-9f7001d12a5f // indirect
)
