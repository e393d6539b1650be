#!/bin/sh
# end-step NAME: runs when a step's main process is gone, whatever ended it, and writes the result last.
set -u
. "${0%/*}/common.sh"
name=$1
step=$STATE/steps/$name
sh "${0%/*}/complete.sh" "$STATE/pending/swap-$name" >>"$step/log" 2>&1
script=
read -r script <"$step/script" || echo "the step's process was killed before it began" >>"$step/log"
case $script in
  restart-apiserver)
    IFS='
'
    # shellcheck disable=SC2046 # one setting a line
    set -- $(cat "$step/settle")
    sh "${0%/*}/settle-apiserver.sh" "$@" >>"$step/log" 2>&1 ;;
  reboot-master) sh "${0%/*}/settle-reboot.sh" "$step" >>"$step/log" 2>&1 ;;
esac
[ -e "$step/code" ] || { echo "the step's process was killed" >>"$step/log"; echo 137 >"$step/code"; }
code=137
read -r code <"$step/code" || echo "the step's code could not be written" >>"$step/log"
log=$(sed "s/^/$name: /" "$step/log")
IFS='
'
set -f
# shellcheck disable=SC2086 # one line each
record $log "$name: ended with $code"
mv -T "$step/code" "$step/result"
