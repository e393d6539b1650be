# Sourced by restart-apiserver.sh: new connections to this master's API server go to another master, and come back.
# Needs: own (this master's address), service (IP of the kubernetes Service), ports ("443 4443"), port (443); where the
# target is this master itself, second_port, on which a second kube-apiserver takes them (second.sh).

CHAIN=KEYROLL
port_at() { if [ "$1" = "$own" ]; then say "$second_port"; else say "$port"; fi; }
list() { printf '%s' "$1" | tr ' ' ','; }

# rules ADD|DELETE TARGET: the redirect as input of iptables-restore. The filter table comes first: a connection that is
# translated must not meet a FORWARD chain that drops it.
rules() {
  verb='-I'; place=' 1'
  [ "$1" = DELETE ] && { verb='-D'; place=''; }
  say '*filter'
  # What stays on this machine is neither forwarded nor needs another source.
  if [ "$2" != "$own" ]; then
    say "$verb FORWARD$place -p tcp -d $2 --dport $port -j ACCEPT"
    say "$verb FORWARD$place -p tcp -s $2 --sport $port -j ACCEPT"
  fi
  say 'COMMIT'
  say '*nat'
  [ "$1" = ADD ] && { say ":$CHAIN - [0:0]"; say "-A $CHAIN -p tcp -j DNAT --to-destination $2:$(port_at "$2")"; }
  say "$verb PREROUTING$place ! -i lo -p tcp -m multiport --dports $(list "$ports") -m addrtype --dst-type LOCAL -j $CHAIN"
  say "$verb PREROUTING$place -p tcp -d $service --dport 443 -j $CHAIN"
  say "$verb OUTPUT$place -p tcp -d $own -m multiport --dports $(list "$ports") -j $CHAIN"
  say "$verb OUTPUT$place -p tcp -d $service --dport 443 -j $CHAIN"
  [ "$2" = "$own" ] || say "$verb POSTROUTING$place -p tcp -d $2 --dport $port -m conntrack --ctstate DNAT -j MASQUERADE"
  [ "$1" = DELETE ] && { say "-F $CHAIN"; say "-X $CHAIN"; }
  say 'COMMIT'
}

# find_target [EXCEPT]: prints the first of `targets` (the other masters) that is `ready`, as who sources this says.
find_target() {
  for candidate in $targets; do
    [ "$candidate" = "${1-}" ] && continue
    if ready "$candidate"; then say "$candidate"; return 0; fi
  done
  return 1
}

# redirect_to TARGET: one transaction a table, so that no connection meets half of it. One that is there already, of a
# restart that did not end, is replaced.
redirect_to() {
  redirect_off
  printf '%s\n' "$1" >"$STATE/run/redirect"
  rules ADD "$1" | iptables-restore -w 5 -n
  forget_closed
}

# forget_closed: the kernel remembers a connection for 10 s whose server ended it by RST, as Go's does when a client's last
# bytes come late, and lets a new one from the same address and port go the same way, without looking at any redirect
# (Linux net/netfilter/nf_conntrack_proto_tcp.c: a SYN in state CLOSE is ignored unless the client sent the RST, or one
# of both a FIN before). Where no server listens any more that one is refused. Without the program nothing can be
# forgotten, and the window stays.
forget_closed() {
  command -v conntrack >/dev/null 2>&1 || return 0
  for _port in $ports; do
    # Exit code 1: there was nothing to forget.
    timeout 3 conntrack -D -p tcp --orig-port-dst "$_port" --state CLOSE >/dev/null 2>&1 || [ $? -eq 1 ] ||
      say "conntrack: ended connections to port $_port could not be forgotten"
  done
}

# redirect_off: may be called when there is none.
redirect_off() {
  [ -s "$STATE/run/redirect" ] || return 0
  _target=$(cat "$STATE/run/redirect")
  rules DELETE "$_target" | iptables-restore -w 5 -n || remove_one_by_one "$_target"
  rm -f "$STATE/run/redirect"
  forget_closed
}

# A rule that is missing makes the transaction fail as a whole; then each goes by itself.
remove_one_by_one() {
  rules DELETE "$1" | while read -r _word _rest; do
    case $_word in
      '*'*) _table=${_word#\*} ;;
      -*)
        # shellcheck disable=SC2086 # the words of our own rule
        iptables -w 5 -t "$_table" $_word $_rest || say "rule was not there: $_word $_rest" ;;
    esac
  done
}

# retarget FROM TO: the redirect goes to another master, in one transaction a table.
retarget() {
  printf '%s\n' "$2" >"$STATE/run/redirect"
  {
    say '*filter'
    say "-I FORWARD 1 -p tcp -d $2 --dport $port -j ACCEPT"
    say "-I FORWARD 1 -p tcp -s $2 --sport $port -j ACCEPT"
    say "-D FORWARD -p tcp -d $1 --dport $port -j ACCEPT"
    say "-D FORWARD -p tcp -s $1 --sport $port -j ACCEPT"
    say 'COMMIT'
    say '*nat'
    say "-F $CHAIN"
    say "-A $CHAIN -p tcp -j DNAT --to-destination $2:$port"
    say "-I POSTROUTING 1 -p tcp -d $2 --dport $port -m conntrack --ctstate DNAT -j MASQUERADE"
    say "-D POSTROUTING -p tcp -d $1 --dport $port -m conntrack --ctstate DNAT -j MASQUERADE"
    say 'COMMIT'
  } | iptables-restore -w 5 -n
}

hold_rule() { iptables -w 5 "$1" INPUT -p tcp --dport "$port" -m addrtype --dst-type LOCAL ! -d 127.0.0.0/8 -j DROP; }
# hold: what still arrives on kept connections is dropped, and sent again by TCP a moment later.
# The mark comes first: a rule that nobody knows of would stay.
hold() { : >"$STATE/run/hold"; hold_rule -I; }
hold_off() {
  [ -e "$STATE/run/hold" ] || return 0
  without_rule hold_rule || return 0
  rm -f "$STATE/run/hold"
}
