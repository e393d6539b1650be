#!/bin/sh
# front-proxy CERTIFICATE KEY URL
# Asks the API server as a front proxy would, for a user without rights; prints the HTTP status (401: not accepted).
set -eu
. "${0%/*}/common.sh"
curl -s -k -m 10 -o /dev/null -w '%{http_code}\n' --cert "$ROOT$1" --key "$ROOT$2" -H 'X-Remote-User: keyroll-proof' "$3"
