#!/bin/sh
# move-leader CA CERTIFICATE KEY TARGET
# A conversation, so that nothing has to start while the masters are paused: on `move` leadership goes from the member
# here to TARGET (member id in hex), and the answer says when it began and ended.
set -eu
. "${0%/*}/common.sh"
ca=$ROOT$1 certificate=$ROOT$2 key=$ROOT$3 target=$4
echo waiting
read -r word
[ "$word" = move ] || die "move-leader: $word is not known"
begun=$(now_ms)
ETCDCTL_API=3 etcdctl --dial-timeout=1s --command-timeout=2s --endpoints=https://127.0.0.1:2379 --cacert="$ca" --cert="$certificate" --key="$key" \
  move-leader "$target" >&2
echo "moved $begun $(now_ms)"
record "etcd's leadership moved to member $target"
