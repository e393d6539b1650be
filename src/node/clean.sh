#!/bin/sh
# clean
# Removes what rotations that have ended left on this node: backups, steps, kept keys, snapshots, results of probing pods,
# scripts of other versions. Prints what it removed, one path a line. Refuses while something is half done.
set -eu
. "${0%/*}/common.sh"
[ ! -e "$ROOT/etc/kubernetes/keyroll" ] || die "clean: /etc/kubernetes/keyroll is there, so a rotation has not ended here"
for left in "$STATE"/pending/*; do
  [ ! -e "$left" ] || die "clean: ${left#"$ROOT"} is half done; run keyroll resume"
done
own=${0%/*}
for path in "$STATE"/backup "$STATE"/steps "$STATE"/rotations "$STATE"/etcd-snapshots "$STATE"/etcd-copies "$STATE"/probe "$STATE"/run \
  "$STATE"/pending "$STATE"/.input-* "$STATE"/.install-* "$STATE"/scripts-* \
  "$ROOT"/etc/kubernetes/.keyroll-* "$ROOT"/etc/kubernetes/certs/.keyroll-*; do
  if [ ! -e "$path" ] || [ "$path" = "$own" ]; then continue; fi
  rm -rf "$path"
  say "${path#"$ROOT"}"
done
