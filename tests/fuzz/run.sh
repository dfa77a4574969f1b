#!/bin/sh
# SPDX-License-Identifier: MIT
# Long fuzzing: run.sh SECONDS [NAME...] builds tests/fuzz/fuzz_NAME.c with libFuzzer, ASan and UBSan against all of
# schema/, agent/ and shell/ and runs each for SECONDS, starting from its corpus; finds are kept in build/fuzz/found.
set -eu
seconds=$1; shift
make -s build/gen/stamp build/gen/shell_registry.c build/gen/registry.c
mkdir -p build/fuzz/found
flags="-std=gnu11 -O1 -g -D_GNU_SOURCE -DREEVE_VERSION=\"fuzz\" -I. -Ibuild -fsanitize=fuzzer,address,undefined -fno-sanitize-recover=undefined -w $(pkg-config --cflags libxml-2.0 libcurl)"
libs="$(pkg-config --cflags --libs libuv libcrypto jansson sqlite3 libsystemd libgcrypt zlib libpcre2-8 libutf8proc libseccomp) -lm -lpthread"
sources="$(ls schema/*.c agent/*.c agent/wire/*.c agent/front/*.c agent/monitor/*.c agent/sftp/*.c providers/*.c providers/lib/*.c providers/service/*.c providers/package/*.c providers/log/*.c shell/*.c shell/cmdlets/*.c shell/types/*.c build/gen/*.c 2>/dev/null |
        grep -v -e schema/mofc -e '/main\.c$')"
for f in tests/fuzz/fuzz_*.c; do
        name=$(basename "$f" .c); name=${name#fuzz_}
        case " $* " in "  "|*" $name "*) ;; *) continue ;; esac
        clang $flags -o "build/fuzz/$name" "$f" $sources $libs
        mkdir -p "build/fuzz/corpus/$name"
        "build/fuzz/$name" -max_total_time="$seconds" -timeout=10 -rss_limit_mb=2048 -artifact_prefix="build/fuzz/found/$name-" \
                "build/fuzz/corpus/$name" "tests/fuzz/corpus/$name" 2>&1 | tail -3
done
