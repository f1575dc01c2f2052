// Command runtimeapi runs a Lambda function on this machine: it speaks the documented Lambda Runtime API to the function's
// own, unmodified runtime client, in as many execution environments as it is told to.
//
// Each line of standard input is an event; each line of standard output is what the function made of one, in any order.
package main

import (
	"bufio"
	"bytes"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"strconv"
	"sync"
	"time"
)

// What Lambda allows.
const (
	responseBytesMax = 6 << 20
	functionTimeout  = 30 * time.Second
	functionARN      = "arn:aws:lambda:eu-central-1:123456789012:function:example"
)

// invocation is one event on its way through an environment.
type invocation struct {
	id    string
	event []byte
	done  chan outcome
}

type outcome struct {
	Event    json.RawMessage `json:"event"`
	Response json.RawMessage `json:"response,omitempty"`
	Error    json.RawMessage `json:"error,omitempty"`
}

// service is the Runtime API that all environments share.
type service struct {
	queue  chan *invocation
	asked  chan struct{} // an environment asks for an event
	failed chan string   // an environment could not start

	mu      sync.Mutex // guards running
	running map[string]*invocation
}

func main() {
	environments := flag.Int("environments", 1, "how many execution environments there are at once")
	handler := flag.String("handler", "index.handler", "what the runtime client is told to run")
	flag.Parse()
	if flag.NArg() == 0 {
		fmt.Fprintln(os.Stderr, "usage: runtimeapi [flags] COMMAND [ARGUMENT ...] < EVENTS")
		os.Exit(2)
	}
	if err := run(*environments, *handler, flag.Args()); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(environments int, handler string, command []string) error {
	s := &service{queue: make(chan *invocation), asked: make(chan struct{}, environments), failed: make(chan string, environments), running: map[string]*invocation{}}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	go func() { _ = http.Serve(l, s.handler()) }()
	for i := range environments {
		stop, err := s.start(command, handler, l.Addr().String(), i)
		if err != nil {
			return err
		}
		defer stop()
	}
	for range environments { // the spike begins when all are there, and cold
		select {
		case <-s.asked:
		case text := <-s.failed:
			return errors.New(text)
		}
	}
	return s.invokeAll(os.Stdin, os.Stdout)
}

// start starts an execution environment: the function with its runtime client.
func (s *service) start(command []string, handler, api string, number int) (stop func(), err error) {
	cmd := exec.Command(command[0], command[1:]...)
	cmd.Stdout, cmd.Stderr = os.Stderr, os.Stderr // its log
	dir, err := os.Getwd()
	if err != nil {
		return nil, err
	}
	cmd.Env = append(os.Environ(), "AWS_LAMBDA_RUNTIME_API="+api, "_HANDLER="+handler, "LAMBDA_TASK_ROOT="+dir, "AWS_REGION=eu-central-1",
		"AWS_LAMBDA_FUNCTION_NAME=example", "AWS_LAMBDA_FUNCTION_VERSION=$LATEST", "AWS_LAMBDA_FUNCTION_MEMORY_SIZE=256",
		"AWS_LAMBDA_LOG_GROUP_NAME=/aws/lambda/example", "AWS_LAMBDA_LOG_STREAM_NAME=environment-"+strconv.Itoa(number))
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	ended := make(chan struct{})
	go func() {
		if err := cmd.Wait(); err != nil {
			s.failed <- "an execution environment ended: " + err.Error()
		}
		close(ended)
	}()
	return func() { _ = cmd.Process.Kill(); <-ended }, nil
}

// invokeAll invokes the function with every line of in, all at once, as far as there are environments.
func (s *service) invokeAll(in io.Reader, out io.Writer) error {
	lines := bufio.NewScanner(in)
	lines.Buffer(nil, responseBytesMax)
	results := make(chan outcome)
	n := 0
	for lines.Scan() {
		if len(bytes.TrimSpace(lines.Bytes())) == 0 {
			continue
		}
		i := &invocation{id: newID(), event: bytes.Clone(lines.Bytes()), done: make(chan outcome, 1)}
		n++
		go func() {
			s.queue <- i
			select {
			case o := <-i.done:
				results <- o
			case <-time.After(functionTimeout):
				results <- outcome{Event: i.event, Error: json.RawMessage(`{"errorType":"Sandbox.Timedout"}`)}
			}
		}()
	}
	for range n {
		select {
		case o := <-results:
			text, err := json.Marshal(o)
			if err != nil {
				return err
			}
			fmt.Fprintln(out, string(text))
		case text := <-s.failed:
			return errors.New(text)
		}
	}
	return lines.Err()
}

// newID returns a request ID as Lambda's look.
func newID() string {
	var b [16]byte
	_, _ = rand.Read(b[:]) // never fails
	h := hex.EncodeToString(b[:])
	return h[:8] + "-" + h[8:12] + "-" + h[12:16] + "-" + h[16:20] + "-" + h[20:]
}

func (s *service) handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /2018-06-01/runtime/invocation/next", s.next)
	mux.HandleFunc("POST /2018-06-01/runtime/invocation/{id}/response", func(w http.ResponseWriter, r *http.Request) {
		s.finish(w, r, func(i *invocation, body []byte) outcome { return outcome{Event: i.event, Response: body} })
	})
	mux.HandleFunc("POST /2018-06-01/runtime/invocation/{id}/error", func(w http.ResponseWriter, r *http.Request) {
		s.finish(w, r, func(i *invocation, body []byte) outcome { return outcome{Event: i.event, Error: body} })
	})
	mux.HandleFunc("POST /2018-06-01/runtime/init/error", func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(io.LimitReader(r.Body, responseBytesMax))
		s.failed <- "the function could not start: " + string(body)
		accepted(w)
	})
	return mux
}

