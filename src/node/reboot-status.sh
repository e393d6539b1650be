#!/bin/sh
# reboot-status NAME [cancel]
# How far a master's reboot is: `returned CODE`, `failed`, or `waiting BOOT` with the id of the present boot. With
# `cancel` a reboot that has not come is called off first.
set -eu
. "${0%/*}/common.sh"
step=$STATE/steps/$1
[ "${2-}" != cancel ] || : >"$step/cancel"
if [ -e "$step/returned" ]; then say "returned $(cat "$step/returned")"; exit 0; fi
boot=$(cat "$ROOT/proc/sys/kernel/random/boot_id")
# A shutdown ends the unit too: no failure is what happens on the way down, nor what was left from another boot.
if [ -e "$step/result" ] && [ "$(systemctl is-system-running)" != stopping ]; then
  if [ ! -e "$step/parted" ] || [ "$boot" = "$(cat "$step/parted")" ]; then say failed; exit 0; fi
fi
say "waiting $boot"
