#!/bin/sh
# boot-unit on|off
# The unit that completes at boot what a crash of the whole node left half done (complete.sh), ordered before whatever
# reads certificates and manifests. It is there from before the first change until a rotation ends.
set -eu
. "${0%/*}/common.sh"
name=keyroll-boot.service
unit=$ROOT/etc/systemd/system/$name
case $1 in
  on)
    work=$(mktemp "$ROOT/etc/systemd/system/.keyroll-XXXXXX")
    cat >"$work" <<EOF
[Unit]
Description=keyroll: complete a change that a crash of this node cut off
Before=etcd.service kubelet.service
RequiresMountsFor=/var/lib/keyroll /etc/kubernetes
[Service]
Type=oneshot
ExecStart=/bin/sh ${0%/*}/complete.sh boot
[Install]
WantedBy=multi-user.target
EOF
    chmod 644 "$work"
    sync "$work"
    if cmp -s "$work" "$unit"; then rm -f "$work"; else mv -T "$work" "$unit"; fi
    systemctl enable -q "$name"
    sync "$ROOT/etc/systemd/system" ;;
  off)
    [ -e "$unit" ] || exit 0
    systemctl disable -q "$name"
    rm -f "$unit"
    systemctl daemon-reload ;;
  *) die "boot-unit: $1 is not known" ;;
esac
