#!/bin/sh
# lock take|renew|release TOKEN [STALE [INSTEAD]]
# The lock that keeps two runs of keyroll from one cluster. Its age counts by this node's clock alone.
#   take     standard input: one line that says who asks. Answers `taken`, `taken-over AGE LINE` (the holder gave no sign
#            of life for STALE seconds, or is INSTEAD, whom the asker knows to be dead) or `held AGE LINE`.
#   renew    the sign of life: `renewed`, or `lost LINE` when another holds it, or nobody
#   release  may be called again
set -eu
. "${0%/*}/common.sh"
umask 077
action=$1 token=$2 stale=${3-60} instead=${4-}
have_folder "$STATE"
lock=$STATE/lock
exec 9>"$STATE/lock.guard"
flock -w 10 9 || die "lock: $lock.guard is held by another process for 10 s"

# Of a lock that is not there, nothing.
owner='' holder=''
[ ! -e "$lock" ] || { read -r owner; read -r holder; } <"$lock" || say "the lock is not whole: $owner" >&2
# Said outright: an age that cannot be told must end the script, not count as old.
age() {
  touched=$(stat -c %Y "$lock") || die "lock: the age of ${lock#"$ROOT"} cannot be told"
  echo $(($(date +%s) - touched))
}
put() {
  printf '%s\n%s\n' "$token" "$1" >"$lock.new"
  sync "$lock.new"
  mv -T "$lock.new" "$lock"
}

case $action in
  take)
    read -r line
    answer=taken
    if [ -s "$lock" ] && [ "$owner" != "$token" ]; then
      age=$(age)
      if [ "$age" -lt "$stale" ] && [ "$owner" != "$instead" ]; then say "held $age $holder"; exit 0; fi
      answer="taken-over $age $holder"
    fi
    put "$line"
    say "$answer" ;;
  renew)
    if [ "$owner" = "$token" ]; then touch "$lock"; say renewed; else say "lost $holder"; fi ;;
  release)
    [ "$owner" != "$token" ] || rm -f "$lock" ;;
  *) die "lock: $action is not known" ;;
esac
