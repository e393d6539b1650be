#!/bin/sh
# pause PORT SECONDS
# Drops what arrives at this master's API server while standard input says so. Lines read: `arm`, `pause`, `resume`; each
# is answered with what was done and when (ms). Should the other side vanish, the end of input ends the pause, and the
# timer that `arm` starts ends it SECONDS later in any case.
set -eu
. "${0%/*}/common.sh"
port=$1; seconds=$2
mark=keyroll-pause
rule() { iptables -w 2 "$1" INPUT -p tcp --dport "$port" -m addrtype --dst-type LOCAL ! -d 127.0.0.0/8 -m comment --comment "$mark" -j DROP; }
resume() { without_rule rule; }
trap resume EXIT
echo waiting
while read -r word; do
  case $word in
    arm)
      armed=$(now_ms)
      systemd-run -q --collect --on-active="$seconds" --timer-property=AccuracySec=50ms --unit="$mark-$$" \
        /bin/sh "${0%/*}/end-pause.sh" "$port"
      echo armed ;;
    pause)
      rule -I
      # A rule that came after the timer had nobody to end it but this connection.
      [ $(( $(now_ms) - armed )) -lt $(( seconds * 1000 - 500 )) ] || die "pause: it came when its time was over"
      echo "paused $(now_ms)" ;;
    resume)
      resume
      systemctl stop "$mark-$$.timer" 2>/dev/null || echo "the timer had already fired" >&2
      echo "resumed $(now_ms)" ;;
    *) die "pause: $word is not known" ;;
  esac
done
