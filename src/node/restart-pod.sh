#!/bin/sh
# restart-pod PROGRAM SINCE
# Ends one process of a static pod, once, with SIGTERM (SIGKILL after 5 s); kubelet starts its container again. Waits
# for a process that was started after SINCE (s since the epoch); one that already was leaves nothing to do.
set -eu
. "${0%/*}/common.sh"
program=$1; since=$2
fresh() {
  pid=$(pids_of "$program" | head -n 1)
  [ -n "$pid" ] && [ "$(started_at "$pid")" -ge "$since" ]
}
old_gone() { ! kill -0 "$old" 2>/dev/null; }
fresh && exit 0
old=$(pids_of "$program" | head -n 1)
if [ -n "$old" ]; then
  kill -TERM "$old"
  wait_for 5 old_gone || kill -KILL "$old"
fi
wait_for 180 fresh || die "$program was not started again within 180 s"
record "$program was started again"
