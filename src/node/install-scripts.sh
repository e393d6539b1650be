#!/bin/sh
# Puts the scripts of one version of keyroll on a node, once. Runs as root; repeatable at any point.
#
# Argument: the folder (/var/lib/keyroll/scripts-HASH; the hash covers every name and content).
# Output:   "present" when the pack is there complete, else "send", and then reads from standard input
#           one line a file, "NAME CONTENT" (as `printf %b` reads it), and as the last line "end COUNT".
# The marker .complete is renamed into place last, so it never stands beside missing or half files.
set -eu
umask 077

folder="${KEYROLL_ROOT-}$1"
parent="${folder%/*}"

fail() {
  echo "$1" >&2
  exit 1
}

if [ -f "$folder/.complete" ]; then
  echo present
  exit 0
fi
mkdir -p "$folder"
chmod 0700 "$parent" "$folder"
echo send

# Everything is gathered beside its place first: few programs, one fsync of all, then a rename each.
incoming="$folder/.incoming.$$"
rm -rf "$incoming"
mkdir "$incoming"
trap 'rm -rf "$incoming"' EXIT

count=0
ended=no
while read -r name content; do
  if [ "$name" = end ]; then
    [ "$content" = "$count" ] || fail "$count scripts arrived, $content were sent"
    ended=yes
    break
  fi
  case $name in
    '' | .* | *[!A-Za-z0-9._-]*) fail "\"$name\" is not a script's name" ;;
  esac
  printf '%b' "$content" >"$incoming/$name" || fail "$name did not arrive whole"
  count=$((count + 1))
done
[ "$ended" = yes ] || fail "the scripts did not arrive whole ($count files, no end)"

chmod 0700 "$incoming"/*
sync "$incoming"/*
mv -f "$incoming"/* "$folder/"
sync "$folder"
: >"$incoming/.complete"
sync "$incoming/.complete"
mv -f "$incoming/.complete" "$folder/.complete"
sync "$folder" "$parent"
