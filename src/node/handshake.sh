#!/bin/sh
# handshake HOST:PORT…
# What each server shows in a TLS handshake: its chain and the names of the CAs whose clients it accepts. That is the
# running process's memory, not its files.
set -u
for target in "$@"; do
  echo "== $target"
  timeout 8 openssl s_client -connect "$target" -showcerts -nameopt RFC2253,sep_comma_plus,esc_ctrl </dev/null 2>&1 |
    sed -n '/^-----BEGIN/,/^-----END/p; /^Acceptable client/,/^\(Client Certificate Types\|Requested Signature\|---\)/p; /:error:/p; /connect:errno/p'
done
