#!/bin/sh
# complete RECORD…|boot
# Finishes changes that have no right order on the disk: what is half done is written down in `pending/` before it begins,
# and done from there, also again after a crash. Records, one word in their first line:
#   renames  then lines `STAGE FOLDER`: all files of STAGE get their names in FOLDER, by one command
#   swap     then lines: STEP folder, ROTATION, name of the manifest that comes, MODE OWNER, names of those that leave
# `boot`: all records; run before etcd and kubelet start, when no process of a static pod is there.
set -eu
. "${0%/*}/common.sh"
umask 077
manifests=$ROOT/etc/kubernetes/manifests

renames() { # RECORD
  sed 1d "$1" | while IFS=' ' read -r stage folder; do
    [ -d "$stage" ] || continue
    set -- "$stage"/*
    [ ! -e "$1" ] || mv -f -t "$folder" "$@"
    rmdir "$stage"
    sync "$folder"
  done
}

swap() { # RECORD
  step=$(sed -n 2p "$1") rotation=$(sed -n 3p "$1") new=$(sed -n 4p "$1")
  mode=$(sed -n 's/ .*//; 5p' "$1") owner=$(sed -n '5s/.* //p' "$1")
  sh "${0%/*}/install-files.sh" "$rotation" <"$step/files" >/dev/null
  # shellcheck disable=SC2013 # one line of names
  for old in $(sed -n 6p "$1"); do
    [ ! -e "$manifests/$old" ] || mv -T "$manifests/$old" "$step/left-$old"
  done
  cmp -s "$step/manifest" "$manifests/$new" && return 0
  cp "$step/manifest" "$manifests/.keyroll-$new"
  [ -n "$ROOT" ] || chown "$owner" "$manifests/.keyroll-$new"
  chmod "$mode" "$manifests/.keyroll-$new"
  sync "$manifests/.keyroll-$new"
  mv -T "$manifests/.keyroll-$new" "$manifests/$new"
  sync "$manifests"
}

finish() { # RECORD
  case $(sed -n 1p "$1") in
    renames) renames "$1" ;;
    swap) swap "$1" ;;
    *) die "complete: $1 is none of keyroll's records; it begins with $(sed -n 1p "$1" | cut -c 1-20)" ;;
  esac
  rm -f "$1"
}

if [ "$1" = boot ]; then
  # The packet filter is empty after a boot, and the watchdogs were started by their own units.
  rm -f "$STATE"/run/* "$manifests"/second-kube-apiserver*.yaml
  for step in "$STATE"/steps/*; do
    [ ! -e "$step/script" ] || [ -e "$step/result" ] || echo 137 >"$step/result"
  done
  set -- "$STATE"/pending/*
  [ -e "$1" ] || exit 0
fi
for record in "$@"; do
  [ ! -e "$record" ] || finish "$record"
done
