package hearth

import (
	"bytes"
	"fmt"
	"strings"
	"unicode"
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

// CheckTags returns an Invalid error unless these can be the tags of one item: one to TagsMax, each of 1 to TagBytesMax
// bytes of UTF-8 without spaces, commas and control characters, together at most TagsBytesMax.
func CheckTags(tags [][]byte) error {
	total := 0
	for _, t := range tags {
		if err := CheckTag(t); err != nil {
			return err
		}
		total += len(t)
	}
	switch {
	case len(tags) == 0:
		return &Error{Kind: Invalid, Msg: "there is no tag"}
	case len(tags) > TagsMax:
		return &Error{Kind: Invalid, Msg: fmt.Sprintf("an item has at most %d tags", TagsMax)}
	case total > TagsBytesMax:
		return &Error{Kind: Invalid, Msg: fmt.Sprintf("the tags of an item have at most %d bytes together", TagsBytesMax)}
	}
	return nil
}

// CheckTag returns an Invalid error unless t can be a tag.
func CheckTag(t []byte) error {
	if err := checkName("tag", string(t), TagBytesMax); err != nil {
		return err
	}
	if bytes.ContainsFunc(t, func(r rune) bool { return r == ',' || unicode.IsSpace(r) }) {
		return &Error{Kind: Invalid, Msg: "tag contains a comma or a space"}
	}
	return nil
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
