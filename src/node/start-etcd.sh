#!/bin/sh
# start-etcd PORT CA CERTIFICATE KEY
# For a rescue: starts this master's etcd member and waits until it is healthy, for which more than half of all members
# must run. One that runs and does not answer with these certificates was started with others, and is restarted.
set -eu
. "${0%/*}/common.sh"
endpoint=https://127.0.0.1:$1 ca=$ROOT$2 certificate=$ROOT$3 key=$ROOT$4
healthy() {
  ETCDCTL_API=3 etcdctl --dial-timeout=2s --command-timeout=5s --endpoints="$endpoint" \
    --cacert="$ca" --cert="$certificate" --key="$key" endpoint health >/dev/null 2>&1
}
if healthy; then say "already healthy"; exit 0; fi
systemctl restart etcd || say "systemd has not seen it start yet"
wait_for 180 healthy || die "etcd is not healthy 180 s after its start; see journalctl -u etcd on all masters"
record "etcd was started"
say "healthy"
