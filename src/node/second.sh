# shellcheck shell=sh
# Sourced: where a cluster has one master, a second kube-apiserver runs beside the first while that restarts, and takes
# its connections (redirect.sh). Needs: second_port (empty: there is no second one), certificate, key; to start one also
# new (name of the manifest whose restart it is for), mode, owner.
second_folder=$ROOT/etc/kubernetes/manifests
second_argument=--secure-port=$second_port
# What it needs, MB: measured 400.
second_memory=600

# The processes of the first, and of the second: told apart by their port.
first_pids() { for _pid in $(pids_of kube-apiserver); do has_argument "$_pid" "$second_argument" || say "$_pid"; done; }
second_pids() { for _pid in $(pids_of kube-apiserver); do if has_argument "$_pid" "$second_argument"; then say "$_pid"; fi; done; }
second_signal() { for _pid in $(second_pids); do kill "-$1" "$_pid" 2>/dev/null || say "process $_pid was gone"; done; }
second_gone() { second_signal KILL; [ -z "$(second_pids)" ]; }
second_there() {
  for _file in "$second_folder"/second-kube-apiserver*.yaml; do [ ! -e "$_file" ] || return 0; done
  [ -n "$second_port" ] && [ -n "$(second_pids)" ]
}

says_ok() { [ "$(curl -s -k -m 2 --cert "$ROOT$certificate" --key "$ROOT$key" "https://$1:$2/readyz" 2>/dev/null)" = ok ]; }

# second_possible: there is memory for it, and its port is free; else says why not.
second_possible() {
  _free=$(sed -n 's/^MemAvailable: *\([0-9]*\) kB$/\1/p' "$ROOT/proc/meminfo" 2>/dev/null) || _free=
  if [ -n "$_free" ] && [ $((_free / 1024)) -lt "$second_memory" ]; then
    say "no second kube-apiserver: $((_free / 1024)) MB are free, expected $second_memory"; return 1
  fi
  _code=0
  curl -s -k -m 2 -o /dev/null "https://127.0.0.1:$second_port/" || _code=$?
  [ "$_code" -eq 7 ] || { say "no second kube-apiserver: port $second_port is taken"; return 1; }
}

# second_on STEP: starts the one whose manifest is STEP/second; fails, and leaves none, when it is not ready in 120 s. One
# that serves already was left by a restart that did not end, and nobody else may: it stays.
second_on() {
  if second_there && wait_for 6 says_ok 127.0.0.1 "$second_port"; then return 0; fi
  second_end
  second_possible || return 1
  cp "$1/second" "$second_folder/.keyroll-second"
  [ -n "$ROOT" ] || chown "$owner" "$second_folder/.keyroll-second"
  chmod "$mode" "$second_folder/.keyroll-second"
  mv -T "$second_folder/.keyroll-second" "$second_folder/second-$new"
  wait_for 120 says_ok 127.0.0.1 "$second_port" && return 0
  say "the second kube-apiserver is not ready after 120 s"
  second_end
  return 1
}

second_rule() { iptables -w 5 "$1" INPUT -p tcp --dport "$second_port" -m addrtype --dst-type LOCAL ! -d 127.0.0.0/8 -j DROP; }
# The mark comes first: a rule that nobody knows of would stay.
second_hold() { : >"$STATE/run/second-hold"; second_rule -I; }
second_hold_off() {
  [ -e "$STATE/run/second-hold" ] || return 0
  without_rule second_rule || return 0
  rm -f "$STATE/run/second-hold"
}

# second_end: drained as the first one was; may be called when there is none. Needs redirect.sh.
second_end() {
  second_there || return 0
  second_hold
  sleep 0.4
  second_signal TERM
  sleep 0.8
  rm -f "$second_folder"/second-kube-apiserver*.yaml
  wait_for 10 second_gone || say "the second kube-apiserver did not end after SIGKILL"
  forget_closed
  second_hold_off
}
