#!/bin/sh
# gates FOLDER… [-- PORT CERTIFICATE KEY]
# What may forbid a rotation on this node, one fact a line:
#   clock MS                     its clock
#   disk FOLDER PERCENT FREE     use of the file system that a folder lies on, and what is free (MB)
#   leftover PATH                what a rotation by another tool, or one by keyroll that is under way, leaves
#   readyz WORD                  (with PORT CERTIFICATE KEY) what kube-apiserver here says of itself
set -u
. "${0%/*}/common.sh"
say "clock $(now_ms)"
while [ $# -gt 0 ]; do
  [ "$1" != -- ] || { shift; break; }
  if [ -e "$ROOT$1" ]; then
    df -P -m "$ROOT$1" | sed 1d | { read -r _ _ _ free percent _; say "disk $1 ${percent%\%} $free"; }
  fi
  shift
done
for path in "$ROOT"/etc/kubernetes/rotate-certs* "$ROOT/etc/kubernetes/keyroll"; do
  [ ! -e "$path" ] || say "leftover ${path#"$ROOT"}"
done
[ $# -eq 3 ] || exit 0
say "readyz $(curl -s -k -m 5 --cert "$ROOT$2" --key "$ROOT$3" "https://127.0.0.1:$1/readyz" 2>/dev/null | head -n 1 | tr ' ' '-')"
