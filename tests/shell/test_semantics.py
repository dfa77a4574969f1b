#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The language's and the cmdlets' semantics, case by case: scripts and what PowerShell prints for them
(tests/shell/semantics/*.jsonl; one object a line: script, expect). Each runs in a new empty folder."""
import concurrent.futures, glob, json, os, sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)
from test_fmt import normal, run  # noqa: E402


def main():
    cases = []
    for path in sorted(glob.glob(os.path.join(HERE, 'semantics', '*.jsonl'))):
        for number, text in enumerate(open(path, encoding='utf-8'), 1):
            cases.append((f'{os.path.basename(path)}:{number}', json.loads(text)))
    passed = failed = 0
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count() or 2) as pool:
        for (name, case), (out, err, code) in zip(cases, pool.map(lambda c: run(c[1]['script']), cases)):
            if normal(out) == normal(case['expect']) and code >= 0:
                passed += 1
                continue
            failed += 1
            print(f"{name}: {case['script']}\n-- expected\n{case['expect']}\n-- got ({code})\n{out}{err}")
    print(f'cases: {passed} passed, {failed} failed, 0 skipped')
    return 1 if failed or not passed else 0


if __name__ == '__main__':
    sys.exit(main())
