#!/bin/sh
# second-check PORT
# Whether a second kube-apiserver can run beside the only one of this master: prints why not, or nothing.
set -eu
second_port=$1 certificate='' key=''
. "${0%/*}/common.sh"
. "${0%/*}/second.sh"
# One that serves already was left by a restart that did not end, and will be used.
if second_there || second_possible; then exit 0; fi
