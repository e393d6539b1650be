#!/bin/sh
# move-leader CA CERTIFICATE KEY TARGET OWN_ENDPOINT ENDPOINT…
# A conversation, so that nothing has to start while the masters are paused: on `move` leadership goes from the member
# here to TARGET (member id in hex). Then every member is asked for a proposal that changes nothing: one that is through
# has been committed by the new leader in its own term, by a member that knows it. A read that comes sooner is dropped
# without a word, and its member answers no read for 7 s (etcd 3.3). The answer says when this began and ended, and
# whether all members were that far after two tries (`settled`). It comes 2.1 s after `move` at the latest, by the clock:
# what etcdctl is told of its time counts from when its connection stands.
# OWN_ENDPOINT is not the loopback address: a pause holds back what arrives there.
set -eu
. "${0%/*}/common.sh"
ca=$ROOT$1 certificate=$ROOT$2 key=$ROOT$3 target=$4 own=$5; shift 5
export ETCDCTL_API=3
ask() { _endpoint=$1 _limit=$2; shift 2
  timeout -k 0.1 "$_limit" etcdctl --dial-timeout=1s --command-timeout=1s --endpoints="$_endpoint" --cacert="$ca" --cert="$certificate" --key="$key" "$@" >&2; }
propose() { ask "$1" 0.5 alarm list || ask "$1" 0.5 alarm list; }

echo waiting
read -r word
[ "$word" = move ] || die "move-leader: $word is not known"
begun=$(now_ms)
ask "$own" 1.1 move-leader "$target"
proposals=
for endpoint in "$@"; do
  propose "$endpoint" & proposals="$proposals $!"
done
settled=settled
for proposal in $proposals; do wait "$proposal" || settled=unsettled; done
echo "moved $begun $(now_ms) $settled"
record "etcd's leadership moved to member $target ($settled)"
