#!/bin/sh
# install-files ROTATION
# Replaces files, each atomically. Standard input has one file a line: PATH MODE OWNER:GROUP CONTENT; no blank in the first
# three. CONTENT is what `printf %b` writes, or `@original`: what the file held before this rotation (a file that the
# rotation never replaced is left alone); `@original+CONTENT` appends to it.
# All contents are written first, into a folder beside each file; then all files of a folder get their names by one
# command, so that a certificate and its key are a pair but for an instant. What is still to be renamed is written down
# before: `complete.sh` does it after a crash. The content that a file had before this rotation is copied (not linked:
# inotify would lose sight of the file) into the backup, once. A file that already is as asked is left alone.
# A node's masters have other work: what is done for many files is done by one program for all of them.
set -eu
. "${0%/*}/common.sh"
umask 077
rotation=$1
have_folder "$STATE/pending"
exec 9>"$STATE/install.guard"
flock -w 50 9 || die "install-files: another one has been at work for 50 s"
for left in "$STATE"/pending/install-*; do [ ! -e "$left" ] || sh "${0%/*}/complete.sh" "$left"; done
# From here on names of files are never patterns.
set -f
work=$(mktemp -d "$STATE/.install-XXXXXX")
record='' stages=''
clean_up() {
  ended=$?
  # What was written down is completed later; what was not has changed nothing.
  [ -z "$record" ] || stages=
  # shellcheck disable=SC2086 # paths without blanks
  rm -rf "$work" $stages
  [ "$ended" -eq 0 ] || say_if_full
}
trap clean_up EXIT

# staged PATH: where its new content lies before it gets its name.
staged() { temporary=$ROOT${1%/*}/.keyroll-${work##*-}/${1##*/}; }

