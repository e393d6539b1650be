#!/bin/sh
# run-step NAME SCRIPT [ARG…]: the main process of a step's unit.
set -u
. "${0%/*}/common.sh"
name=$1; script=$2; shift 2
step=$STATE/steps/$name
printf '%s\n' "$script" >"$step/script"
printf '%s\n' "$@" | grep -E '^(own|service|port|ports|second_port|targets|certificate|key)=' >"$step/settle"
sh "${0%/*}/$script.sh" "$step" "$@" >"$step/log" 2>&1
echo $? >"$step/code"
