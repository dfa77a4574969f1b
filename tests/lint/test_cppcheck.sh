#!/bin/bash
# SPDX-License-Identifier: MIT
# make lint's cppcheck, without findings.
command -v cppcheck >/dev/null || { echo "SKIP cppcheck: not installed"; exit 77; }
exec sh tests/lint/lint.sh "${REEVE_BUILD:-build}"
