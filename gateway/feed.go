package gateway

import (
	"strings"

	"github.com/hearthcache/hearth"
)

// FeedTopic is the topic on which a cache whose setting "feed" is on tells what happens to its items. FeedTopic, a slash and
// a prefix of keys is the same for those keys only.
const FeedTopic = ReservedTopics + "changes"

// feedFilter splits the name of a topic into the one to subscribe to and the prefix of keys that are wanted.
func feedFilter(topic string) (name, keys string) {
	if rest, ok := strings.CutPrefix(topic, FeedTopic+"/"); ok {
		return FeedTopic, rest
	}
	return topic, ""
}

// checkPublish says whether people may publish to a topic of this name.
func checkPublish(topic string) error {
	if strings.HasPrefix(topic, ReservedTopics) {
		return &hearth.Error{Kind: hearth.Invalid, Msg: "topics that begin with " + ReservedTopics + " are hearth's own: they can only be subscribed to"}
	}
	return hearth.CheckTopicName(topic)
}
