# shellcheck shell=sh
# Sourced by the scripts of a master's reboot: what they were asked for lies in the step's folder, since the second half
# runs after the boot. `settings` has one KEY=VALUE a line, `arguments` what the new kube-apiserver must have been started
# with, one a line.

keep_settings() { # STEP KEY=VALUE…
  _step=$1; shift
  : >"$_step/settings"
  for _pair in "$@"; do
    case ${_pair%%=*} in
      own|service|port|ports|targets|patience|old|new|watchdogs|endpoints|certificate|key|ca|etcd_certificate|etcd_key|rotation|probe)
        printf '%s\n' "$_pair" >>"$_step/settings" ;;
      arguments) printf '%s\n' "${_pair#*=}" >"$_step/arguments" ;;
      mode|owner|etcd) ;;
      *) die "reboot: unknown setting ${_pair%%=*}" ;;
    esac
  done
}

load_settings() { # STEP
  while IFS= read -r _line; do
    # shellcheck disable=SC2163 # assigns by name; keep_settings wrote only names of its list
    export "$_line"
  done <"$1/settings"
}
