#!/bin/sh
# Says within a second, before anything is installed, whether this machine can run the lab and exactly what is missing.
# Needs nothing but what every Debian has, changes nothing, and may be run as anybody.
# Exit code: 0 it can, 3 it cannot (any other: this script is broken).
# preflight.ts judges the same again, once Node's packages are there, as the lab itself does.
set -u

# A test holds this list against the one that the lab installs from.
packages='systemd-container debootstrap haproxy iptables iproute2 openssl openssh-client curl util-linux procps jq
ca-certificates debian-archive-keyring xz-utils patch'
kernel_settings='OVERLAY_FS BRIDGE VETH NET_NS NF_NAT NETFILTER_XT_TARGET_MASQUERADE NETFILTER_XT_TARGET_REDIRECT
NETFILTER_XT_MATCH_CONNTRACK NETFILTER_XT_MATCH_STATISTIC NETFILTER_XT_MATCH_COMMENT'
cold_kib=5859375 # 6 GB: sources, Go's build cache, packages, root file system
warm_kib=1953125 # 2 GB: what the nodes themselves write
memory_kib=7864320 # 7.5 GiB: five nodes take 2 GB, linking Kubernetes 3 GB
cache=${KEYROLL_LAB_CACHE:-${HOME:-/root}/.cache/keyroll-lab}
failures=0

# $1 check, $2 what was found
good() {
  printf '  ✓ %-15s %s\n' "$1" "$2"
}

# $1 check, $2 what was found, $3 what was expected, $4 what to do
bad() {
  printf '  ✗ %-15s %s\n      expected: %s\n      to do:    %s\n' "$1" "$2" "$3" "$4"
  failures=$((failures + 1))
}

has() {
  command -v "$1" >/dev/null 2>&1
}

check_root() {
  uid=$(id -u)
  if [ "$uid" -eq 0 ]; then
    good root 'user id 0'
  else
    bad root "user id $uid" 'user id 0' 'run the same command as root (sudo -E keeps the environment)'
  fi
}

check_system() {
  name=$(. /etc/os-release 2>/dev/null && printf '%s' "${PRETTY_NAME-}")
  family=$(. /etc/os-release 2>/dev/null && printf ' %s %s ' "${ID-}" "${ID_LIKE-}")
  found="${name:-$(uname -s)}, $(uname -m)"
  case $family in *' debian '*) debian=yes ;; *) debian=no ;; esac
  if [ "$debian" = yes ] && [ "$(uname -m)" = x86_64 ] && has apt-get; then
    good system "$found"
  else
    bad system "$found" 'Debian 12 or newer, or a derivative, on x86_64, with apt-get' \
      'use a Debian machine or a Debian virtual machine'
  fi
}

check_node() {
  version=$(node --version 2>/dev/null) || version=none
  major=${version#v}
  minor=${major#*.}
  major=${major%%.*}
  minor=${minor%%.*}
  if has npm && case $major in
    20) [ "$minor" -ge 20 ] ;;
    22) [ "$minor" -ge 12 ] ;;
    21 | 23 | *[!0-9]* | '') false ;;
    *) [ "$major" -ge 24 ] ;;
    esac then
    good 'Node and npm' "Node $version"
  else
    has npm && npm='with npm' || npm='no npm'
    bad 'Node and npm' "Node: $version, $npm" 'Node ^20.20, ^22.12 or >=24, and npm' \
      'install Node with npm, and put both on the PATH'
  fi
}

check_nspawn() {
  if has systemd-nspawn; then
    good systemd-nspawn "$(command -v systemd-nspawn)"
  elif has apt-get; then
    good systemd-nspawn 'comes with the package systemd-container'
  else
    bad systemd-nspawn 'not installed, and no apt-get to install it' 'systemd-nspawn' 'install systemd-container'
  fi
}

check_packages() {
  if ! has dpkg-query; then
    bad packages 'no dpkg-query' 'apt-get and dpkg, to install what is missing' 'use a Debian machine'
    return
  fi
  # Word splitting is meant: one name, one argument. Unknown names make dpkg-query fail, which is the answer.
  installed=$(dpkg-query -W -f '${Package} ${db:Status-Status}\n' $packages 2>/dev/null)
  missing=
  for package in $packages; do
    printf '%s\n' "$installed" | grep -qx "$package installed" || missing="$missing $package"
  done
  if [ -z "$missing" ]; then
    good packages 'all installed'
  else
    good packages "will be installed with apt-get:$missing"
  fi
}

# The first archive of a whole Debian release in apt's own configuration.
mirror() {
  if [ -n "${KEYROLL_LAB_MIRROR-}" ]; then
    printf '%s\n' "$KEYROLL_LAB_MIRROR"
    return
  fi
  apt-get update --print-uris 2>/dev/null |
    sed -nE "s#^'([^']+)/dists/(stable|oldstable|testing|unstable|sid|bullseye|bookworm|trixie|forky|duke)/InRelease'.*#\1#p" |
    head -n 1
}

