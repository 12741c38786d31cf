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
    meson test -C "$folder" --no-rebuild --print-errorlogs "$@" || status=$?
    # Criterion's own runner now and then loses its workers: no case failed, yet some never
    # ran. Such a run is made once more; a case that failed stays failed.
    if [ "$status" -ne 0 ] && [ -f "$results" ] && ! grep -q '<failure\|<error' "$results"; then
        echo "The test runner lost some cases; running these tests again"
        status=0
        meson test -C "$folder" --no-rebuild --print-errorlogs "$@" || status=$?
    fi
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
}

run build-test
ASAN_OPTIONS=detect_leaks=1:allocator_may_return_null=1 \
    LSAN_OPTIONS=suppressions=$PWD/tests/leaks.supp:print_suppressions=0 \
    UBSAN_OPTIONS=halt_on_error=1:print_stacktrace=1 \
    run build-sanitize datasets cli viz viewer

line="$passed passed, $failed failed"
[ "$skipped" -eq 0 ] || line="$line, $skipped skipped"
echo "$line"
[ "$failed" -eq 0 ]