# make_stages LINE…: in each folder one that gathers its new files.
make_stages() {
  missing='' folders=''
  for line in "$@"; do
    path=${line%% *} folder=$ROOT${path%/*}
    case " $folders " in *" $folder "*) continue ;; esac
    folders="$folders $folder"
    [ -d "$folder" ] || missing="$missing $folder"
    stages="$stages $folder/.keyroll-${work##*-}"
  done
  # shellcheck disable=SC2086 # paths without blanks
  [ -z "$missing" ] || mkdir -p $missing
  # shellcheck disable=SC2086 # paths without blanks
  mkdir $stages
}

# original PATH APPEND: writes what the file held before this rotation into $temporary; fails when there is nothing to do.
original() {
  source=$STATE/backup/$rotation$1
  if [ ! -e "$source" ]; then
    [ -n "$2" ] && [ -e "$ROOT$1" ] || return 1
    source=$ROOT$1
  fi
  cat "$source" >"$temporary" || die "install-files: $1 could not be copied"
  [ -n "$2" ] || return 0
  # Nothing where the last line has an end.
  rest=$(tail -c 1 "$source") || die "install-files: the end of $1 could not be read"
  { [ -z "$rest" ] || echo; } >>"$temporary" && printf '%b' "$2" >>"$temporary" ||
    die "install-files: $1 could not be written"
}

# write_contents LINE…: notes in `wanted` PATH MODE OWNER of what is written; modes and owners each once.
write_contents() {
  wanted='' modes='' owners=''
  for line in "$@"; do
    path=${line%% *} rest=${line#* }
    mode=${rest%% *} rest=${rest#* }
    owner=${rest%% *} content=${rest#* }
    staged "$path"
    case $content in
      @original) original "$path" '' || continue ;;
      @original+*) original "$path" "${content#@original+}" || continue ;;
      *) printf '%b' "$content" >"$temporary" ;;
    esac
    wanted="$wanted $path $mode $owner"
    case " $modes " in *" $mode "*) ;; *) modes="$modes $mode" ;; esac
    case " $owners " in *" $owner "*) ;; *) owners="$owners $owner" ;; esac
  done
}

# for_all COMMAND VALUE: COMMAND (chmod, chown) for all new files of which this mode or owner is wanted.
for_all() {
  command=$1 value=$2 files=
  # shellcheck disable=SC2086 # words in threes
  set -- $wanted
  while [ $# -gt 0 ]; do
    staged "$1"
    case $value in "$2" | "$3") files="$files $temporary" ;; esac
    shift 3
  done
  # shellcheck disable=SC2086 # paths without blanks
  "$command" "$value" $files
}

# find_changes: in `changed` the paths that are not as wanted, in `same` new files that nobody needs.
find_changes() {
  pairs='' equal='' same='' changed='' paths=''
  # shellcheck disable=SC2086 # words in threes
  set -- $wanted
  while [ $# -gt 0 ]; do
    staged "$1"
    [ ! -e "$ROOT$1" ] || pairs="$pairs $temporary $ROOT$1"
    paths="$paths $1"
    shift 3
  done
  if [ -n "$pairs" ]; then
    # shellcheck disable=SC2086 # paths without blanks
    sums=$(sha256sum $pairs)
    # shellcheck disable=SC2086 # paths without blanks
    about=$(stat -c '%n %a %U:%G' $pairs)
    # shellcheck disable=SC2086 # of each file its sum and its name
    set -- $sums
    while [ $# -gt 0 ]; do
      [ "$1" != "$3" ] || equal="$equal $4"
      shift 4
    done
    # shellcheck disable=SC2086 # of each file three words
    set -- $about
    while [ $# -gt 0 ]; do
      case " $equal " in *" $4 "*) [ "$2 $3" != "$5 $6" ] || same="$same $1" ;; esac
      shift 6
    done
  fi
  for path in $paths; do
    staged "$path"
    case " $same " in *" $temporary "*) ;; *) changed="$changed $path" ;; esac
  done
}

# back_up PATH…: what is there for the first time in this rotation; appears whole or not at all.
back_up() {
  new='' old='' copies=''
  for path in "$@"; do
    staged "$path"
    new="$new $temporary"
    [ ! -e "$ROOT$path" ] || [ -e "$STATE/backup/$rotation$path" ] || old="$old ${path#/}" copies="$copies $work/backup$path"
  done
  if [ -n "$old" ]; then
    mkdir "$work/backup"
    # shellcheck disable=SC2086 # paths without blanks
    (cd "$ROOT/" && cp -p --parents -t "$work/backup" $old)
  fi
  # shellcheck disable=SC2086 # paths without blanks
  sync $new $copies
  if [ -n "$old" ]; then
    have_folder "$STATE/backup/$rotation"
    # shellcheck disable=SC2086 # paths without blanks
    (cd "$work/backup" && cp -p -l --parents -t "$STATE/backup/$rotation" $old)
  fi
}

input=$(cat)
IFS='
'
# shellcheck disable=SC2086 # one file a line
set -- $input
unset IFS
[ $# -gt 0 ] || exit 0
make_stages "$@"
write_contents "$@"
# What is written here begins with 600.
for mode in $modes; do [ "$mode" = 600 ] || for_all chmod "$mode"; done
for owner in $owners; do
  # Below another root an ordinary user may not give files away.
  for_all chown "$owner" 2>"$work/refused" || [ -n "$ROOT" ] || { cat "$work/refused" >&2; exit 1; }
done
find_changes
# shellcheck disable=SC2086 # paths without blanks
[ -z "$same" ] || rm -f $same
[ -n "$changed" ] || exit 0
# shellcheck disable=SC2086 # paths without blanks
back_up $changed
{ echo renames; for stage in $stages; do say "$stage ${stage%/*}"; done; } >"$work/record"
sync "$work/record"
record=$STATE/pending/${work##*/.}
mv -T "$work/record" "$record"
sync "$STATE/pending"
sh "${0%/*}/complete.sh" "$record"
for path in $changed; do say "$path"; done
record "replaced$changed"
