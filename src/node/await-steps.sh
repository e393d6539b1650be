#!/bin/sh
# await-steps
# Waits until no step of keyroll is at work on this node: a unit goes on when the run that began it is dead. Removes a
# second kube-apiserver that such a unit left behind, unless connections are still led to it.
set -eu
. "${0%/*}/common.sh"
ended() { [ -e "$step/result" ] || ! unit_runs "keyroll-${step##*/}.service"; }
for step in "$STATE"/steps/*; do
  [ -e "$step/script" ] || continue
  ended || say "${step##*/} is at work: its end is waited for"
  wait_for 600 ended || die "step ${step##*/} has not ended after 600 s"
done
[ ! -s "$STATE/run/redirect" ] || exit 0
for file in "$ROOT"/etc/kubernetes/manifests/second-kube-apiserver*.yaml; do
  [ -e "$file" ] || continue
  rm -f "$file"
  say "${file##*/} was left behind and is removed"
done
