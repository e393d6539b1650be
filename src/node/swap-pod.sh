#!/bin/sh
# swap-pod STEP KEY=VALUE…
# Lets the static pod of one manifest go and starts another one in its place: a pod is forgotten at once only when its
# file leaves the folder, and read at once only when a file with another name comes. STEP is a folder with `manifest`
# and `files` (input of install-files.sh, applied while no process runs).
#   program=        name of the process
#   old= new=       file names: those that leave (as far as they are there), and the one that comes
#   mode= owner=    of the manifest
#   arguments=      what the new process must have been started with, one a line
#   health=         URL on this node that answers `ok`
#   rotation=
set -eu
. "${0%/*}/common.sh"
step=$1; shift
for pair in "$@"; do
  case ${pair%%=*} in
    program|old|new|mode|owner|arguments|health|rotation)
      # shellcheck disable=SC2163 # assigns by name, the name is one of the list
      export "$pair" ;;
    *) die "swap-pod: unknown setting ${pair%%=*}" ;;
  esac
done
. "${0%/*}/manifests.sh"

healthy() { [ "$(curl -s -k -m 2 "$health" 2>/dev/null)" = ok ]; }
gone() { [ -z "$(pids_of "$program")" ]; }
signal() { for pid in $(pids_of "$program"); do kill "-$1" "$pid" 2>/dev/null || say "process $pid was gone"; done; }
up() { started_with "$program" "$arguments" && healthy; }

if swapped && up; then
  sh "${0%/*}/install-files.sh" "$rotation" <"$step/files"
  say "$(now_ms) already there"; exit 0
fi
prepare
leave
trap put_back EXIT
signal TERM
wait_for 2 gone || say "$program has not ended 2 s after SIGTERM"
# What kubelet started again just before its manifest left is ended too.
ended() { signal KILL; gone; }
wait_for 10 ended || die "$program did not end after SIGKILL"
say "$(now_ms) stopped"
come
wait_for 180 up || die "$program is not healthy with its new arguments 180 s after manifest $new came"
say "$(now_ms) ready"
