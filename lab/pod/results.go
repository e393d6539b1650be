package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"time"
)

// results is one pod's record: JSON lines, appended, each written whole. Times are milliseconds since 1970.
type results struct {
	file      *os.File
	pod, node string
	ok        int
	failed    int
	slowest   time.Duration
}

type summary struct {
	T      int64  `json:"t"`
	Pod    string `json:"pod"`
	Node   string `json:"node"`
	OK     int    `json:"ok"`
	Failed int    `json:"failed"`
	MaxMs  int64  `json:"maxMs"`
}

type failure struct {
	T     int64  `json:"t"`
	Pod   string `json:"pod"`
	Node  string `json:"node"`
	Error string `json:"error"`
}

// openResults appends to a file named after the pod, since a folder is shared by all pods of a node.
func openResults(folder string) (*results, error) {
	if folder == "" {
		return nil, fmt.Errorf("RESULTS must name a folder")
	}
	pod := os.Getenv("POD")
	if pod == "" {
		// A pod's host name is its name unless it uses the host's network.
		pod, _ = os.Hostname()
	}
	file, err := os.OpenFile(filepath.Join(folder, pod+".jsonl"), os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o644)
	if err != nil {
		return nil, fmt.Errorf("results: %w", err)
	}
	return &results{file: file, pod: pod, node: os.Getenv("NODE")}, nil
}

// count takes one request into the running summary; a failure is written at once.
func (r *results) count(err error, took time.Duration) error {
	if took > r.slowest {
		r.slowest = took
	}
	if err == nil {
		r.ok++
		return nil
	}
	r.failed++
	return r.write(failure{T: now(), Pod: r.pod, Node: r.node, Error: err.Error()})
}

// summarise writes what was counted since the last summary.
func (r *results) summarise() error {
	line := summary{T: now(), Pod: r.pod, Node: r.node, OK: r.ok, Failed: r.failed, MaxMs: r.slowest.Milliseconds()}
	r.ok, r.failed, r.slowest = 0, 0, 0
	return r.write(line)
}

func (r *results) write(line interface{}) error {
	text, err := json.Marshal(line)
	if err != nil {
		return err
	}
	_, err = r.file.Write(append(text, '\n'))
	return err
}

func (r *results) close() {
	r.file.Close()
}

func now() int64 {
	return time.Now().UnixNano() / int64(time.Millisecond)
}
