#!/bin/sh
# reboot-master STEP KEY=VALUE…
# Makes this master ready to be rebooted from outside, so that no request fails, and waits for that. It runs as a transient
# unit; settings as in restart-apiserver.sh, and probe= (the address that the balancer's probes come from). STEP has
# `manifest` and `files`. The order:
#   1. new connections go to another master, and the balancer's probe alone is refused;
#   2. kube-apiserver ends, drained, and its manifest leaves;
#   3. the balancer has been refused often enough, no master names this one as an endpoint of the Service any more, and
#      no new connection arrives here;
#   4. with kubelet stopped, files and the new manifest come, and a unit that brings this master back after its boot;
#   5. connections that go through this master are reset while none of them is being answered.
# Then `parted` is written. When no reboot comes, or `cancel` is there, the unit fails, and settle-reboot.sh puts the master
# into service again, with the new manifest.
set -eu
. "${0%/*}/common.sh"
umask 077
step=$1; shift
. "${0%/*}/reboot-settings.sh"
keep_settings "$step" "$@"
load_settings "$step"
. "${0%/*}/redirect.sh"
. "${0%/*}/balancer-probe.sh"
. "${0%/*}/master-ready.sh"
manifests=$ROOT/etc/kubernetes/manifests
mark() { say "$(now_ms) $*"; }

etcdctl_here() {
  ETCDCTL_API=3 etcdctl --dial-timeout=2s --command-timeout=5s --endpoints="$1" \
    --cacert="$ROOT$ca" --cert="$ROOT$etcd_certificate" --key="$ROOT$etcd_key" endpoint "$2" -w simple
}
# quorum_without: every other member is healthy, and this one does not lead.
quorum_without() {
  [ "$(etcdctl_here https://127.0.0.1:2379 status | cut -d, -f5 | tr -d ' ')" = false ] ||
    die "etcd: its member here leads or does not answer; a reboot would fail requests"
  for endpoint in $endpoints; do
    etcdctl_here "$endpoint" health >/dev/null 2>&1 || die "etcd: $endpoint is not healthy; a reboot would cost the quorum"
  done
}

kill_all() { for pid in $(pids_of kube-apiserver); do kill "-$1" "$pid" 2>/dev/null || say "process $pid was gone"; done; }
ended() { kill_all KILL; [ -z "$(pids_of kube-apiserver)" ]; }
leave() {
  for name in $old $new; do
    [ ! -e "$manifests/$name" ] || mv -T "$manifests/$name" "$step/left-$name"
  done
}
# Until the new manifest is there one of the old ones is better than none.
put_back() {
  for name in $new $old; do [ ! -e "$manifests/$name" ] || return 0; done
  for name in $old $new; do
    [ -e "$step/left-$name" ] || continue
    mv -T "$step/left-$name" "$manifests/$name"
    return 0
  done
}

# Azure's balancer and the lab's drop a machine after two failed probes; the third refused one proves them.
balancer_refused() { follow_target; [ "$(probes_refused)" -ge 3 ]; }
no_endpoint() {
  follow_target
  endpoints_now=$(curl -s -k -m 3 --cert "$ROOT$certificate" --key "$ROOT$key" \
    "https://$(cat "$STATE/run/redirect"):$port/api/v1/namespaces/default/endpoints/kubernetes") || return 1
  case $endpoints_now in
    *'"Endpoints"'*) ;;
    *) return 1 ;;
  esac
  ! printf '%s' "$endpoints_now" | tr -d ' ' | grep -qF "\"ip\":\"$own\""
}
# quiet: no new connection in five looks, a second apart.
quiet() {
  seen=$(new_connections)
  for _look in 1 2 3 4 5; do
    sleep 1
    follow_target
    [ "$(new_connections)" = "$seen" ] || return 1
  done
}

# Requests from outside that are under way through this master are answered in the first moment; what comes later gets a
# reset before any byte of an answer, and its client sends it again on a new connection. This machine's own pods, whose
# connections were made to the Service's address, are served until they go down with it.
forward_rule() { # ADD|DELETE-VERB TARGET-OF-RULE…
  verb=$1; shift
  iptables -w 5 "$verb" FORWARD ${place:+"$place"} -p tcp -d "$(cat "$STATE/run/redirect")" --dport "$port" -m conntrack --ctstate DNAT --ctorigdst "$own" "$@"
}
part_connections() {
  place=1
  forward_rule -I -j DROP
  sleep 0.4
  forward_rule -I -j REJECT --reject-with tcp-reset
  place=
  forward_rule -D -j DROP
  sleep 1.5
}

mkdir -p "$STATE/run"
rm -f "$step/parted" "$step/returned" "$step/cancel"
# Nothing has changed yet: a master that is busy may take its time.
pick_target() { target=$(find_target); }
: "${patience:=60}"
wait_for "$patience" pick_target ||
  die "no other master has answered /readyz for $patience s ($targets): a reboot here would fail requests"
quorum_without
for unit in $watchdogs; do systemctl is-active -q "$unit" && say "$unit" >>"$STATE/run/watchdogs"; done
# shellcheck disable=SC2086 # a list of unit names
systemctl stop $watchdogs 2>/dev/null || say "some watchdogs are not on this node"

mark "redirect to $target"
redirect_to "$target"
refuse_probe
sleep 0.7
hold
mark hold
sleep 0.4
kill_all TERM
mark sigterm
sleep 0.8
leave
trap put_back EXIT
kill_all KILL
wait_for 10 ended || die "kube-apiserver did not end after SIGKILL"
forget_closed
hold_off
mark stopped
wait_for 120 balancer_refused ||
  die "the balancer's probe was refused $(probes_refused) times in 120 s, expected 3; see that it comes from $probe (--balancer-probe)"
mark "the balancer was refused"
wait_for 120 no_endpoint || die "the Service kubernetes still names $own 120 s after kube-apiserver ended"
mark "no endpoint"
wait_for 60 quiet || say "new connections still arrive after 60 s; those that come during the reboot fail"
mark quiet

systemctl stop kubelet
sh "${0%/*}/install-files.sh" "$rotation" <"$step/files"
cp "$step/manifest" "$manifests/.keyroll-$new"
for name in $old $new; do
  [ ! -e "$step/left-$name" ] || chmod --reference="$step/left-$name" "$manifests/.keyroll-$new"
done
mv -T "$manifests/.keyroll-$new" "$manifests/$new"
cat "$STATE/run/redirect" >"$step/target"
sh "${0%/*}/return-unit.sh" on "$step"
sync
part_connections
cat "$ROOT/proc/sys/kernel/random/boot_id" >"$step/parted"
mark parted
wait_for 1800 test -e "$step/cancel" || die "no reboot came in 30 minutes"
# The unit has failed; what must be true now is settle-reboot.sh's business.
say "the reboot was called off" >&2
false
