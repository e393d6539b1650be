#!/bin/sh
# etcd ENDPOINTS CA CERTIFICATE KEY ARG…
# etcdctl with this node's credentials; a value to put comes on standard input.
set -eu
. "${0%/*}/common.sh"
endpoints=$1 ca=$ROOT$2 certificate=$ROOT$3 key=$ROOT$4; shift 4
export ETCDCTL_API=3
exec etcdctl --dial-timeout=3s --command-timeout=10s --endpoints="$endpoints" --cacert="$ca" --cert="$certificate" --key="$key" "$@"
