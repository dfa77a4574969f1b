#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Formatting, object cmdlets, JSON, CSV, files: scripts and what PowerShell prints for them (tests/shell/fmt/*.jsonl; one
object a line: id, script, expect). Expectations are from PowerShell's documentation and its formatting sources."""
import glob, json, os, subprocess, sys, tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
REEVE = os.path.join(os.environ.get('REEVE_BUILD', os.path.join(ROOT, 'build')), 'bin', 'reeve')


def normal(text):
    lines = [line.rstrip() for line in text.replace('\r\n', '\n').split('\n')]
    out = []
    for line in lines:
        if line or (out and out[-1]):
            out.append(line)
    while out and not out[-1]:
        out.pop()
    return '\n'.join(out).strip('\n')


def run(script):
    env = {'LANG': 'C.UTF-8', 'TZ': 'UTC', 'NO_COLOR': '1', 'TERM': 'dumb', 'PATH': os.environ.get('PATH', ''),
           'HOME': '/', 'COLUMNS': '120'}
    with tempfile.TemporaryDirectory() as outside, tempfile.TemporaryDirectory() as cwd:
        path = os.path.join(outside, 'case.ps1')
        with open(path, 'w', encoding='utf-8') as f:
            f.write(script)
        done = subprocess.run([REEVE, '-NoProfile', '-File', path], cwd=cwd, env=env, stdin=subprocess.DEVNULL,
                              capture_output=True, timeout=20)
    return done.stdout.decode('utf-8', 'replace'), done.stderr.decode('utf-8', 'replace'), done.returncode


def main():
    passed = failed = 0
    for path in sorted(glob.glob(os.path.join(HERE, 'fmt', '*.jsonl'))):
        for text in open(path, encoding='utf-8'):
            case = json.loads(text)
            out, err, code = run(case['script'])
            if normal(out) == normal(case['expect']) and code >= 0:
                passed += 1
                continue
            failed += 1
            print(f"{case['id']}: {case['script']}\n-- expected\n{case['expect']}\n-- got ({code})\n{out}{err}")
    print(f'cases: {passed} passed, {failed} failed, 0 skipped')
    return 1 if failed or not passed else 0


if __name__ == '__main__':
    sys.exit(main())
