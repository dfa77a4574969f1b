#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The house rules that a machine can check: licence lines, widths, the include graph, lengths of functions and files,
words that promise later work. Run by `make test`, and with cppcheck by `make lint`."""
import collections, os, re, subprocess, sys

C_FOLDERS = ('schema', 'agent', 'providers', 'shell', 'tests')
MAX_COLUMNS, MAX_FILE, MAX_FUNCTION = 120, 1000, 100

# folder -> what its files may include from the tree, by prefix. The longest matching folder decides.
INCLUDES = {
    'schema': ['schema/'],
    'agent': ['schema/', 'agent/', 'gen/'],
    'agent/wire': ['schema/', 'agent/wire/'],
    'agent/monitor': ['agent/log.h', 'agent/settings.h', 'agent/wire/intro.h', 'agent/wire/link.h', 'agent/login/login.h', 'agent/monitor/'],
    'agent/login': ['agent/log.h', 'agent/wire/link.h', 'agent/monitor/request.h', 'agent/login/'],
    'agent/forward': ['schema/', 'agent/wire/'],
    'agent/pam': ['agent/monitor/request.h'],
    'agent/sftp': ['schema/', 'agent/wire/', 'agent/sftp/'],
    'agent/ssh': ['agent/monitor/request.h', 'agent/wire/link.h', 'agent/ssh/'],
    'providers': ['schema/', 'agent/provider.h', 'agent/stats.h', 'agent/drift.h', 'providers/lib/', 'providers/service/', 'providers/package/', 'providers/log/', 'gen/'],
    'providers/lib': ['schema/', 'agent/provider.h', 'agent/digest.h', 'providers/lib/', 'gen/'],
    'providers/sdk': ['reeve-provider.h'],
    'shell': ['schema/', 'agent/wire/', 'agent/wql.h', 'shell/', 'gen/'],
    'tests': [''],
}
# Functions that may be long: tables written as code, the evaluator's and generators' switches. Name -> why.
LONG_OK = {}

problems = []


def say(path, line, text):
    problems.append(f'{path}:{line}: {text}')


def files():
    out = subprocess.run(['git', 'ls-files', '-co', '--exclude-standard'], capture_output=True, text=True, check=True).stdout
    return [f for f in out.splitlines() if os.path.isfile(f)]


def c_files():
    return [f for f in files() if f.endswith(('.c', '.h')) and f.split('/')[0] in C_FOLDERS and '/fixtures/' not in f
            and not f.startswith('tests/gen/expect')]


def check_text(path):
    lines = open(path, encoding='utf-8', errors='replace').read().split('\n')
    if 'SPDX-License-Identifier: MIT' not in '\n'.join(lines[:3]):
        say(path, 1, 'no SPDX line')
    for n, line in enumerate(lines, 1):
        if '\t' in line:
            say(path, n, 'a tab')
        if len(line) > MAX_COLUMNS:
            say(path, n, f'{len(line)} columns, at most {MAX_COLUMNS}')
        if line != line.rstrip():
            say(path, n, 'blanks at the end')
        if re.search(r'\b(TODO|FIXME|XXX|HACK)\b', line) and not path.startswith('tests/lint'):
            say(path, n, 'a word that promises later work')
    if len(lines) - 1 > MAX_FILE and not path.startswith('tests/'):
        say(path, len(lines) - 1, f'more than {MAX_FILE} lines')


def check_includes(path):
    folder = max((f for f in INCLUDES if path.startswith(f + '/')), key=len, default=None)
    if folder is None:
        return
    for n, line in enumerate(open(path, encoding='utf-8', errors='replace'), 1):
        m = re.match(r'\s*#\s*include\s+"([^"]+)"', line)
        if m and not any(m.group(1).startswith(p) for p in INCLUDES[folder]):
            say(path, n, f'{folder} may not include {m.group(1)}')
        if m and folder == 'providers' and re.match(r'providers/[^/]+\.c', m.group(1)):
            say(path, n, 'two providers never include each other')


def check_functions(paths):
    src = [p for p in paths if p.endswith('.c') and not p.startswith('tests/')]
    try:
        out = subprocess.run(['ctags', '-f', '-', '--languages=C', '--kinds-C=f', '--fields=+ne-z', *src],
                             capture_output=True, text=True, check=True).stdout
    except FileNotFoundError:
        print('SKIP function lengths: universal-ctags is not installed')
        return
    lengths = []
    for row in out.splitlines():
        m = re.search(r'line:(\d+)', row), re.search(r'end:(\d+)', row)
        if not all(m):
            continue
        name, path = row.split('\t')[:2]
        first, last = int(m[0].group(1)), int(m[1].group(1))
        lengths.append(last - first + 1)
        if last - first + 1 > MAX_FUNCTION and name not in LONG_OK:
            say(path, first, f'{name} has {last - first + 1} lines, at most {MAX_FUNCTION}')
    if lengths:
        lengths.sort()
        print(f'{len(lengths)} functions: median {lengths[len(lengths) // 2]} lines, p95 {lengths[int(len(lengths) * .95)]}, '
              f'longest {lengths[-1]}')


def main():
    os.chdir(subprocess.run(['git', 'rev-parse', '--show-toplevel'], capture_output=True, text=True, check=True).stdout.strip())
    paths = c_files()
    for path in paths:
        check_text(path)
        check_includes(path)
    check_functions(paths)
    by = collections.Counter(p.split(':')[0].split('/')[0] for p in problems)
    for p in problems[:200]:
        print(p)
    print(f'{len(paths)} files, {len(problems)} problems' + (f' ({dict(by)})' if by else ''))
    return 1 if problems else 0


sys.exit(main())