// next answers an environment that is free with the next event. It waits as long as there is none.
func (s *service) next(w http.ResponseWriter, r *http.Request) {
	select {
	case s.asked <- struct{}{}:
	default: // nobody waits for that any more
	}
	select {
	case <-r.Context().Done():
	case i := <-s.queue:
		s.mu.Lock()
		s.running[i.id] = i
		s.mu.Unlock()
		h := w.Header()
		h.Set("Content-Type", "application/json")
		h.Set("Lambda-Runtime-Aws-Request-Id", i.id)
		h.Set("Lambda-Runtime-Deadline-Ms", strconv.FormatInt(time.Now().Add(functionTimeout).UnixMilli(), 10))
		h.Set("Lambda-Runtime-Invoked-Function-Arn", functionARN)
		h.Set("Lambda-Runtime-Trace-Id", "Root=1-5bef4de7-ad49b0e87f6ef6c87fc2e700;Parent=9a9197af755a6419;Sampled=0")
		_, _ = w.Write(i.event)
	}
}

// finish takes what a function made of an event.
func (s *service) finish(w http.ResponseWriter, r *http.Request, make func(*invocation, []byte) outcome) {
	s.mu.Lock()
	i := s.running[r.PathValue("id")]
	delete(s.running, r.PathValue("id"))
	s.mu.Unlock()
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, responseBytesMax))
	switch {
	case i == nil:
		refuse(w, http.StatusBadRequest, "InvalidRequestID")
	case err != nil:
		i.done <- outcome{Event: i.event, Error: json.RawMessage(`{"errorType":"Function.ResponseSizeTooLarge"}`)}
		refuse(w, http.StatusRequestEntityTooLarge, "RequestEntityTooLarge")
	default:
		i.done <- make(i, body)
		accepted(w)
	}
}

func accepted(w http.ResponseWriter) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(http.StatusAccepted)
	_, _ = w.Write([]byte(`{"status":"OK"}`))
}

func refuse(w http.ResponseWriter, code int, kind string) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(code)
	_, _ = fmt.Fprintf(w, `{"errorType":%q,"errorMessage":%q}`, kind, http.StatusText(code))
}
