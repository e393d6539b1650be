#!/bin/sh
# start-master ROTATION CA PORT CERTIFICATE KEY HEALTH
# For a rescue: kubelet starts with its new certificates (standard input: files for install-files.sh, the manifests of the
# static pods among them), then this master's API server and controller manager must answer; watchdogs that were stopped
# run again. May be called again.
set -eu
. "${0%/*}/common.sh"
rotation=$1 ca=$2 port=$3 certificate=$ROOT$4 key=$ROOT$5 health=$6
says_ok() { [ "$(curl -s -k -m 2 "$@" 2>/dev/null)" = ok ]; }
ready() { says_ok --cert "$certificate" --key "$key" "https://127.0.0.1:$port/readyz"; }
healthy() { says_ok "$health"; }
sh "${0%/*}/refresh-kubelet.sh" "$rotation" new "$ca"
# One that had its certificate before was stopped all the same.
systemctl start kubelet
wait_for 240 ready || die "kube-apiserver does not say ok at /readyz 240 s after kubelet has started; see its container's log"
wait_for 120 healthy || die "kube-controller-manager is not healthy 120 s after kube-apiserver was ready"
if [ -s "$STATE/run/watchdogs" ]; then
  # shellcheck disable=SC2046 # a list of unit names
  systemctl start $(sort -u "$STATE/run/watchdogs") && rm -f "$STATE/run/watchdogs"
fi
record "started by a rescue"
