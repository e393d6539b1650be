#!/bin/sh
# install-files ROTATION
# Replaces files, each atomically. Standard input has one file a line: PATH MODE OWNER:GROUP CONTENT. CONTENT is BASE64,
# or `@original`: what the file held before this rotation (a file that the rotation never replaced is left alone);
# `@original+BASE64` appends to it.
# All contents are written first, into a folder beside each file; then all files of a folder get their names by one
# command, so that a certificate and its key are a pair but for an instant. What is still to be renamed is written down
# before: `complete.sh` does it after a crash. The content that a file had before this rotation is copied (not linked:
# inotify would lose sight of the file) into the backup, once. A file that already is as asked is left alone.
set -eu
. "${0%/*}/common.sh"
umask 077
mkdir -p "$STATE/pending"
rotation=$1
exec 9>"$STATE/install.guard"
flock -w 50 9 || die "install-files: another one has been at work for 50 s"
for left in "$STATE"/pending/install-*; do sh "${0%/*}/complete.sh" "$left"; done
work=$(mktemp -d "$STATE/.install-XXXXXX")
record=
clean_up() {
  ended=$?
  # What was written down is completed later; what was not has changed nothing.
  [ -n "$record" ] || [ ! -e "$work/stages" ] || while IFS=' ' read -r left _; do rm -rf "$left"; done <"$work/stages"
  rm -rf "$work"
  [ "$ended" -eq 0 ] || say_if_full
}
trap clean_up EXIT

backup() { # PATH
  copy=$STATE/backup/$rotation$1
  [ -e "$ROOT$1" ] && [ ! -e "$copy" ] || return 0
  mkdir -p "${copy%/*}"
  cp -p "$ROOT$1" "$copy.part" && sync "$copy.part" && mv "$copy.part" "$copy"
}

same() { # PATH NEW: the file is there with this content, mode and owner
  cmp -s "$ROOT$1" "$2" && [ "$(stat -c '%a %U:%G' "$ROOT$1")" = "$(stat -c '%a %U:%G' "$2")" ]
}

# stage_of FOLDER: the folder inside it that gathers its new files; one for each, made when it is first needed.
stage_of() {
  [ -e "$work/stages" ] && stage=$(sed -n "s,^\([^ ]*\) $1\$,\1,p" "$work/stages") || stage=
  [ -n "$stage" ] && return 0
  stage=$(mktemp -d "$1/.keyroll-XXXXXX")
  printf '%s %s\n' "$stage" "$1" >>"$work/stages"
}

# original PATH APPEND: writes what the file held before this rotation into $temporary; fails when there is nothing to do.
original() {
  source=$STATE/backup/$rotation$1
  if [ ! -e "$source" ]; then
    [ -n "$2" ] && [ -e "$ROOT$1" ] || return 1
    source=$ROOT$1
  fi
  cat "$source" >"$temporary"
  [ -z "$2" ] || { [ -z "$(tail -c 1 "$source")" ] || echo; printf '%s' "$2" | base64 -d; } >>"$temporary"
}

while IFS=' ' read -r path mode owner content; do
  [ -n "$path" ] || continue
  folder=${path%/*}
  [ -d "$ROOT$folder" ] || mkdir -p "$ROOT$folder"
  stage_of "$ROOT$folder"
  temporary=$stage/${path##*/}
  case $content in
    @original) original "$path" '' || continue ;;
    @original+*) original "$path" "${content#@original+}" || continue ;;
    *) printf '%s' "$content" | base64 -d >"$temporary" ;;
  esac
  # Below another root an ordinary user may not give files away.
  chown "$owner" "$temporary" 2>"$work/refused" || [ -n "$ROOT" ] || { cat "$work/refused" >&2; exit 1; }
  chmod "$mode" "$temporary"
  if same "$path" "$temporary"; then rm -f "$temporary"; continue; fi
  backup "$path"
  printf '%s\n' "$temporary" >>"$work/changed"
  printf '%s\n' "$path" >>"$work/told"
done

[ -e "$work/changed" ] || exit 0
# shellcheck disable=SC2046 # paths without blanks
sync $(cat "$work/changed")
{ echo renames; cat "$work/stages"; } >"$work/record"
sync "$work/record"
record=$STATE/pending/${work##*/.}
mv -T "$work/record" "$record"
sync "$STATE/pending"
sh "${0%/*}/complete.sh" "$record"
cat "$work/told"
# shellcheck disable=SC2046 # paths without blanks
record replaced $(cat "$work/told")
