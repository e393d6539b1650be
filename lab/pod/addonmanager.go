package main

import (
	"context"
	"flag"
	"fmt"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/clientcmd"
)

// runAddonManager is what a rotation must care about in kube-addon-manager: a process that lives long, read its
// kubeconfig once and goes on trusting what it read. It lists the pods of kube-system every 2 s and logs failures.
func runAddonManager(ctx context.Context, args []string) error {
	flags := flag.NewFlagSet("addon-manager", flag.ContinueOnError)
	kubeconfig := flags.String("kubeconfig", "/var/lib/kubelet/kubeconfig", "file that says which API server to call and how")
	if err := flags.Parse(args); err != nil {
		return err
	}
	config, err := clientcmd.BuildConfigFromFlags("", *kubeconfig)
	if err != nil {
		return fmt.Errorf("kubeconfig: %w", err)
	}
	config.Timeout = requestTimeout
	api, err := kubernetes.NewForConfig(config)
	if err != nil {
		return err
	}
	tick := time.NewTicker(2 * time.Second)
	defer tick.Stop()
	for {
		if _, err := api.CoreV1().Pods("kube-system").List(ctx, metav1.ListOptions{}); err != nil && ctx.Err() == nil {
			fmt.Printf("%s list of kube-system pods failed: %v\n", time.Now().UTC().Format(time.RFC3339Nano), err)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}
