#!/bin/sh
# with-input LENGTH SCRIPT [ARG…]
# Runs SCRIPT.sh with its standard input once all LENGTH bytes of it have come: what a connection that was cut leaves of
# it looks like less input, and must change nothing. It waits in this shell's memory alone: input is text, without NUL.
set -eu
LC_ALL=C
length=$1 script=$2; shift 2
# The point keeps line ends at the end, which a shell would drop.
input=$(cat; echo .)
came=$((${#input} - 1))
[ "$came" -eq "$length" ] || { echo "$script: $came of $length bytes came, and nothing was done" >&2; exit 1; }
printf '%s' "${input%.}" | /bin/sh "${0%/*}/$script.sh" "$@"
