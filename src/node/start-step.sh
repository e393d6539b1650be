#!/bin/sh
# start-step NAME SCRIPT [ARG…]
# Runs SCRIPT in a transient unit of its own, which goes on without the connection that asked for it, and waits for its
# end. Its output is the log; the code it ended with is the code of this script. Asked again for the same name while
# it runs, or after it ended well, it starts nothing and reports the same.
set -eu
. "${0%/*}/common.sh"
umask 077
name=$1; script=$2; shift 2
step=$STATE/steps/$name
have_folder "$step"
result_of() { [ -e "$step/result" ] && read -r code <"$step/result"; }
if ! result_of || [ "$code" != 0 ]; then
  if ! unit_runs "keyroll-$name.service"; then
    rm -f "$step/result"
    # It says when the unit has ended, sooner than a look now and then would and for less.
    systemd-run -q --wait --collect --unit="keyroll-$name" --setenv=KEYROLL_ROOT="$ROOT" \
      --property=ExecStopPost="/bin/sh ${0%/*}/end-step.sh $name" \
      --property=TimeoutStopSec=300 /bin/sh "${0%/*}/run-step.sh" "$name" "$script" "$@" ||
      [ -e "$step/result" ] || unit_runs "keyroll-$name.service" || die "step $name could not be started by systemd"
  fi
fi
wait_for 600 result_of || die "step $name has not ended after 600 s"
cat "$step/log"
[ "$code" = 0 ] || { grep -v '^[0-9]\{13\} ' "$step/log" | tail -n 3 | tr '\n' ';' >&2; echo >&2; }
exit "$code"
