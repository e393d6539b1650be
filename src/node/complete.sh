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
  stages='' folders=''
  {
    read -r _
    while IFS=' ' read -r stage folder; do
      [ -d "$stage" ] || continue
      set -- "$stage"/*
      [ ! -e "$1" ] || mv -f -t "$folder" "$@"
      stages="$stages $stage" folders="$folders $folder"
    done
  } <"$1"
  [ -n "$stages" ] || return 0
  # shellcheck disable=SC2086 # paths without blanks
  sync $folders
  # shellcheck disable=SC2086 # paths without blanks
  rmdir $stages
}

swap() { # RECORD
  { read -r _; read -r step; read -r rotation; read -r new; read -r mode owner; read -r leaving || [ -n "$leaving" ]; } <"$1"
  sh "${0%/*}/install-files.sh" "$rotation" <"$step/files" >/dev/null
  for old in $leaving; do
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
  kind=
  read -r kind <"$1" || [ -n "$kind" ] || die "complete: $1 is empty"
  case $kind in
    renames) renames "$1" ;;
    swap) swap "$1" ;;
    *) die "complete: $1 is none of keyroll's records; it begins with $(say "$kind" | cut -c 1-20)" ;;
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
