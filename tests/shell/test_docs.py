#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The examples of docs/shell.md: each ```powershell block runs as a script in an empty folder and must print what the
```output block after it says. Blanks at line ends do not count."""
import os, re, subprocess, sys, tempfile

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
REEVE = os.path.join(os.environ.get('REEVE_BUILD', os.path.join(ROOT, 'build')), 'bin', 'reeve')
PAGES = ['docs/shell.md']


def normal(text):
    return '\n'.join(line.rstrip() for line in text.split('\n')).strip('\n')


def run(code):
    env = {'LANG': 'C.UTF-8', 'TZ': 'UTC', 'NO_COLOR': '1', 'TERM': 'dumb', 'PATH': os.environ.get('PATH', ''),
           'HOME': os.environ.get('HOME', '/')}
    with tempfile.TemporaryDirectory() as cwd, tempfile.TemporaryDirectory() as outside:
        script = os.path.join(outside, 'example.ps1')
        with open(script, 'w', encoding='utf-8') as f:
            f.write(code)
        done = subprocess.run([REEVE, '-NoProfile', '-File', script], cwd=cwd, env=env, stdin=subprocess.DEVNULL,
                              capture_output=True, timeout=20)
    return done.stdout.decode('utf-8', 'replace'), done.stderr.decode('utf-8', 'replace')


def main():
    good = bad = 0
    for page in PAGES:
        text = open(os.path.join(ROOT, page), encoding='utf-8').read()
        blocks = re.findall(r'^```(\w+)\n(.*?)^```$', text, re.M | re.S)
        for i, (kind, code) in enumerate(blocks):
            if kind != 'powershell':
                continue
            if i + 1 == len(blocks) or blocks[i + 1][0] != 'output':
                print(f'FAIL {page}: an example without its output:\n{code}')
                bad += 1
                continue
            out, err = run(code)
            if normal(out) == normal(blocks[i + 1][1]) and not err.strip():
                good += 1
                continue
            bad += 1
            print(f'FAIL {page}:\n{code}--- expected\n{normal(blocks[i + 1][1])}\n--- got\n{normal(out)}\n{err}')
    print(f'cases: {good} passed, {bad} failed, 0 skipped')
    return 1 if bad or not good else 0


sys.exit(main())
