#!/bin/sh
# inspect KIND:PATH…
# Says what is on this node, one fact a line, for keyroll to read. Of a key only its public half is told
# (a file that is asked for by name, like the admin's kubeconfig, is told whole).
#   file:PATH    file PATH MODE OWNER:GROUP BASE64         (or: absent PATH)
#   key:PATH     key PATH MODE OWNER:GROUP BASE64(DER of SubjectPublicKeyInfo)
#   folder:PATH  file lines for each plain file in it whose name does not begin with a dot
#   unit:NAME    unit NAME ACTIVE FILE-STATE
#   program:NAME process NAME PID STARTED(s) BASE64(arguments, one a line)
#   clock:       clock MS        boot:  boot ID
set -u
. "${0%/*}/common.sh"
# One program for all files, since each start of one is felt on a node that is looked at again and again.
about() { [ $# -eq 0 ] || stat -L -c '%a %U:%G %n' "$@"; }
# is_there PATH: else says that it is not.
is_there() { [ -f "$ROOT$1" ] || { say "absent $1"; return 1; }; }
tell_files() {
  for want in "$@"; do
    shift; what=${want#*:}
    case ${want%%:*} in
      file) is_there "$what" && set -- "$@" "$ROOT$what" ;;
      folder) for path in "$ROOT$what"/*; do [ -f "$path" ] && set -- "$@" "$path"; done ;;
    esac
  done
  about "$@" | while read -r mode owner path; do
    say "file ${path#"$ROOT"} $mode $owner $(base64 -w0 <"$path")"
  done
}
tell_keys() {
  for want in "$@"; do
    shift; what=${want#*:}
    case ${want%%:*} in key) is_there "$what" && set -- "$@" "$ROOT$what" ;; esac
  done
  about "$@" | while read -r mode owner path; do
    # Of a file that holds no key, nothing.
    public=$(openssl pkey -in "$path" -pubout 2>/dev/null </dev/null) || public=
    public=${public#*KEY-----}
    printf 'key %s %s %s ' "${path#"$ROOT"}" "$mode" "$owner"
    # shellcheck disable=SC2086 # its lines, one behind the other
    printf '%s' ${public%-----END*}
    echo
  done
}
tell_files "$@"
tell_keys "$@"
for want in "$@"; do
  what=${want#*:}
  case ${want%%:*} in
    file|key|folder) ;;
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
