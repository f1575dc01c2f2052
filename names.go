package hearth

import (
	"fmt"
	"strings"
	"unicode/utf8"
)

// CheckCacheName returns an Invalid error unless name can be the name of a cache:
// UTF-8, not blank, at most CacheNameBytesMax bytes, no control characters.
func CheckCacheName(name string) error { return checkName("cache name", name, CacheNameBytesMax) }

// CheckTopicName returns an Invalid error unless name can be the name of a topic.
func CheckTopicName(name string) error { return checkName("topic name", name, TopicNameBytesMax) }

// CheckWebhookName returns an Invalid error unless name can be the name of a webhook.
func CheckWebhookName(name string) error {
	return checkName("webhook name", name, WebhookNameBytesMax)
}

func checkName(what, name string, bytesMax int) error {
	switch {
	case strings.TrimSpace(name) == "":
		return &Error{Kind: Invalid, Msg: what + " is empty"}
	case len(name) > bytesMax:
		return &Error{Kind: Invalid, Msg: fmt.Sprintf("%s is longer than %d bytes", what, bytesMax)}
	case !utf8.ValidString(name):
		return &Error{Kind: Invalid, Msg: what + " is not valid UTF-8"}
	case strings.ContainsFunc(name, func(r rune) bool { return r < 0x20 || r == 0x7f }):
		return &Error{Kind: Invalid, Msg: what + " contains a control character"}
	}
	return nil
}
