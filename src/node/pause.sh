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
resume() { while rule -C 2>/dev/null; do rule -D; done; }
trap resume EXIT
echo waiting
while read -r word; do
  case $word in
    arm)
      systemd-run -q --collect --on-active="$seconds" --timer-property=AccuracySec=50ms --unit="$mark-$$" \
        /bin/sh "${0%/*}/end-pause.sh" "$port"
      echo armed ;;
    pause)
      rule -I
      echo "paused $(now_ms)" ;;
    resume)
      resume
      systemctl stop "$mark-$$.timer" 2>/dev/null || echo "the timer had already fired" >&2
      echo "resumed $(now_ms)" ;;
    *) die "pause: $word is not known" ;;
  esac
done
