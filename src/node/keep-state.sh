#!/bin/sh
# keep-state put|get|list [ROTATION]
# A rotation's keys and beginning on a master, for when the operator's folder is lost. One file for each rotation, 0600.
#   put ROTATION   standard input is the file in base64
#   get ROTATION   prints it in base64
#   list           prints `ROTATION MODE OWNER` for each, newest last
set -eu
. "${0%/*}/common.sh"
umask 077
folder=$STATE/rotations
case $1 in
  put)
    have_folder "$folder"
    work=$(mktemp "$folder/.part-XXXXXX")
    trap 'rm -f "$work"' EXIT
    base64 -d >"$work"
    sync "$work"
    mv -T "$work" "$folder/$2"
    sync "$folder" ;;
  get) exec base64 -w0 "$folder/$2" ;;
  list)
    for file in "$folder"/*; do
      [ ! -f "$file" ] || say "${file##*/} $(stat -c '%a %U:%G' "$file")"
    done ;;
  *) die "keep-state: $1 is not known" ;;
esac
