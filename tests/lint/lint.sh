#!/bin/sh
# SPDX-License-Identifier: MIT
# make lint: the house rules, then cppcheck over all sources. No findings is the only pass.
set -u
build=${1:-build}
rc=0
python3 tests/lint/test_house.py || rc=1
if command -v cppcheck >/dev/null; then
        cppcheck --quiet --inline-suppr --error-exitcode=1 --std=c11 --enable=warning,performance,portability \
                --suppress=missingIncludeSystem --suppress=normalCheckLevelMaxBranches --suppress=unknownMacro \
                --suppress=syntaxError:"$build"/* -I. -I"$build" -D_GNU_SOURCE -DREEVE_VERSION='"x"' -j2 \
                schema agent providers shell || rc=1
else
        echo "SKIP cppcheck: not installed"
fi
exit $rc
