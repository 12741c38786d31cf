#!/bin/sh
# Installs what is missing, builds, runs every test, and ends with one line that counts
# them: "N passed, N failed".
#
# Two builds: the optimised one runs all tests; one with AddressSanitizer and UBSan runs
# those that read files, which may hold anything.
set -eu
cd "$(dirname "$0")/.."

sh scripts/install.sh test
sh scripts/build.sh build-test -Dtests=enabled
sh scripts/build.sh build-sanitize -Dtests=enabled -Dbuildtype=debug -Doptimization=1 \
    -Db_sanitize=address,undefined -Db_lundef=false

passed=0 failed=0 skipped=0

# Runs tests of a build folder and adds up the cases in what meson writes about them.
run() {
    folder=$1
    shift
    results=$folder/meson-logs/testlog.junit.xml
    rm -f "$results"
    status=0
    rm -f "$folder"/sanitizer-report.*
    meson test -C "$folder" --no-rebuild --print-errorlogs "$@" || status=$?
    if [ ! -f "$results" ]; then
        failed=$((failed + 1))
        return
    fi
    # Each suite states its counts in its opening tag; there may be several to a line.
    counts=$(tr '>' '\n' <"$results" | awk '
        function number(name) {
            if (!match($0, " " name "=\"[0-9]+\""))
                return 0
            return substr($0, RSTART + length(name) + 3, RLENGTH - length(name) - 4) + 0
        }
        /<testsuite / {
            tests += number("tests")
            skipped += number("skipped")
            failed += number("failures") + number("errors")
        }
        END { print tests - failed - skipped, failed + 0, skipped + 0 }')
    # shellcheck disable=SC2086
    set -- $counts
    passed=$((passed + $1)) failed=$((failed + $2)) skipped=$((skipped + $3))
    # A program that died counts even when each case it reported was good.
    if [ "$status" -ne 0 ] && [ "$2" -eq 0 ]; then
        failed=$((failed + 1))
    fi
    # So does each process that a sanitizer found at fault: a leak fails no case by itself.
    for report in $(grep -l 'ERROR: \|runtime error: ' "$folder"/sanitizer-report.* 2>/dev/null); do
        cat "$report"
        failed=$((failed + 1))
    done
}

run build-test
UBSAN_OPTIONS=halt_on_error=1:print_stacktrace=1 run build-sanitize datasets cli viz viewer

line="$passed passed, $failed failed"
[ "$skipped" -eq 0 ] || line="$line, $skipped skipped"
echo "$line"
[ "$failed" -eq 0 ]
