#!/bin/sh
# etcd-snapshot ROTATION PORT CA CERTIFICATE KEY
# A snapshot of the etcd member on this node, once for each rotation, readable by root alone; prints `PATH BYTES bytes`.
set -eu
. "${0%/*}/common.sh"
umask 077
file=$STATE/etcd-snapshots/$1.db
mkdir -p "${file%/*}"
if [ ! -e "$file" ]; then
  rm -f "$file.part"
  ETCDCTL_API=3 etcdctl --dial-timeout=3s --command-timeout=240s --endpoints="https://127.0.0.1:$2" \
    --cacert="$ROOT$3" --cert="$ROOT$4" --key="$ROOT$5" snapshot save "$file.part" >&2
  chmod 600 "$file.part"
  sync "$file.part"
  mv -T "$file.part" "$file"
fi
say "${file#"$ROOT"} $(stat -c %s "$file") bytes"
