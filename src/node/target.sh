# shellcheck shell=sh
# Sourced: which masters answer, and the wait for this one during which a redirect follows the one that does. Needs
# redirect.sh, second.sh, and: own, port, targets (the other masters; may be empty).

ready() { says_ok "$1" "$(port_at "$1")"; }
ready_locally() { says_ok 127.0.0.1 "$port"; }

# keep_target: a redirect does not point at a dead master (three looks in a row); with no healthy one it goes.
misses=0
keep_target() {
  [ -s "$STATE/run/redirect" ] || return 0
  current=$(cat "$STATE/run/redirect")
  if ready "$current"; then misses=0; return 0; fi
  misses=$((misses + 1))
  [ "$misses" -ge 3 ] || return 0
  if other=$(find_target "$current"); then
    say "$current stopped answering: new connections go to $other"
    # Rules that could not be changed still lead to the first one: it is tried again at the next look.
    if retarget "$current" "$other"; then misses=0; else say "$current" >"$STATE/run/redirect"; fi
  elif [ "$current" = "$own" ]; then
    # The second kube-apiserver here is busy: nobody else could take the connections.
    misses=0
  else
    say "no other master answers: the redirect is gone"
    redirect_off
  fi
}

# await_back SECONDS COMMAND…: until the command succeeds; fails after SECONDS. Each look is a handshake with a server that
# is busy starting; the one that takes the connections is looked at less, and what ended meanwhile is forgotten as often.
await_back() {
  until_ms=$(( $(now_ms) + $1 * 1000 )); checked=0; shift
  until "$@"; do
    [ "$(now_ms)" -lt "$until_ms" ] || return 1
    sleep 0.4
    checked=$((checked + 1)); [ $((checked % 3)) -eq 0 ] || continue
    keep_target
    forget_closed
  done
}
