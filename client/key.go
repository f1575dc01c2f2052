package client

import (
	"encoding/base64"
	"encoding/json"
	"strings"
)

// splitKey returns the endpoint and the value of the authorization header. A v1 key, base64 of JSON, carries both; an
// endpoint that is given is stronger.
func splitKey(endpoint, key string) (string, string, error) {
	key = strings.TrimSpace(key)
	if key == "" || strings.Count(key, ".") == 2 {
		return endpoint, key, nil
	}
	raw, err := base64.StdEncoding.DecodeString(key)
	if err != nil {
		return endpoint, key, nil // an opaque key, as it stands within a v1 key
	}
	var v1 struct {
		Endpoint string `json:"endpoint"`
		APIKey   string `json:"api_key"`
	}
	if err := json.Unmarshal(raw, &v1); err != nil {
		return endpoint, key, nil
	}
	if v1.APIKey == "" {
		return "", "", errorf("the key is base64 of JSON without an api_key: it is not a v1 key")
	}
	if endpoint == "" {
		endpoint = v1.Endpoint
	}
	return endpoint, v1.APIKey, nil
}
