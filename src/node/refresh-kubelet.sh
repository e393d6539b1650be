#!/bin/sh
# refresh-kubelet ROTATION SIDE CA WATCHDOG…
# Standard input: the node's files of this SIDE, `new` or, on the way back, `old` (install-files.sh). Installs them, lets
# kubelet ask for a client certificate of that side and restarts it once; containers keep running. Ends when the
# certificate is there and CA signed it; the last line is `since SECONDS`, when the kubelet that runs was started, since
# the epoch. The old client certificates are kept in the backup, and are used again on the way back as long as they are
# valid.
set -eu
. "${0%/*}/common.sh"
umask 077
rotation=$1 side=$2 ca=$3; shift 3
pki=$ROOT/var/lib/kubelet/pki
current=$pki/kubelet-client-current.pem
backup=$STATE/backup/$rotation
kept=$backup/var/lib/kubelet/pki
case $side in
  new) aside=$kept done=$backup/kubelet-restarted ;;
  old) aside=$backup/new-side/kubelet-pki done=$backup/kubelet-back ;;
  *) die "refresh-kubelet: side $side is not known" ;;
esac

# A run that died may have left one of these at work, which stops and starts the same watchdogs.
mkdir -p "$STATE/run" "$backup"
exec 8>"$STATE/refresh.guard"
flock -w 240 8 || die "refresh-kubelet: another one has been at work for 240 s"
sh "${0%/*}/install-files.sh" "$rotation"
signed() { [ -e "$current" ] && openssl verify -CAfile "$ROOT$ca" "$current" >/dev/null 2>&1; }
healthy() { [ "$(curl -s -m 2 http://127.0.0.1:10248/healthz 2>/dev/null)" = ok ]; }
kubelet_pid() { systemctl show -p MainPID --value kubelet; }
started_before() { # the kubelet that runs now is the one from before the files changed
  [ "$(kubelet_pid)" = "$before" ]
}
say_since() { say "since $(started_at "$(kubelet_pid)")"; }
# What is stopped is written down first: a run that was killed leaves word of it to the next one.
watchdogs=$STATE/run/kubelet-watchdogs
start_again() {
  [ -s "$watchdogs" ] || return 0
  # shellcheck disable=SC2046 # a list of unit names
  systemctl start $(sort -u "$watchdogs") && rm -f "$watchdogs"
}
trap start_again EXIT
trap 'exit 143' HUP INT TERM
if signed && [ -e "$done" ]; then say "already there"; say_since; exit 0; fi

for unit in "$@"; do
  if systemctl is-active -q "$unit"; then say "$unit" >>"$watchdogs"; systemctl stop "$unit"; fi
done

# move_aside FOLDER: the client certificates that kubelet has now.
move_aside() {
  mkdir -p "$1"
  for old in "$pki"/kubelet-client-*.pem; do
    [ -L "$old" ] || [ -e "$old" ] || continue
    mv -f "$old" "$1/"
  done
}
# A CA that stays has signed the old one too: then it is moved away once. On the way back a node that was never refreshed
# keeps what it has.
if ! signed || { [ ! -e "$aside" ] && { [ "$side" = new ] || [ -d "$kept" ]; }; }; then
  move_aside "$aside"
  if [ "$side" = old ] && [ -d "$kept" ]; then
    cp -a "$kept"/kubelet-client-*.pem "$pki/"
    # Expired meanwhile: kubelet asks for another one.
    signed || move_aside "$aside"
  fi
fi
before=$(kubelet_pid)
systemctl restart kubelet
started_before && die "kubelet has the same process as before its restart"
wait_for 90 healthy || die "kubelet is not healthy 90 s after its restart"
wait_for 120 signed || die "kubelet has no client certificate of the $side CA 120 s after its restart"
: >"$done"
record "kubelet restarted; its client certificate is of the $side CA"
say "kubelet restarted"
say_since
