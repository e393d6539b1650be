#!/bin/sh
# with-input LENGTH SCRIPT [ARG…]
# Runs SCRIPT.sh with its standard input once all LENGTH bytes of it have come: what a connection that was cut leaves of
# it looks like less input, and must change nothing. It waits in a file of root's alone that is gone when SCRIPT begins.
set -eu
umask 077
length=$1 script=$2; shift 2
folder=${KEYROLL_ROOT-}/var/lib/keyroll
mkdir -p "$folder"
input=$(mktemp "$folder/.input-XXXXXX")
trap 'rm -f "$input"' EXIT
cat >"$input"
came=$(wc -c <"$input")
[ "$came" -eq "$length" ] || { echo "$script: $came of $length bytes came, and nothing was done" >&2; exit 1; }
exec 3<"$input"
rm -f "$input"
exec /bin/sh "${0%/*}/$script.sh" "$@" <&3 3<&-
