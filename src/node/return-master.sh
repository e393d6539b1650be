#!/bin/sh
# return-master close|open|settle STEP
# After the boot of a master that reboot-master.sh left:
#   close   before kubelet starts: new connections go to the master that took them before, the balancer's probe is refused
#   open    when kube-apiserver answers with its new arguments and etcd's member is healthy: connections are served here
#           again, and then the probe is answered
#   settle  however that ended: nothing is closed, and the result is in `returned`
set -eu
. "${0%/*}/common.sh"
umask 077
mode=$1 step=$2
. "${0%/*}/reboot-settings.sh"
load_settings "$step"
. "${0%/*}/redirect.sh"
. "${0%/*}/balancer-probe.sh"
. "${0%/*}/master-ready.sh"
mark() { say "$(now_ms) $*" >>"$step/log"; }

etcd_healthy() {
  ETCDCTL_API=3 etcdctl --dial-timeout=2s --command-timeout=5s --endpoints=https://127.0.0.1:2379 \
    --cacert="$ROOT$ca" --cert="$ROOT$etcd_certificate" --key="$ROOT$etcd_key" endpoint health >/dev/null 2>&1
}
looks=0
serves() {
  looks=$((looks + 1)); [ $((looks % 8)) -ne 0 ] || follow_target >>"$step/log"
  etcd_healthy && ready_with "$(cat "$step/arguments")"
}

case $mode in
  close)
    mkdir -p "$STATE/run"
    redirect_to "$(cat "$step/target")"
    refuse_probe
    mark "booted: closed" ;;
  open)
    wait_for 600 serves || { mark "kube-apiserver does not serve as it should 600 s after the boot"; exit 1; }
    mark ready
    redirect_off
    mark undrained
    allow_probe
    mark "the balancer's probe is answered"
    echo 0 >"$step/came-back" ;;
  settle)
    redirect_off
    allow_probe
    sh "${0%/*}/return-unit.sh" off "$step"
    [ -e "$step/came-back" ] || echo 1 >"$step/came-back"
    mv -T "$step/came-back" "$step/returned" ;;
  *) die "return-master: $mode is not known" ;;
esac
