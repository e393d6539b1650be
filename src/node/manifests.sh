# shellcheck shell=sh
# Sourced by restart-apiserver.sh and swap-pod.sh: one manifest of a static pod leaves, another one comes.
# Needs: step (its folder, with `manifest` and `files`), old (names that leave), new (the name that comes), mode, owner,
# rotation. A swap that has begun is written down, and complete.sh ends it after a crash.
manifests=$ROOT/etc/kubernetes/manifests
record=$STATE/pending/swap-${step##*/}

# swapped: the new manifest is there and alone.
swapped() {
  for _name in $old; do [ ! -e "$manifests/$_name" ] || return 1; done
  cmp -s "$step/manifest" "$manifests/$new"
}

# prepare: what a swap will need to be completed is on the disk before it begins.
prepare() {
  have_folder "$STATE/pending"
  { echo swap; say "$step"; say "$rotation"; say "$new"; say "$mode $owner"; say "$old"; } >"$step/record"
  sync "$step/record"
}

# leave: every manifest of this pod leaves the folder, the new one too where it came before: kubelet forgets a pod at
# once only when its file goes. Quick, since requests are held meanwhile.
leave() {
  mv -T "$step/record" "$record"
  for _name in $old $new; do
    [ ! -e "$manifests/$_name" ] || mv -T "$manifests/$_name" "$step/left-$_name"
  done
}

# put_back: while no manifest is there, the last one that left comes back, and the swap counts as not begun.
put_back() {
  for _name in $new $old; do [ ! -e "$manifests/$_name" ] || return 0; done
  for _name in $old $new; do
    [ -e "$step/left-$_name" ] || continue
    mv -T "$step/left-$_name" "$manifests/$_name"
    rm -f "$record"
    return 0
  done
}

# come: files change and the new manifest comes, by a rename.
come() { sh "${0%/*}/complete.sh" "$record"; }
