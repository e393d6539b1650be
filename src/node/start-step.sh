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
# result_of: whether there is a result, and in `code` what it says; one that could not be written says that it failed.
result_of() {
  [ -e "$step/result" ] || return 1
  code=
  read -r code <"$step/result" || [ -n "$code" ] || code=1
}
patience=600
if ! result_of || [ "$code" != 0 ]; then
  if ! unit_runs "keyroll-$name.service"; then
    rm -f "$step/result" "$step/script"
    # systemd-run says when the unit has ended, sooner than a look now and then would and for less. For that it needs the
    # D-Bus daemon: without it a unit can still be started, and one that goes on when it was lost is looked at.
    for wait in --wait ''; do
      # shellcheck disable=SC2086 # an option or none
      timeout --foreground 600 systemd-run -q $wait --collect --unit="keyroll-$name" --setenv=KEYROLL_ROOT="$ROOT" \
        --property=ExecStopPost="/bin/sh ${0%/*}/end-step.sh $name" \
        --property=TimeoutStopSec=300 /bin/sh "${0%/*}/run-step.sh" "$name" "$script" "$@" && break
      [ $? -ne 124 ] || patience=30
      if result_of || [ -e "$step/script" ] || unit_runs "keyroll-$name.service"; then break; fi
      [ -n "$wait" ] || die "step $name could not be started by systemd"
    done
  fi
fi
wait_for "$patience" result_of || die "step $name has no result, which was waited for 600 s at most"
cat "$step/log"
[ "$code" = 0 ] || { grep -v '^[0-9]\{13\} ' "$step/log" | tail -n 3 | tr '\n' ';' >&2; echo >&2; }
exit "$code"
