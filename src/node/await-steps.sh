#!/bin/sh
# await-steps
# Waits until no step of keyroll is at work on this node: a unit goes on when the run that began it is dead.
set -eu
. "${0%/*}/common.sh"
ended() { [ -e "$step/result" ] || ! unit_runs "keyroll-${step##*/}.service"; }
for step in "$STATE"/steps/*; do
  [ -e "$step/script" ] || continue
  ended || say "${step##*/} is at work"
  wait_for 600 ended || die "step ${step##*/} has not ended after 600 s"
done
