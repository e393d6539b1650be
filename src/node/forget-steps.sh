#!/bin/sh
# forget-steps NAME…: how these steps ended is forgotten, so that they are done again when they are asked for.
set -eu
. "${0%/*}/common.sh"
for name in "$@"; do rm -f "$STATE/steps/$name/result" "$STATE/steps/$name/returned" "$STATE/steps/$name/parted"; done
