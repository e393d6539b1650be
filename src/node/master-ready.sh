# shellcheck shell=sh
# Sourced: which masters answer, and a redirect that follows. Needs redirect.sh, and: port, targets, certificate, key.

ready() { [ "$(curl -s -k -m 2 --cert "$ROOT$certificate" --key "$ROOT$key" "https://$1:$port/readyz" 2>/dev/null)" = ok ]; }
ready_locally() { ready 127.0.0.1; }

# follow_target: the redirect goes to another master when its own has stopped answering (three looks in a row).
misses=0
follow_target() {
  [ -s "$STATE/run/redirect" ] || return 0
  current=$(cat "$STATE/run/redirect")
  if ready "$current"; then misses=0; return 0; fi
  misses=$((misses + 1))
  [ "$misses" -ge 3 ] || return 0
  misses=0
  other=$(find_target "$current") || return 0
  say "$current stopped answering: new connections go to $other"
  # Rules that could not be changed still lead to the first one: it is tried again at the next looks.
  retarget "$current" "$other" || say "$current" >"$STATE/run/redirect"
}

# ready_with ARGUMENTS: kube-apiserver answers here and was started with every argument of the list (one a line).
ready_with() { ready_locally && started_with kube-apiserver "$1"; }
