#!/bin/sh
# Runs one part of the tests and keeps its exit code for scripts/summary.mjs: part.sh NAME PROGRAM [ARGUMENT…]
set -u

name=$1
shift
mkdir -p out/tests
rm -f "out/tests/$name.exit" "out/tests/$name.json" "out/tests/$name.hooks.json"
export KEYROLL_TEST_PART="$name"
"$@"
code=$?
echo "$code" >"out/tests/$name.exit"
exit "$code"
