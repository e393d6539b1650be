#!/bin/sh
# inspect KIND:PATH…
# Says what is on this node, one fact a line, for keyroll to read. Of a key only the SHA-256 of its public half is told
# (a file that is asked for by name, like the admin's kubeconfig, is told whole).
#   file:PATH    file PATH MODE OWNER:GROUP BASE64         (or: absent PATH)
#   key:PATH     key PATH MODE OWNER:GROUP FINGERPRINT
#   folder:PATH  file lines for each plain file in it whose name does not begin with a dot
#   unit:NAME    unit NAME ACTIVE FILE-STATE
#   program:NAME process NAME PID STARTED(s) BASE64(arguments, one a line)
#   clock:       clock MS        boot:  boot ID
set -u
. "${0%/*}/common.sh"
about() { stat -L -c '%a %U:%G' "$ROOT$1"; }
tell_file() {
  [ -f "$ROOT$1" ] || { say "absent $1"; return; }
  say "file $1 $(about "$1") $(base64 -w0 <"$ROOT$1")"
}
tell_key() {
  [ -f "$ROOT$1" ] || { say "absent $1"; return; }
  print=$(openssl pkey -in "$ROOT$1" -pubout -outform DER 2>/dev/null | sha256sum | cut -d' ' -f1)
  say "key $1 $(about "$1") $print"
}
for want in "$@"; do
  what=${want#*:}
  case ${want%%:*} in
    file) tell_file "$what" ;;
    key) tell_key "$what" ;;
    folder) for path in "$ROOT$what"/*; do [ -f "$path" ] && tell_file "${path#"$ROOT"}"; done ;;
    unit) say "unit $what $(systemctl is-active "$what") $(systemctl is-enabled "$what" 2>/dev/null || echo none)" ;;
    program)
      for pid in $(pids_of "$what"); do
        say "process $what $pid $(started_at "$pid") $(tr '\0' '\n' <"$ROOT/proc/$pid/cmdline" | base64 -w0)"
      done ;;
    clock) say "clock $(now_ms)" ;;
    boot) say "boot $(cat "$ROOT/proc/sys/kernel/random/boot_id")" ;;
    *) die "inspect: $want is not known" ;;
  esac
done
exit 0
