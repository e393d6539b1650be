#!/bin/sh
# stop-master KEY=VALUE…
# For a rescue: everything on this master that holds a certificate ends, and the data of the stopped etcd member are
# copied, once for each rotation, readable by root alone. Prints `copy PATH MB` last. May be called again.
#   rotation=  data=     the etcd member's folder
#   manifests= programs= file names of the static pods that go, and what they run
#   watchdogs=           units that kill what does not answer
set -eu
. "${0%/*}/common.sh"
umask 077
for pair in "$@"; do
  case ${pair%%=*} in
    rotation|data|manifests|programs|watchdogs)
      # shellcheck disable=SC2163 # assigns by name, the name is one of the list
      export "$pair" ;;
    *) die "stop-master: unknown setting ${pair%%=*}" ;;
  esac
done
folder=$ROOT/etc/kubernetes/manifests
left=$STATE/backup/$rotation/manifests-left
copy=$STATE/etcd-copies/$rotation

gone() { for program in $programs; do [ -z "$(pids_of "$program")" ] || return 1; done; }
signal() {
  for program in $programs; do
    for pid in $(pids_of "$program"); do kill "-$1" "$pid" 2>/dev/null || say "process $pid was gone"; done
  done
}
ended() { signal KILL; gone; }
etcd_gone() { [ -z "$(pids_of etcd)" ]; }

# Without room for the copy nothing is stopped.
room() {
  [ -d "$ROOT$data" ] || die "stop-master: $data is missing; expected the data of the etcd member"
  need=$(du -sm "$ROOT$data" | cut -f1)
  free=$(df -P -m "$STATE" | sed 1d | { read -r _ _ _ free _; echo "$free"; })
  [ "$free" -gt $((need + 64)) ] || die "stop-master: $need MB of etcd data are to be copied to $STATE, $free MB are free; make room"
}

mkdir -p "$STATE/run" "$left" "${copy%/*}"
[ -e "$copy" ] || room
for unit in $watchdogs; do systemctl is-active -q "$unit" && say "$unit" >>"$STATE/run/watchdogs"; done
# shellcheck disable=SC2086 # a list of unit names
systemctl stop $watchdogs 2>/dev/null || say "some watchdogs are not on this node"
# kubelet forgets a pod whose file goes; with the API out of reach that may take it half a minute, so it is stopped too.
for name in $manifests; do
  [ ! -e "$folder/$name" ] || mv -T "$folder/$name" "$left/$name"
done
signal TERM
wait_for 5 gone || say "what has not ended is killed"
systemctl stop kubelet
wait_for 20 ended || die "stop-master: some of $programs did not end after SIGKILL"
systemctl stop etcd
wait_for 20 etcd_gone || die "stop-master: etcd did not end"
record "stopped for a rescue"
if [ ! -e "$copy" ]; then
  rm -rf "$copy.part"
  cp -a "$ROOT$data" "$copy.part"
  chmod 700 "$copy.part"
  sync "$copy.part"
  mv -T "$copy.part" "$copy"
  sync "${copy%/*}"
fi
say "copy ${copy#"$ROOT"} $(du -sm "$copy" | cut -f1) MB"
