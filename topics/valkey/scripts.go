package valkey

import (
	"crypto/sha1"
	_ "embed" // the scripts
	"encoding/hex"

	"github.com/valkey-io/valkey-go"
)

// scripts are what the servers run in one step. They are named by their content, so releases can share servers.
type scripts struct {
	publish, skip, hold, release *valkey.Lua
	read                         []byte // the name of read.lua, which ears say themselves
}

func newScripts() scripts {
	sum := sha1.Sum([]byte(readText))
	return scripts{publish: valkey.NewLuaScript(publishText), skip: valkey.NewLuaScript(skipText), hold: valkey.NewLuaScript(holdText),
		release: valkey.NewLuaScript(releaseText), read: hex.AppendEncode(nil, sum[:])}
}

//go:embed publish.lua
var publishText string

//go:embed skip.lua
var skipText string

//go:embed hold.lua
var holdText string

//go:embed release.lua
var releaseText string

//go:embed read.lua
var readText string
