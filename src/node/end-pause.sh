#!/bin/sh
# end-pause PORT ETCD_PORT: takes a pause back that nobody ended.
set -u
. "${0%/*}/common.sh"
# shellcheck disable=SC2034 # used by pause-rules.sh
port=$1 etcd_port=$2
. "${0%/*}/pause-rules.sh"
drop_none
