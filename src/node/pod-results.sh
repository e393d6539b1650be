#!/bin/sh
# pod-results read|clear
# What the probing pods of this node wrote: each file behind a line `== NAME`. `clear` removes the files.
set -eu
. "${0%/*}/common.sh"
for file in "$STATE"/probe/*.jsonl; do
  [ -f "$file" ] || continue
  case $1 in
    read) say "== ${file##*/}"; cat "$file" ;;
    clear) rm -f "$file" ;;
    *) die "pod-results: $1 is not known" ;;
  esac
done
