#!/bin/sh
# refresh-kubelet ROTATION CA WATCHDOG…
# Standard input: the node's new files (install-files.sh). Installs them, lets kubelet ask for a new client certificate
# and restarts it once; containers keep running. Ends when the certificate is there and the new CA signed it.
# The old client certificates are kept in the backup.
set -eu
. "${0%/*}/common.sh"
umask 077
rotation=$1 ca=$2; shift 2
pki=$ROOT/var/lib/kubelet/pki
current=$pki/kubelet-client-current.pem
kept=$STATE/backup/$rotation/var/lib/kubelet/pki

sh "${0%/*}/install-files.sh" "$rotation"
signed() { [ -e "$current" ] && openssl verify -CAfile "$ROOT$ca" "$current" >/dev/null 2>&1; }
healthy() { [ "$(curl -s -m 2 http://127.0.0.1:10248/healthz 2>/dev/null)" = ok ]; }
started_before() { # the kubelet that runs now is the one from before the files changed
  [ "$(systemctl show -p MainPID --value kubelet)" = "$before" ]
}
if signed && [ -e "$STATE/backup/$rotation/kubelet-restarted" ]; then say "already there"; exit 0; fi

start_again() {
  # shellcheck disable=SC2086 # a list of unit names
  [ -z "$stopped" ] || systemctl start $stopped
}
stopped=
trap start_again EXIT
trap 'exit 143' HUP INT TERM
for unit in "$@"; do
  if systemctl is-active -q "$unit"; then stopped="$stopped $unit"; systemctl stop "$unit"; fi
done
# A CA that stays has signed the old one too: then it is moved away once.
if ! signed || [ ! -e "$kept" ]; then
  mkdir -p "$kept"
  for old in "$pki"/kubelet-client-*.pem; do
    [ -L "$old" ] || [ -e "$old" ] || continue
    mv "$old" "$kept/"
  done
fi
before=$(systemctl show -p MainPID --value kubelet)
systemctl restart kubelet
started_before && die "kubelet has the same process as before its restart"
wait_for 90 healthy || die "kubelet is not healthy 90 s after its restart"
wait_for 120 signed || die "kubelet has no client certificate of the new CA 120 s after its restart"
: >"$STATE/backup/$rotation/kubelet-restarted"
record "kubelet restarted; its client certificate is of the new CA"
say "kubelet restarted"
