package control

import "testing"

func TestOriginTemplates(t *testing.T) {
	for template, ok := range map[string]bool{
		"https://example.com/items/{key}":                                    true,
		"https://{key}.example.com/":                                         false,
		"https://user:pw@example.com/{key}":                                  false,
		"s3://bucket/{key}":                                                  true,
		"dynamodb://table/pk/{key}?value=v":                                  true,
		"ftp://example.com/{key}":                                            false,
		"postgres://db.example/shop?query=SELECT a FROM b WHERE c = {key}":   true,
		"postgres://db.example/shop?query=SELECT a #> '{b}', '%' || {key}":   true,
		"mysql://db.example:3307/shop?query=SELECT a FROM b WHERE c = {key}": true,
		"postgres://u:p@db.example/shop?query=SELECT a FROM b WHERE c={key}": false,
		"postgres://db.example/{key}?query=SELECT a FROM b":                  false,
		"postgres://db.example?query=SELECT a FROM b WHERE c = {key}":        false,
		"postgres://db.example/shop?query=SELECT a FROM b WHERE c = '{key}'": false,
		"postgres://db.example/shop?query=SELECT%20a%20WHERE%20c={key}":      false,
		"postgres://db.example/shop?x=y&query=SELECT a WHERE c = {key}":      false,
		"postgres:///shop?query=SELECT a FROM b WHERE c = {key}":             false,
	} {
		if err := checkOrigin(template); (err == nil) != ok {
			t.Errorf("%s: %v", template, err)
		}
	}
}
