#!/bin/sh
# restart-apiserver STEP KEY=VALUE…
# Restarts this master's kube-apiserver (and etcd, when asked) with another manifest so that no request fails.
# It runs as a transient unit and finishes without keyroll. STEP is a folder with `manifest` (the new text) and `files`
# (input of install-files.sh: what must change while no API server runs here).
#   own= service= port= ports=   this master's address, the kubernetes Service's IP, the API's port, all ports that lead to it
#   second_port=                 where there is no other master: the port of a second kube-apiserver, STEP/second its
#                                manifest; empty: there are others
#   gap=yes|no                   whether the operator knows that nobody answers meanwhile should that one not come up (no)
#   targets=                     healthy masters, the first that answers takes the connections
#   patience=                    for how long one that answers is waited for, s (60)
#   old= new=                    file names of the manifests that leave (those that are there) and of the one that comes
#   mode= owner=                 of the manifest
#   arguments=                   what the new process must have been started with, one a line
#   watchdogs=                   units that kill what does not answer
#   etcd=yes|no  endpoints=      restart etcd too; all members' client URLs
#   certificate= key= ca=        for /readyz and etcdctl
#   rotation=
set -eu
. "${0%/*}/common.sh"
step=$1; shift
second_port= gap=no patience=60
for pair in "$@"; do
  case ${pair%%=*} in
    own|service|port|ports|second_port|gap|targets|patience|old|new|mode|owner|arguments|watchdogs|etcd|endpoints|certificate|key|ca|etcd_certificate|etcd_key|rotation)
      # shellcheck disable=SC2163 # assigns by name, the name is one of the list
      export "$pair" ;;
    *) die "restart-apiserver: unknown setting ${pair%%=*}" ;;
  esac
done
. "${0%/*}/redirect.sh"
. "${0%/*}/manifests.sh"
. "${0%/*}/second.sh"
. "${0%/*}/target.sh"

etcdctl_here() {
  ETCDCTL_API=3 etcdctl --dial-timeout=2s --command-timeout=5s --endpoints="$1" \
    --cacert="$ROOT$ca" --cert="$ROOT$etcd_certificate" --key="$ROOT$etcd_key" endpoint "$2" -w simple
}

