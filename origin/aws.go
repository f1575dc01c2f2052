package origin

import (
	"bytes"
	"context"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"

	"github.com/hearthcache/hearth"
)

// signer signs requests with the operator's credentials.
type signer struct {
	client   *http.Client
	region   string
	endpoint string // instead of AWS's own; empty is those
	creds    aws.Credentials
}

// signer returns what signs the requests of a template, if the operator has lent credentials to it.
func (p *Opener) signer(template string) (*signer, error) {
	lent := false
	for _, prefix := range p.options.Signed {
		lent = lent || lends(prefix, template)
	}
	if !lent {
		return nil, refused("hearth's operator has not allowed origins that begin with " + template[:strings.Index(template, keyMark)] + " (--origin-signed)")
	}
	env := p.options.Getenv
	s := &signer{region: env("AWS_REGION"), endpoint: env("AWS_ENDPOINT_URL"), creds: aws.Credentials{AccessKeyID: env("AWS_ACCESS_KEY_ID"),
		SecretAccessKey: env("AWS_SECRET_ACCESS_KEY"), SessionToken: env("AWS_SESSION_TOKEN")}}
	service := "S3"
	if strings.HasPrefix(template, "dynamodb:") {
		service = "DYNAMODB"
	}
	if e := env("AWS_ENDPOINT_URL_" + service); e != "" {
		s.endpoint = e
	}
	if s.region == "" {
		s.region = "us-east-1"
	}
	if !s.creds.HasKeys() {
		return nil, unavailable("hearth has no AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY in its environment", nil)
	}
	var err error
	s.client, err = p.awsClient(env("AWS_CA_BUNDLE"))
	return s, err
}

