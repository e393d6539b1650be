#!/bin/sh
# remove-folder ROTATION FOLDER…
# Removes folders of keyroll's own. Anything that is not below one of keyroll's own folders is refused.
set -eu
. "${0%/*}/common.sh"
shift
for folder in "$@"; do
  case $folder in
    */..*|*/.) die "remove-folder: $folder is not a plain path" ;;
    /etc/kubernetes/keyroll|/var/lib/keyroll/*) rm -rf "$ROOT$folder"; record "removed $folder" ;;
    *) die "remove-folder: $folder is none of keyroll's folders" ;;
  esac
done
