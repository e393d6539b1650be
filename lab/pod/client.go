package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
)

const (
	requestEvery   = 300 * time.Millisecond
	requestTimeout = 5 * time.Second
	summaryEvery   = time.Second
	quorumReadOf   = 3
)

// runClient reads $NAMESPACE/$CONFIGMAP three times a second as any pod would: token and CA from the mounted folder,
// connections as client-go keeps them, no retry of its own. One read of three goes through etcd's quorum, the others
// come from the API server's watch cache, as informers' do. $RESULTS is a folder that gets the file $POD.jsonl.
// On SIGTERM it finishes the request in hand and writes the last summary.
func runClient(ctx context.Context, _ []string) error {
	namespace, configMap := os.Getenv("NAMESPACE"), os.Getenv("CONFIGMAP")
	if namespace == "" || configMap == "" {
		return errors.New("NAMESPACE and CONFIGMAP must name the ConfigMap to read")
	}
	api, err := inClusterClient()
	if err != nil {
		return err
	}
	results, err := openResults(os.Getenv("RESULTS"))
	if err != nil {
		return err
	}
	defer results.close()
	go serveHealth()
	calls := 0
	get := func() error {
		options := metav1.GetOptions{}
		if calls%quorumReadOf != 0 {
			options.ResourceVersion = "0"
		}
		calls++
		// Not derived from ctx: a SIGTERM must not cut the request in hand.
		limit, cancel := context.WithTimeout(context.Background(), requestTimeout)
		defer cancel()
		_, err := api.CoreV1().ConfigMaps(namespace).Get(limit, configMap, options)
		return err
	}
	return measure(ctx, get, results)
}

func inClusterClient() (*kubernetes.Clientset, error) {
	config, err := rest.InClusterConfig()
	if err != nil {
		return nil, fmt.Errorf("in-cluster configuration: %w", err)
	}
	// client-go's own limit of 5 requests a second would hide what is measured.
	config.QPS, config.Burst = 100, 100
	return kubernetes.NewForConfig(config)
}

// measure calls get at every tick, one at a time, until ctx ends.
func measure(ctx context.Context, get func() error, results *results) error {
	requests, summaries := time.NewTicker(requestEvery), time.NewTicker(summaryEvery)
	defer requests.Stop()
	defer summaries.Stop()
	for {
		select {
		case <-ctx.Done():
			return results.summarise()
		case <-summaries.C:
			if err := results.summarise(); err != nil {
				return err
			}
		case <-requests.C:
			began := time.Now()
			if err := results.count(get(), time.Since(began)); err != nil {
				return err
			}
		}
	}
}

// serveHealth answers the readiness probe on $PORT, 8080 without it.
func serveHealth() {
	port := os.Getenv("PORT")
	if port == "" {
		port = "8080"
	}
	http.HandleFunc("/healthz", func(answer http.ResponseWriter, _ *http.Request) { fmt.Fprintln(answer, "ok") })
	if err := http.ListenAndServe(":"+port, nil); err != nil {
		fmt.Fprintf(os.Stderr, "labpod client: health port %s: %v\n", port, err)
		os.Exit(1)
	}
}
