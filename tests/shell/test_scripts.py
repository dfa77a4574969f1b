#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Scripts as admins write them, each with the output that PowerShell's documented rules give.

tests/shell/scripts/NAME.ps1 runs in an empty folder with the scripts' folder beside it as $PSScriptRoot; NAME.out is its
standard output, NAME.err (when there is one) its standard error, without trailing blanks. A line "# exit: N" in the
script names its exit status, 0 otherwise.

    tests/shell/test_scripts.py [NAME...]
"""
import concurrent.futures, difflib, glob, os, re, subprocess, sys, tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
REEVE = os.path.join(os.environ.get('REEVE_BUILD', os.path.join(ROOT, 'build')), 'bin', 'reeve')
SCRIPTS = os.path.join(HERE, 'scripts')


def normal(text):
    return '\n'.join(line.rstrip() for line in text.replace(SCRIPTS, '{scripts}').split('\n')).strip('\n')


def read(path):
    with open(path, encoding='utf-8') as f:
        return f.read()


def differs(what, expected, got):
    if normal(expected) == normal(got):
        return ''
    return '\n'.join(difflib.unified_diff(normal(expected).split('\n'), normal(got).split('\n'), f'expected {what}', what,
                                          lineterm=''))


def run(path):
    name = os.path.basename(path)[:-4]
    text, base = read(path), path[:-4]
    env = {'LANG': 'C.UTF-8', 'TZ': 'UTC', 'NO_COLOR': '1', 'TERM': 'dumb', 'PATH': os.environ.get('PATH', ''),
           'HOME': os.environ.get('HOME', '/')}
    with tempfile.TemporaryDirectory() as cwd:
        try:
            done = subprocess.run([REEVE, '-NoProfile', '-File', path], cwd=cwd, env=env, stdin=subprocess.DEVNULL,
                                  capture_output=True, timeout=20)
        except subprocess.TimeoutExpired:
            return name, 'took more than 20 s'
    wrong = [differs('output', read(base + '.out'), done.stdout.decode('utf-8', 'replace')),
             differs('errors', read(base + '.err') if os.path.exists(base + '.err') else '',
                     done.stderr.decode('utf-8', 'replace'))]
    want = re.search(r'^# exit: (\d+)', text, re.M)
    if done.returncode != (int(want.group(1)) if want else 0):
        wrong.append(f'exit status {done.returncode}')
    return name, '\n'.join(w for w in wrong if w)


def main():
    paths = sorted(glob.glob(os.path.join(SCRIPTS, '*.ps1')))
    if sys.argv[1:]:
        paths = [p for p in paths if os.path.basename(p)[:-4] in sys.argv[1:]]
    failed = 0
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count() or 2) as pool:
        for name, wrong in pool.map(run, paths):
            failed += bool(wrong)
            print(f'FAIL {name}\n{wrong}' if wrong else f'ok {name}')
    print(f'cases: {len(paths) - failed} passed, {failed} failed, 0 skipped')
    return 1 if failed or not paths else 0


sys.exit(main())
