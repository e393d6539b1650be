#!/bin/sh
# end-pause PORT: takes a pause back that nobody ended.
set -u
. "${0%/*}/common.sh"
port=$1
rule() {
  iptables -w 2 "$1" INPUT -p tcp --dport "$port" -m addrtype --dst-type LOCAL ! -d 127.0.0.0/8 -m comment --comment keyroll-pause -j DROP
}
without_rule rule