check_mirror() {
  found=$(mirror)
  if [ -n "$found" ]; then
    good 'Debian mirror' "$found"
  else
    bad 'Debian mirror' "none in apt's configuration" 'a Debian archive that carries bookworm and bullseye' \
      'add one to /etc/apt/sources.list, or set KEYROLL_LAB_MIRROR to its address'
  fi
}

# $1 a folder that may not be there yet
nearest() {
  folder=$1
  while [ ! -e "$folder" ]; do folder=$(dirname "$folder"); done
  printf '%s\n' "$folder"
}

is_warm() {
  for asset in kubernetes rootfs images; do
    set -- "$cache/$asset-"*
    [ -e "$1" ] || return 1
  done
}

# $1 check, $2 folder, $3 what to do
check_disk() {
  if is_warm; then needed=$warm_kib; else needed=$cold_kib; fi
  free=$(df -Pk "$(nearest "$2")" | awk 'NR == 2 { print $4 }')
  found="$(gigabytes "$free") free for $2"
  if [ "$free" -ge "$needed" ]; then
    good "$1" "$found"
  else
    bad "$1" "$found" "$(gigabytes "$needed") or more" "$3"
  fi
}

# $1 KiB
gigabytes() {
  awk -v kib="$1" 'BEGIN { printf "%.1f GB", kib * 1024 / 1e9 }'
}

check_memory() {
  total=$(awk '/^MemTotal:/ { print $2 }' /proc/meminfo)
  if [ "$total" -ge "$memory_kib" ]; then
    good memory "$(gigabytes "$total")"
  else
    bad memory "$(gigabytes "$total")" "$(gigabytes "$memory_kib") or more" 'use a machine with more memory'
  fi
}

kernel_config() {
  if [ -r /proc/config.gz ]; then
    gzip -dc </proc/config.gz
  elif [ -r "/boot/config-$(uname -r)" ]; then
    cat "/boot/config-$(uname -r)"
  fi
}

check_kernel() {
  if [ -d "/lib/modules/$(uname -r)" ]; then values='[ym]'; else values='y'; fi
  config=$(kernel_config)
  if [ -z "$config" ]; then
    good kernel "Linux $(uname -r), which does not show its build configuration"
    return
  fi
  usable=$(printf '%s\n' "$config" | sed -n "s/^CONFIG_\([A-Z0-9_]*\)=$values\$/ \1 /p" | tr -d '\n')
  lacking=
  for setting in $kernel_settings; do
    case $usable in *" $setting "*) ;; *) lacking="$lacking CONFIG_$setting" ;; esac
  done
  if [ -z "$lacking" ]; then
    good kernel "Linux $(uname -r) with overlayfs, bridge, veth, network namespaces, netfilter"
  else
    bad kernel "Linux $(uname -r) lacks$lacking" 'overlayfs, bridge, veth, network namespaces, netfilter' \
      "use a kernel that has them (Debian's own does), with its modules in /lib/modules"
  fi
}

check_namespaces() {
  if refused=$(unshare --net --mount --pid --fork true 2>&1); then
    good namespaces 'network, mount and process namespaces can be made'
  else
    bad namespaces "$refused" 'network, mount and process namespaces' \
      'run as root, outside any container that forbids namespaces'
  fi
}

check_cgroups() {
  if [ -r /sys/fs/cgroup/cgroup.controllers ]; then
    version=2
    present=" $(cat /sys/fs/cgroup/cgroup.controllers) "
  else
    version=1
    present=" $(awk '$3 == "cgroup" { print $4 }' /proc/mounts | tr ',\n' '  ') "
  fi
  lacking=
  for controller in cpu memory pids; do
    case $present in *" $controller "*) ;; *) lacking="$lacking $controller" ;; esac
  done
  if [ -z "$lacking" ]; then
    good cgroups "version $version with cpu, memory, pids"
  else
    bad cgroups "version $version without$lacking" 'version 1 or 2 with cpu, memory, pids' \
      'mount the controllers below /sys/fs/cgroup, or boot with them enabled (cgroup_enable=memory)'
  fi
}

echo 'Can this machine run the lab?'
check_root
check_system
check_node
check_mirror
check_packages
check_nspawn
check_disk 'disk, cache' "$cache" 'free space there, or set KEYROLL_LAB_CACHE to a folder on another disk'
check_disk 'disk, nodes' /var/lib 'free space there'
check_memory
check_kernel
check_namespaces
check_cgroups
[ "$failures" -eq 0 ] && exit 0
echo "This machine cannot run the lab: $failures of the checks above failed."
exit 3
