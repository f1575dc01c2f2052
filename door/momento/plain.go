package momento

import (
	"github.com/hearthcache/hearth/door/h2"
)

// plainRows are the methods that need no credential and no cache: ping and health.
func (h *Handler) plainRows() []row {
	return []row{
		{"/cache_client.Ping/Ping", ping},
		{"/grpc.health.v1.Health/Check", checkHealth},
		{"/grpc.health.v1.Health/Watch", watchHealth},
	}
}

func ping(c h2.Call) {
	c.End(c.Begin())
	c.Finish(h2.Status{})
}

// serving is the one state that grpc.health.v1 can learn of a process that answers.
const serving = 1

func checkHealth(c h2.Call) {
	service, err := text1(c.Message())
	switch {
	case err != nil:
		fail(c, err)
		return
	case !knownService(service):
		c.Finish(h2.Status{Code: codeNotFound, Message: "unknown service " + service})
		return
	}
	c.End(appendUint(c.Begin(), 1, serving))
	c.Finish(h2.Status{})
}

// watchHealth answers once and stays open: the state does not change while the process answers.
func watchHealth(c h2.Call) {
	service, err := text1(c.Message())
	if err != nil {
		fail(c, err)
		return
	}
	const unknown = 3
	state := uint64(unknown)
	if knownService(service) {
		state = serving
	}
	c.Stream(func() {}, func() {})
	c.End(appendUint(c.Begin(), 1, state))
}

func knownService(name string) bool {
	switch name {
	case "", "cache_client.Scs", "cache_client.Ping", "cache_client.pubsub.Pubsub", "control_client.ScsControl",
		"leaderboard.Leaderboard", "webhook.Webhook", "auth.Auth", "token.Token":
		return true
	}
	return false
}