// awsClient returns the client for AWS's services and what stands in for them: one that trusts the authorities in a file, if there is one.
func (p *Opener) awsClient(bundle string) (*http.Client, error) {
	if bundle == "" {
		return p.client, nil
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.aws != nil {
		return p.aws, nil
	}
	pem, err := os.ReadFile(bundle)
	roots := x509.NewCertPool()
	if err == nil && !roots.AppendCertsFromPEM(pem) {
		err = fmt.Errorf("%s holds no certificate", bundle)
	}
	if err != nil {
		return nil, unavailable("hearth cannot read the authorities that AWS_CA_BUNDLE names", err)
	}
	p.aws = p.clientFor(roots)
	return p.aws, nil
}

// sign signs a request with its body.
func (s *signer) sign(r *http.Request, service string, body []byte) error {
	sum := sha256.Sum256(body)
	hash := hex.EncodeToString(sum[:])
	r.Header.Set("X-Amz-Content-Sha256", hash)
	sign := v4.NewSigner(func(o *v4.SignerOptions) { o.DisableURIPathEscaping = service == "s3" })
	return sign.SignHTTP(r.Context(), s.creds, r, hash, service, s.region, time.Now())
}

// lends reports whether a prefix lends the credentials to a template: s3://shop to all of that bucket, and not to s3://shop2.
func lends(prefix, template string) bool {
	rest, begins := strings.CutPrefix(template, prefix)
	_, name, _ := strings.Cut(prefix, "://")
	return begins && (name == "" || strings.Contains(name, "/") || strings.HasPrefix(rest, "/"))
}

// s3 is the origin s3://BUCKET/PATH: one object for each key.
func (p *Opener) s3(template string, s *signer) (*Origin, error) {
	bucket, path, _ := strings.Cut(strings.TrimPrefix(template, "s3://"), "/")
	if strings.Contains(path, "?") || !strings.Contains(path, keyMark) {
		return nil, invalid("an S3 origin is s3://BUCKET/PATH with " + keyMark + " in its path and no query")
	}
	// Otherwise s3://lent/../other/ would begin like what is lent, and end in another bucket where something normalises paths.
	plain, err := url.PathUnescape(bucket + "/" + strings.Replace(path, keyMark, "key", 1))
	climbs := func(segment string) bool { return segment == "." || segment == ".." }
	if err != nil || strings.Contains(plain, `\`) || slices.ContainsFunc(strings.Split(plain, "/"), climbs) {
		return nil, invalid(`an S3 origin has no "." or ".." segment and no backslash`)
	}
	base := "https://s3." + s.region + ".amazonaws.com"
	if s.endpoint != "" {
		base = strings.TrimSuffix(s.endpoint, "/")
	}
	base += "/" + url.PathEscape(bucket) + "/" + path
	site := &site{client: s.client, says: awsError, request: func(ctx context.Context, key, validator string) (*http.Request, error) {
		r, err := get(ctx, base, key, validator)
		if err != nil {
			return nil, err
		}
		return r, s.sign(r, "s3", nil)
	}}
	return &Origin{site.ask}, nil
}

// dynamo is the origin dynamodb://TABLE/ATTRIBUTE/PATTERN?value=ATTRIBUTE: GetItem with the pattern, in which the key
// stands, as the string attribute that is the table's key. The value is an attribute of the item, or the whole item as
// JSON.
func (p *Opener) dynamo(template string, s *signer) (*Origin, error) {
	rest, query, _ := strings.Cut(strings.TrimPrefix(template, "dynamodb://"), "?")
	parts := strings.SplitN(rest, "/", 3)
	q, err := url.ParseQuery(query)
	if len(parts) != 3 || err != nil || parts[1] == "" || !strings.Contains(parts[2], keyMark) || len(q) > 1 || len(q) == 1 && !q.Has("value") {
		return nil, invalid("a DynamoDB origin is dynamodb://TABLE/ATTRIBUTE/" + keyMark + ", with ?value=ATTRIBUTE where the value is not the whole item")
	}
	table, attribute, pattern, value := parts[0], parts[1], parts[2], q.Get("value")
	base := "https://dynamodb." + s.region + ".amazonaws.com/"
	if s.endpoint != "" {
		base = s.endpoint
	}
	request := func(ctx context.Context, key, _ string) (*http.Request, error) {
		body, err := json.Marshal(map[string]any{
			"TableName": table,
			"Key":       map[string]any{attribute: map[string]string{"S": strings.Replace(pattern, keyMark, key, 1)}},
		})
		if err != nil {
			return nil, err
		}
		r, err := http.NewRequestWithContext(ctx, http.MethodPost, base, bytes.NewReader(body))
		if err != nil {
			return nil, err
		}
		r.Header.Set("Content-Type", "application/x-amz-json-1.0")
		r.Header.Set("X-Amz-Target", "DynamoDB_20120810.GetItem")
		return r, s.sign(r, "dynamodb", body)
	}
	site := &site{client: s.client, request: request, says: awsError, read: func(body []byte) ([]byte, error) { return itemValue(body, value) }}
	return &Origin{site.ask}, nil
}

// awsErrors are AWS's codes for what is wrong with neither the key nor the item: that it is asked too often, or that the
// operator's credentials are not good, which may pass; and that what the origin names is not there.
var awsErrors = []struct {
	msg   string
	fails bool
	codes []string // or how they begin
}{
	{"the origin has too much to do", true, []string{"ProvisionedThroughputExceeded", "Throttling", "RequestLimitExceeded", "LimitExceeded"}},
	{"the origin does not take the credentials of hearth's operator", true, []string{"ExpiredToken", "TokenRefreshRequired", "InvalidToken", "InvalidAccessKeyId",
		"SignatureDoesNotMatch", "InvalidSignature", "IncompleteSignature", "RequestTimeTooSkewed", "RequestExpired", "UnrecognizedClient", "MissingAuthenticationToken"}},
	{"the origin's bucket does not exist", false, []string{"NoSuchBucket"}},
}

// awsError returns what the body of an error means, nil where its status says enough.
func awsError(body []byte) error {
	code := awsCode(body)
	for _, e := range awsErrors {
		for _, c := range e.codes {
			switch {
			case !strings.HasPrefix(code, c):
			case e.fails:
				return unavailable(e.msg, fmt.Errorf("it says %s", code))
			default:
				return refused(e.msg)
			}
		}
	}
	return nil
}

// awsCode returns the code of an error: S3 says it in XML, DynamoDB in JSON after the name of its API.
func awsCode(body []byte) string {
	if _, rest, ok := bytes.Cut(body, []byte("<Code>")); ok {
		code, _, _ := bytes.Cut(rest, []byte("</Code>"))
		return string(code)
	}
	var e struct {
		Type string `json:"__type"`
	}
	_ = json.Unmarshal(body, &e)
	return e.Type[strings.LastIndexByte(e.Type, '#')+1:]
}

// itemValue takes the value out of GetItem's answer.
func itemValue(body []byte, attribute string) ([]byte, error) {
	var got struct {
		Item json.RawMessage
	}
	if err := json.Unmarshal(body, &got); err != nil {
		return nil, unavailable("the origin's answer is not what DynamoDB answers", err)
	}
	if len(got.Item) == 0 || string(got.Item) == "null" {
		return nil, &hearth.Error{Kind: hearth.NotFound, Msg: "the origin has no such item"}
	}
	if attribute == "" {
		return got.Item, nil
	}
	var item map[string]struct {
		S, N, B *string
	}
	if err := json.Unmarshal(got.Item, &item); err != nil {
		return nil, unavailable("the origin's answer is not what DynamoDB answers", err)
	}
	switch a := item[attribute]; {
	case a.S != nil:
		return []byte(*a.S), nil
	case a.N != nil:
		return []byte(*a.N), nil
	case a.B != nil:
		return base64.StdEncoding.DecodeString(*a.B)
	}
	return nil, refused(fmt.Sprintf("the item has no attribute %q that is a string, a number or binary", attribute))
}
