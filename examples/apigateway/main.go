// Command apigateway serves a REST API of Amazon API Gateway on this machine, by its OpenAPI document: the requests that
// x-amazon-apigateway-integration maps to an HTTP backend. It knows http and http_proxy integrations, parameter mappings,
// stage variables, integration responses with constant templates, and the limit of 10 MB.
package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"regexp"
	"strconv"
	"strings"
)

type document struct {
	Paths map[string]map[string]operation
}

type operation struct {
	Integration integration `json:"x-amazon-apigateway-integration"`
}

type integration struct {
	Type, HTTPMethod, URI string
	RequestParameters     map[string]string
	Responses             map[string]response
}

type response struct {
	StatusCode        string
	ResponseTemplates map[string]string
}

// payloadBytesMax is what API Gateway lets through.
const payloadBytesMax = 10 << 20

// variables are the stage's, as -var name=value.
type variables map[string]string

func (v variables) String() string { return "" }

func (v variables) Set(text string) error {
	name, value, ok := strings.Cut(text, "=")
	if !ok {
		return errors.New("a stage variable is NAME=VALUE")
	}
	v[name] = value
	return nil
}

func main() {
	stage := variables{}
	listen := flag.String("listen", "127.0.0.1:8090", "address to serve at")
	plain := flag.Bool("plain", false, "call the backend over http, for one on this machine")
	flag.Var(stage, "var", "a stage variable, NAME=VALUE; may be given several times")
	flag.Parse()
	if err := serve(*listen, flag.Arg(0), stage, *plain); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func serve(listen, file string, stage variables, plain bool) error {
	text, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	var d document
	if err := json.Unmarshal(text, &d); err != nil {
		return err
	}
	mux := http.NewServeMux()
	for path, methods := range d.Paths {
		for method, o := range methods {
			mux.Handle(strings.ToUpper(method)+" "+path, &gateway{o.Integration, path, stage, plain})
		}
	}
	l, err := net.Listen("tcp", listen)
	if err != nil {
		return err
	}
	fmt.Println("serving at http://" + l.Addr().String())
	return http.Serve(l, mux)
}

// gateway answers one method of one path.
type gateway struct {
	integration
	path  string
	stage variables
	plain bool
}

// ServeHTTP implements http.Handler.
func (g *gateway) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, payloadBytesMax))
	if err != nil {
		say(w, http.StatusRequestEntityTooLarge, "Request Too Long")
		return
	}
	req, err := g.request(r, body)
	if err != nil {
		say(w, http.StatusInternalServerError, err.Error())
		return
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		say(w, http.StatusBadGateway, "Internal server error")
		return
	}
	defer resp.Body.Close()
	answer, err := io.ReadAll(io.LimitReader(resp.Body, payloadBytesMax+1))
	if err != nil || len(answer) > payloadBytesMax {
		say(w, http.StatusBadGateway, "Internal server error")
		return
	}
	if g.Type == "http_proxy" {
		for name, values := range resp.Header {
			w.Header()[name] = values
		}
		w.WriteHeader(resp.StatusCode)
		_, _ = w.Write(answer)
		return
	}
	g.respond(w, resp, answer)
}

// request is the one that the integration makes of a request.
func (g *gateway) request(r *http.Request, body []byte) (*http.Request, error) {
	address := regexp.MustCompile(`\$\{stageVariables\.(\w+)\}`).ReplaceAllStringFunc(g.URI, func(m string) string {
		return g.stage[strings.TrimSuffix(strings.TrimPrefix(m, "${stageVariables."), "}")]
	})
	query, headers := url.Values{}, http.Header{}
	if g.Type == "http_proxy" { // what the client sends goes through, beside what is mapped
		query, headers = r.URL.Query(), r.Header.Clone()
		headers.Del("Connection")
	} else if t := r.Header.Get("Content-Type"); t != "" {
		headers.Set("Content-Type", t)
	}
	for to, from := range g.RequestParameters {
		value, ok := g.value(from, r)
		if !ok {
			continue
		}
		place, name, _ := strings.Cut(strings.TrimPrefix(to, "integration.request."), ".")
		switch place {
		case "querystring":
			query.Set(name, value)
		case "header":
			headers.Set(name, value)
		case "path":
			address = strings.ReplaceAll(address, "{"+name+"}", url.PathEscape(value))
		default:
			return nil, fmt.Errorf("%s is mapped to nowhere", to)
		}
	}
	u, err := url.Parse(address)
	if err != nil {
		return nil, err
	}
	if g.plain {
		u.Scheme = "http"
	}
	u.RawQuery = query.Encode()
	req, err := http.NewRequestWithContext(r.Context(), g.HTTPMethod, u.String(), bytes.NewReader(body))
	if err == nil {
		req.Header = headers
	}
	return req, err
}

// value returns what a mapping takes a parameter from: a part of the request, a stage variable, or a constant.
func (g *gateway) value(from string, r *http.Request) (string, bool) {
	if inner, ok := strings.CutPrefix(from, "'"); ok {
		return strings.TrimSuffix(inner, "'"), true
	}
	if name, ok := strings.CutPrefix(from, "stageVariables."); ok {
		v, ok := g.stage[name]
		return v, ok
	}
	place, name, _ := strings.Cut(strings.TrimPrefix(from, "method.request."), ".")
	switch place {
	case "path":
		return r.PathValue(name), true
	case "querystring":
		return r.URL.Query().Get(name), r.URL.Query().Has(name)
	case "header":
		return r.Header.Get(name), r.Header.Get(name) != ""
	}
	return "", false
}

// respond answers as the integration's responses say: by the first whose pattern is the backend's status, or default.
func (g *gateway) respond(w http.ResponseWriter, resp *http.Response, body []byte) {
	chosen, ok := g.Responses["default"]
	for pattern, each := range g.Responses {
		if pattern == "default" {
			continue
		}
		if regexp.MustCompile("^(?:" + pattern + ")$").MatchString(strconv.Itoa(resp.StatusCode)) {
			chosen, ok = each, true
			break
		}
	}
	code, err := strconv.Atoi(chosen.StatusCode)
	if !ok || err != nil {
		say(w, http.StatusInternalServerError, "Internal server error")
		return
	}
	if template, ok := chosen.ResponseTemplates["application/json"]; ok {
		body = []byte(template)
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(code)
	_, _ = w.Write(body)
}

func say(w http.ResponseWriter, code int, message string) {
	text, _ := json.Marshal(map[string]string{"message": message})
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(code)
	_, _ = w.Write(text)
}