# restart_etcd: only while every other member is healthy and this one does not lead; else etcd is left alone. Fails when
# the member was left alone or is not healthy afterwards; the log says which.
restart_etcd() {
  case $(etcdctl_here https://127.0.0.1:2379 status | cut -d, -f5 | tr -d ' ') in
    false) ;;
    true) say "etcd: left alone, its member here is the leader"; return 1 ;;
    *) say "etcd: left alone, its member here does not answer"; return 1 ;;
  esac
  for endpoint in $endpoints; do
    etcdctl_here "$endpoint" health >/dev/null 2>&1 || { say "etcd: left alone, $endpoint is not healthy"; return 1; }
  done
  systemctl restart etcd || { say "etcd: systemd could not restart it"; return 1; }
  wait_for 60 etcd_healthy || { say "etcd: not healthy 60 s after its restart"; return 1; }
  say "etcd: restarted"
}
etcd_healthy() { etcdctl_here https://127.0.0.1:2379 health >/dev/null 2>&1; }

# restart_only_etcd: the only member, behind a pause of the second kube-apiserver, which the timer ends whatever happens.
# etcd writes ahead, so SIGKILL loses nothing and is the quickest stop.
restart_only_etcd() {
  etcd_healthy || { say "etcd: left alone, its member here does not answer"; return 1; }
  member=$(pids_of etcd)
  pause_end=
  if [ -n "$target" ]; then
    second_hold
    ( sleep 3; second_hold_off ) &
    pause_end=$!
    mark pause
    sleep 0.25
  fi
  for pid in $member; do kill -KILL "$pid" || say "process $pid was gone"; done
  systemctl restart etcd || say "etcd: systemd could not restart it at once"
  wait_for 60 reads_again || say "etcd: nothing is read from it 60 s after its restart"
  if [ -n "$pause_end" ]; then
    second_hold_off
    mark resume
    kill "$pause_end" 2>/dev/null || say "the pause had ended by itself"
  fi
  wait_for 60 etcd_healthy || { say "etcd: not healthy 60 s after its restart"; return 1; }
  say "etcd: restarted"
}
# Through the second kube-apiserver; without one nobody reads.
reads_again() {
  [ -n "$target" ] || return 0
  [ "$(curl -s -k -m 1 -o /dev/null -w '%{http_code}' --cert "$ROOT$certificate" --key "$ROOT$key" \
    "https://127.0.0.1:$second_port/api/v1/namespaces/default" 2>/dev/null)" = 200 ]
}

# ended: the first runs no more; what kubelet started again meanwhile is ended too.
ended() { kill_all KILL; [ -z "$(first_pids)" ]; }
started() { is_one_with "$(first_pids)" "$arguments"; }
kill_all() { for pid in $(first_pids); do kill "-$1" "$pid" 2>/dev/null || say "process $pid was gone"; done; }

mark() { say "$(now_ms) $*"; }

have_folder "$STATE/run"
if swapped && started && [ "$etcd" = no ]; then
  sh "${0%/*}/install-files.sh" "$rotation" <"$step/files"
  # After a reboot it may have begun to start only now.
  wait_for 180 ready_locally || die "kube-apiserver runs with its new manifest and is not ready after 180 s"
  mark "already there"; exit 0
fi

# Nothing has changed yet: a master that is busy may take its time.
pick_target() { target=$(find_target); }
target=
[ -n "$second_port" ] || wait_for "$patience" pick_target ||
  die "no other master has answered /readyz for $patience s ($targets): a restart here would fail requests"
for unit in $watchdogs; do systemctl is-active -q "$unit" && say "$unit" >>"$STATE/run/watchdogs"; done
# shellcheck disable=SC2086 # a list of unit names
systemctl stop $watchdogs 2>/dev/null || say "some watchdogs are not on this node"
if [ -n "$second_port" ]; then
  if second_on "$step"; then
    target=$own
    mark "second ready"
  else
    # Nothing has changed yet; the watchdogs run again when this unit has ended (settle-apiserver.sh). Where the first does
    # not answer either, there is nothing to lose.
    [ "$gap" = yes ] || ! ready_locally || die "no second kube-apiserver came up, and without one nobody answers while the only master restarts: nothing has changed; free port $second_port or memory, then run the same command again, or accept the gap with --skip-gate single-master-gap"
  fi
fi
prepare
if [ -n "$target" ]; then
  mark "redirect to $target:$(port_at "$target")"
  redirect_to "$target"
  sleep 0.7
  hold
  mark hold
  sleep 0.4
else
  mark "gap: nobody answers until it is back"
fi
kill_all TERM
mark sigterm
# Where nobody takes its connections, what it finishes costs all others the time.
if [ -n "$target" ]; then sleep 0.8; else sleep 0.3; fi
leave
# From here on a manifest comes back whatever fails: the old one until the files are new, then the new one. After a crash
# complete.sh brings the new one.
trap put_back EXIT
kill_all KILL
wait_for 10 ended || die "kube-apiserver did not end after SIGKILL"
# What it ended since, before anything meets the port on which nobody listens.
[ -z "$target" ] || forget_closed
hold_off
mark stopped
sh "${0%/*}/install-files.sh" "$rotation" <"$step/files"
# Beside the start of kube-apiserver, which looks for its etcd every second, for a minute, before it does anything else
# (kubernetes v1.20 cmd/kube-apiserver/app/server.go): the master is back sooner, and has a manifest sooner.
etcd_job=
if [ "$etcd" = yes ] && [ -n "$second_port" ]; then
  mark "etcd restart"
  restart_only_etcd || die "etcd was not restarted"
  mark "etcd done"
elif [ "$etcd" = yes ]; then
  ( mark "etcd restart"; code=0; restart_etcd || code=1; mark "etcd done"; exit "$code" ) &
  etcd_job=$!
fi
come
mark "manifest $new"
is_back() { ready_locally && started; }
await_back 180 is_back || die "kube-apiserver is not ready 180 s after manifest $new came"
mark ready
[ -z "$etcd_job" ] || wait "$etcd_job" || die "kube-apiserver is ready with its new manifest, but etcd was not restarted"
if [ "$target" = "$own" ]; then
  redirect_off
  mark "connections are back"
  sleep 0.7
  second_end
  mark "second gone"
fi
