# shellcheck shell=sh
# Sourced: the balancer's probe alone is refused on this master, so that the balancer sends it no new connections.
# Needs: probe (the address that probes come from), ports ("443 4443").

probe_ports() { printf '%s' "$ports" | tr ' ' ','; }
# The probe must not be redirected to a healthy master: its rule comes before those of the redirect.
probe_kept() { iptables -w 5 -t nat "$1" PREROUTING ${2:+"$2"} -p tcp -s "$probe" -m multiport --dports "$(probe_ports)" -j ACCEPT; }
probe_reset() { iptables -w 5 "$1" INPUT ${2:+"$2"} -p tcp -s "$probe" -m multiport --dports "$(probe_ports)" -j REJECT --reject-with tcp-reset; }

# refuse_probe: after the redirect began, so that its rule stands before the redirect's. The mark comes first.
refuse_probe() {
  : >"$STATE/run/probe-refused"
  probe_kept -I 1
  probe_reset -I 1
}

# allow_probe: may be called when it is not refused.
allow_probe() {
  [ -e "$STATE/run/probe-refused" ] || return 0
  without_rule probe_reset && without_rule probe_kept || return 0
  rm -f "$STATE/run/probe-refused"
}

# probes_refused: how many there were since refuse_probe, by the packet filter's own count.
probes_refused() {
  iptables -w 5 -nvxL INPUT | awk -v from="$probe" '$3 == "REJECT" && $8 == from { sum += $1 } END { print sum + 0 }'
}

# new_connections: how many from outside this master were redirected since redirect_to.
new_connections() {
  iptables -w 5 -t nat -nvxL PREROUTING | awk '$3 == "KEYROLL" && /LOCAL/ { sum += $1 } END { print sum + 0 }'
}
