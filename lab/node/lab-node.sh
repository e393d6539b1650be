#!/bin/sh
# Prepares a node at its boot, before anything else of it runs: address, routes, control groups.
set -eu
. /etc/lab/node.env

# The container manager names the interface as it likes: it is the one that is not the loopback.
interface=
for path in /sys/class/net/*; do
  name=${path##*/}
  case $name in
    lo | cbr0 | veth*) ;;
    *) interface=$name ;;
  esac
done
[ -n "$interface" ] || {
  echo "this node has no network interface; expected one beside the loopback" >&2
  exit 1
}
ip link set "$interface" up
ip address replace "$ADDRESS" dev "$interface"
ip route replace default via "$GATEWAY"
# Kubelets up to 1.20 ask a cloud's metadata service for 11 s; this answers at once.
ip route replace unreachable 169.254.0.0/16
for route in $POD_ROUTES; do
  ip route replace "${route%%=*}" via "${route#*=}"
done

sysctl -q -w net.ipv4.ip_forward=1 net.ipv4.tcp_retries2=8
sysctl -q -e -w net.bridge.bridge-nf-call-iptables=1

# The controllers of cgroup version 1 are mounted read-only in a container; kubelet and runc need to write.
for path in /sys/fs/cgroup/*; do
  case $(stat -f -c %T "$path") in
    cgroupfs) mount -o remount,bind,rw,nosuid,nodev,noexec "$path" ;;
  esac
done

# On version 1 systemd here uses no controller but its own, and every thread of kubelet would weigh as much as all
# containers together. As on a machine of its own, each of the busy services weighs as one; WEIGHED says where and how much.
cpu=/sys/fs/cgroup/cpu
[ -e "$cpu/cpu.shares" ] || exit 0
mkdir -p "$cpu/system.slice"
for pair in $WEIGHED; do
  mkdir -p "$cpu/${pair%%=*}"
  echo "${pair#*=}" >"$cpu/${pair%%=*}/cpu.shares"
done
while read -r pid; do
  # Kernel threads and what ended meanwhile stay where they are.
  { echo "$pid" >"$cpu/system.slice/cgroup.procs"; } 2>/dev/null || :
done <"$cpu/cgroup.procs"
