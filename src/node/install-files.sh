#!/bin/sh
# install-files ROTATION
# Replaces files, each atomically. Standard input has one file a line: PATH MODE OWNER:GROUP BASE64.
# All contents are written first, then all names are changed one right after the other, so that a certificate and its
# key are a pair but for an instant. The content that a file had before this rotation is copied (not linked: inotify
# would lose sight of the file) into the backup, once. A file that already is as asked is left alone.
set -eu
. "${0%/*}/common.sh"
umask 077
mkdir -p "$STATE"
rotation=$1
work=$(mktemp -d "$STATE/.install-XXXXXX")
clean_up() {
  [ ! -e "$work/written" ] || while IFS= read -r left; do rm -f "$left"; done <"$work/written"
  rm -rf "$work"
}
trap clean_up EXIT

backup() { # PATH
  copy=$STATE/backup/$rotation$1
  [ -e "$ROOT$1" ] && [ ! -e "$copy" ] || return 0
  mkdir -p "${copy%/*}"
  cp -p "$ROOT$1" "$copy.part" && mv "$copy.part" "$copy"
}

same() { # PATH NEW: the file is there with this content, mode and owner
  cmp -s "$ROOT$1" "$2" && [ "$(stat -c '%a %U:%G' "$ROOT$1")" = "$(stat -c '%a %U:%G' "$2")" ]
}

while IFS=' ' read -r path mode owner content; do
  [ -n "$path" ] || continue
  folder=${path%/*}
  [ -d "$ROOT$folder" ] || mkdir -p "$ROOT$folder"
  temporary=$(mktemp "$ROOT$folder/.keyroll-XXXXXX")
  printf '%s\n' "$temporary" >>"$work/written"
  printf '%s' "$content" | base64 -d >"$temporary"
  # Below another root an ordinary user may not give files away.
  chown "$owner" "$temporary" 2>"$work/refused" || [ -n "$ROOT" ] || { cat "$work/refused" >&2; exit 1; }
  chmod "$mode" "$temporary"
  if same "$path" "$temporary"; then rm -f "$temporary"; continue; fi
  backup "$path"
  printf '%s %s\n' "$temporary" "$ROOT$path" >>"$work/renames"
done

[ -e "$work/renames" ] || exit 0
# shellcheck disable=SC2046 # paths without blanks
sync $(cut -d' ' -f1 "$work/renames")
while IFS=' ' read -r temporary path; do mv -T "$temporary" "$path"; done <"$work/renames"
# shellcheck disable=SC2046 # paths without blanks
sync $(cut -d' ' -f2 "$work/renames" | sed 's,/[^/]*$,,' | sort -u)
cut -d' ' -f2 "$work/renames"
# shellcheck disable=SC2046 # paths without blanks
record replaced $(cut -d' ' -f2 "$work/renames")
