# Shared by the scripts in this folder; sourced, never run.
# ROOT goes before every path of the node: empty on a real node, a folder where the scripts are tried without one.
ROOT=${KEYROLL_ROOT-}
# shellcheck disable=SC2034 # used by the scripts that source this
STATE=$ROOT/var/lib/keyroll

say() { printf '%s\n' "$*"; }
die() { record "error: $*"; printf '%s\n' "$*" >&2; exit 1; }

# have_folder PATH: makes it where it is not there; looks by the shell alone.
have_folder() { [ -d "$1" ] || mkdir -p "$1"; }

# record LINE…: lines in the log where operators of AKS Engine look for what a rotation did; never a secret. A log that
# cannot be written must not stop half a restart, so that is only said.
record() {
  have_folder "$ROOT/var/log/azure" && _now=$(date -u +%Y-%m-%dT%H:%M:%SZ) &&
    for _line in "$@"; do printf '%s %s: %s\n' "$_now" "${0##*/}" "$_line"; done >>"$ROOT/var/log/azure/rotate-certs.log" ||
    printf 'rotate-certs.log cannot be written\n' >&2
}

# say_if_full: whether writing failed for want of room, where a shell says no more than "I/O error".
say_if_full() {
  df -P -k "$STATE" | sed 1d | { read -r _ _ _ _free _; [ "$_free" -ge 64 ] ||
    printf '%s: %s KB are free; make room there, then run the same command again\n' "$STATE" "$_free" >&2; }
}

# now_ms: the node's clock in ms since the epoch.
now_ms() { date +%s%3N; }

# wait_for SECONDS COMMAND…: runs the command every 0.1 s until it succeeds; fails after SECONDS. The clock is a program
# too, and is asked after the first look and then at each third one.
wait_for() {
  _seconds=$1; shift
  "$@" && return 0
  _until=$(( $(now_ms) + _seconds * 1000 )); _looks=0
  sleep 0.1
  until "$@"; do
    _looks=$((_looks + 1))
    [ $((_looks % 3)) -ne 0 ] || [ "$(now_ms)" -lt "$_until" ] || return 1
    sleep 0.1
  done
}

# without_rule RULE: takes a rule out of the packet filter, however often it is there; RULE is a command that is given -C or
# -D. Exit code 1 says that there is none; any other (4: the filter's lock was not had) says nothing, and it is asked again.
# Fails when the filter stays silent.
without_rule() {
  _tries=0
  while [ "$_tries" -lt 12 ]; do
    _code=0
    "$1" -C 2>/dev/null || _code=$?
    case $_code in
      0) "$1" -D || _tries=$((_tries + 1)) ;;
      1) return 0 ;;
      *) _tries=$((_tries + 1)) ;;
    esac
  done
  say "the packet filter does not answer (exit code $_code); a rule may still be there"
  return 1
}

# pids_of NAME: processes whose program is called NAME, whatever container they run in.
pids_of() { pgrep -f "^([^ ]*/)?$1( |\$)" || [ $? -eq 1 ]; }

# unit_runs NAME: the unit is at work, its ExecStopPost included.
unit_runs() { case $(systemctl is-active "$1") in active|activating|reloading|deactivating) ;; *) return 1 ;; esac; }

# started_at PID: s since the epoch, from the kernel's word on the process (the date of its folder says something else);
# 0 when it is gone.
started_at() {
  _stat=$(cat "$ROOT/proc/$1/stat" 2>/dev/null) || { echo 0; return; }
  # Behind the name in parentheses, which may hold anything.
  # shellcheck disable=SC2086 # its fields
  set -- ${_stat##*) }
  # Linux counts in hundredths of a second towards programs, whatever its own clock (fs/proc/array.c, USER_HZ).
  echo $(( $(sed -n '/^btime /{s///p;q}' "$ROOT/proc/stat") + ${20} / 100 ))
}

# read_arguments PID: what the process was started with, one argument a line, in _arguments; no line when it is gone.
read_arguments() { _arguments="
$(tr '\0' '\n' 2>/dev/null <"$ROOT/proc/$1/cmdline")
"; }

# among_arguments ARGUMENT: it is one of those that were read. By the shell alone: this is asked for every argument of a
# server, several times a second while it starts.
among_arguments() {
  case $_arguments in *"
$1
"*) ;; *) return 1 ;; esac
}

# has_argument PID ARGUMENT: the process was started with exactly this argument.
has_argument() { read_arguments "$1" 2>/dev/null && among_arguments "$2"; }

# started_with NAME ARGUMENTS: one process NAME runs and it has every argument of the list (one a line).
started_with() { is_one_with "$(pids_of "$1")" "$2"; }

# is_one_with PIDS ARGUMENTS: this is one process and it has every argument of the list (one a line).
is_one_with() {
  _pid=$1
  case $_pid in ''|*[!0-9]*) return 1 ;; esac
  read_arguments "$_pid" 2>/dev/null || return 1
  printf '%s\n' "$2" | while IFS= read -r _argument; do
    [ -z "$_argument" ] || among_arguments "$_argument" || exit 1
  done
}
