#!/bin/sh
# settle-reboot STEP
# What must be true after reboot-master.sh ended without a reboot: kube-apiserver serves, no redirect, no hold, the
# balancer's probe is answered, the watchdogs run, and nothing happens at the next boot. May be called again.
set -u
. "${0%/*}/common.sh"
step=$1
[ -e "$step/settings" ] || exit 0
. "${0%/*}/reboot-settings.sh"
load_settings "$step"
. "${0%/*}/redirect.sh"
. "${0%/*}/balancer-probe.sh"
. "${0%/*}/master-ready.sh"

# A machine that is going down for its reboot must not open what was closed.
case $(systemctl is-system-running) in stopping) exit 0 ;; esac

sh "${0%/*}/return-unit.sh" off "$step"
hold_off
systemctl start kubelet
reset_rule() {
  iptables -w 5 "$1" FORWARD -p tcp -d "$(cat "$STATE/run/redirect")" --dport "$port" -m conntrack --ctstate DNAT --ctorigdst "$own" \
    -j REJECT --reject-with tcp-reset
}
reset_off() {
  [ -s "$STATE/run/redirect" ] || return 0
  without_rule reset_rule || say "the reset of redirected connections may still be there"
}
reset_off
# Connections stay redirected as long as nothing answers here.
wait_for 180 ready_locally || say "kube-apiserver does not answer 180 s after kubelet's start"
redirect_off
allow_probe
say "$(now_ms) back without a reboot"
if [ -s "$STATE/run/watchdogs" ]; then
  # shellcheck disable=SC2046 # a list of unit names
  systemctl start $(sort -u "$STATE/run/watchdogs") && rm -f "$STATE/run/watchdogs"
fi
