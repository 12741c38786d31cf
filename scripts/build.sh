#!/bin/sh
# Builds into a folder, configuring it first where that has not been done.
#
#     sh scripts/build.sh FOLDER [meson options]
#
# Says one line when it is done; everything the compiler said is in FOLDER/build.log.
set -eu
cd "$(dirname "$0")/.."
folder=$1
shift
mkdir -p "$folder"
log=$folder/build.log

fail() {
    tail -n 40 "$log" >&2
    echo "build.sh: $1; the whole log is $log" >&2
    exit 1
}

start=$(date +%s)
[ -f "$folder/build.ninja" ] || echo "Building $folder: a few minutes; $log says how far it is"
: >"$log"
if [ ! -f "$folder/build.ninja" ]; then
    meson setup "$folder" "$@" >>"$log" 2>&1 || fail "configuring failed"
else
    meson configure "$folder" "$@" >>"$log" 2>&1 || fail "configuring failed"
fi
ninja -C "$folder" >>"$log" 2>&1 || fail "building failed"
echo "Built $folder in $(($(date +%s) - start)) s"
