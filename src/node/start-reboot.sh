#!/bin/sh
# start-reboot NAME [KEY=VALUE…]
# Starts reboot-master.sh in a transient unit of its own and waits until this master may be rebooted. Asked again while
# the unit runs it starts nothing; asked again after the machine came back well it says so. Says `parted BOOT`, or
# `returned`.
set -eu
. "${0%/*}/common.sh"
umask 077
name=$1; shift
step=$STATE/steps/$name
mkdir -p "$step"
came_back() { [ -e "$step/returned" ] && [ "$(cat "$step/returned")" = 0 ]; }
ended() { [ -e "$step/returned" ]; }
# Left, and booted since: only its return is waited for.
if [ -e "$step/parted" ] && [ "$(cat "$step/parted")" != "$(cat "$ROOT/proc/sys/kernel/random/boot_id")" ]; then
  wait_for 660 ended || die "step $name: the master was rebooted and has not come back into service after 660 s"
fi
if came_back; then say returned; exit 0; fi
if ! systemctl is-active -q "keyroll-$name.service"; then
  rm -f "$step/result" "$step/parted" "$step/returned"
  systemd-run -q --collect --unit="keyroll-$name" --setenv=KEYROLL_ROOT="$ROOT" \
    --property=ExecStopPost="/bin/sh ${0%/*}/end-step.sh $name" \
    --property=TimeoutStopSec=300 /bin/sh "${0%/*}/run-step.sh" "$name" reboot-master "$@"
fi
left() { [ -e "$step/parted" ] || [ -e "$step/result" ]; }
wait_for 600 left || die "step $name has not come to its reboot after 600 s"
if [ ! -e "$step/result" ]; then say "parted $(cat "$step/parted")"; exit 0; fi
grep -v '^[0-9]\{13\} ' "$step/log" | tail -n 3 | tr '\n' ';' >&2
echo >&2
exit 1
