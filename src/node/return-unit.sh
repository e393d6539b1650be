#!/bin/sh
# return-unit on|off STEP
# The unit that brings a rebooted master back: before kubelet starts, the redirect and the refused probe are there again.
set -eu
. "${0%/*}/common.sh"
name=keyroll-return.service
unit=$ROOT/etc/systemd/system/$name
case $1 in
  on)
    work=$(mktemp "$ROOT/etc/systemd/system/.keyroll-XXXXXX")
    cat >"$work" <<EOF
[Unit]
Description=keyroll: bring this master back into service after its reboot
After=keyroll-boot.service
Before=kubelet.service
RequiresMountsFor=/var/lib/keyroll /etc/kubernetes
[Service]
Type=simple
ExecStartPre=/bin/sh ${0%/*}/return-master.sh close $2
ExecStart=/bin/sh ${0%/*}/return-master.sh open $2
ExecStopPost=/bin/sh ${0%/*}/return-master.sh settle $2
[Install]
WantedBy=multi-user.target
EOF
    chmod 644 "$work"
    sync "$work"
    mv -T "$work" "$unit"
    systemctl enable -q "$name"
    sync "$ROOT/etc/systemd/system" ;;
  off)
    [ -e "$unit" ] || exit 0
    systemctl disable -q "$name"
    rm -f "$unit"
    systemctl daemon-reload ;;
  *) die "return-unit: $1 is not known" ;;
esac
