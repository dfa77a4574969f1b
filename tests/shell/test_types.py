#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The .NET types and cmdlets of everyday scripts: scripts and what PowerShell 7 prints for them (tests/shell/types/*.jsonl;
one object a line: script, expect). Expectations are from the documentation of .NET and PowerShell, not from this shell."""
import glob, json, os, sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)
from test_fmt import normal, run  # noqa: E402


def main():
    passed = failed = 0
    for path in sorted(glob.glob(os.path.join(HERE, 'types', '*.jsonl'))):
        for number, text in enumerate(open(path, encoding='utf-8'), 1):
            if not text.strip():
                continue
            case = json.loads(text)
            out, err, code = run(case['script'])
            if normal(out) == normal(case['expect']):
                passed += 1
                continue
            failed += 1
            print(f'FAIL {os.path.basename(path)}:{number} (exit {code})\n  {case["script"]}\n--- wanted\n'
                  f'{case["expect"]}\n--- got\n{normal(out)}\n--- errors\n{err}')
    print(f'{passed} of {passed + failed} cases of types as documented')
    return 1 if failed or not passed else 0


if __name__ == '__main__':
    sys.exit(main())
