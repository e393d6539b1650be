#!/bin/sh
# A watchdog: two failed checks in a row, 10 s apart, and what it watches is killed.
# usage: health-monitor.sh apiserver|etcd|kubelet|containerd
set -u
START_DELAY=300
if [ -r /etc/default/health-monitor ]; then . /etc/default/health-monitor; fi
target=${1:-}
certs=/etc/kubernetes/certs
# The node's own address is the source of its default route.
own_address=$(ip -4 -o route get 168.63.129.16 | sed -n 's/.* src \([0-9.]*\).*/\1/p')

ask() {
  curl --silent --show-error --fail --max-time 10 --output /dev/null "$@"
}

healthy() {
  case $target in
    apiserver)
      ask --cacert "$certs/ca.crt" --cert "$certs/client.crt" --key "$certs/client.key" "https://$own_address:443/readyz"
      ;;
    etcd)
      ask --cacert "$certs/ca.crt" --cert "$certs/etcdclient.crt" --key "$certs/etcdclient.key" \
        "https://$own_address:2379/v2/machines"
      ;;
    kubelet) ask http://127.0.0.1:10248/healthz ;;
    containerd) timeout 60 ctr --namespace k8s.io tasks list --quiet >/dev/null ;;
    *)
      echo "unknown target \"$target\"; expected apiserver, etcd, kubelet or containerd" >&2
      exit 2
      ;;
  esac
}

# An API server that does not answer is started anew by a new kubelet.
victim() {
  case $target in
    apiserver) echo kubelet ;;
    *) echo "$target" ;;
  esac
}

sleep "$START_DELAY"
while :; do
  if ! healthy; then
    sleep 10
    if ! healthy; then
      echo "$target is unhealthy: kills $(victim)"
      systemctl kill "$(victim)"
      sleep 60
    fi
  fi
  sleep 10
done
