// Labpod is every program that the lab runs in pods of its own: one binary, so that all nodes share its pages.
//
//	labpod client          calls the API with the pod's own service account, three times a second
//	labpod aggregated      a small aggregated API server behind the front proxy
//	labpod addon-manager   stands in for kube-addon-manager; also when started under the name kube-addon-manager
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
)

var commands = map[string]func(ctx context.Context, args []string) error{
	"client":        runClient,
	"aggregated":    runAggregated,
	"addon-manager": runAddonManager,
}

func main() {
	name, args := commandOf(os.Args)
	command, known := commands[name]
	if !known {
		fmt.Fprintf(os.Stderr, "labpod: unknown command %q, expected client, aggregated or addon-manager\n", name)
		os.Exit(2)
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, os.Interrupt)
	defer stop()
	if err := command(ctx, args); err != nil {
		fmt.Fprintf(os.Stderr, "labpod %s: %v\n", name, err)
		os.Exit(1)
	}
}

// commandOf reads the command from the first argument, or from the name the program was started under.
func commandOf(argv []string) (string, []string) {
	if filepath.Base(argv[0]) == "kube-addon-manager" {
		return "addon-manager", argv[1:]
	}
	if len(argv) < 2 {
		return "", nil
	}
	return argv[1], argv[2:]
}
