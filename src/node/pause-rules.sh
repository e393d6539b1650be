# What a pause drops; sourced, never run. Needs common.sh; $port and $etcd_port are the API server's and etcd's.
# from_outside VERB: what arrives at the API server here from clients, those on this node included.
# of_apiserver VERB: what it asks of the etcd member here for itself, which nobody outside can hold back.
paused() { iptables -w 2 "$@" -m comment --comment keyroll-pause -j DROP; }
# shellcheck disable=SC2154 # set by the scripts that source this
from_outside() { paused "$1" INPUT -p tcp --dport "$port" -m addrtype --dst-type LOCAL ! -d 127.0.0.0/8; }
# shellcheck disable=SC2154
of_apiserver() { paused "$1" INPUT -p tcp --dport "$etcd_port" -d 127.0.0.0/8; }

drop_all() { from_outside -I && of_apiserver -I; }
# Each is taken back whatever becomes of the other.
drop_none() { _failed=0; without_rule of_apiserver || _failed=1; without_rule from_outside || _failed=1; return "$_failed"; }
