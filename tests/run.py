#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Runs the tests and prints what happened to each.

A test is a program in build/tests/unit or build/tests/fuzz (corpus replay), or an executable *.sh or *.py in
tests/<folder>. Exit 0 = passed, 77 = skipped (its last output line says why), else failed. A script may run many
cases and say `cases: N passed, N failed, N skipped` as its last line; those are added up.
Fast folders first; integration tests run one at a time, labs two. One of them that fails is run once more at the end, when nothing else
runs: they watch a live kernel and other programs, and a busy machine must not decide. Passing then, it counts, but it
is named `flaky` with what it printed when it failed; such a test is to be mended.
"""
import argparse, atexit, concurrent.futures, os, re, shutil, signal, subprocess, sys, tempfile, time

FOLDERS = ['gen', 'lint', 'shell', 'wire', 'integration', 'bench', 'lab']
LABS_AT_ONCE = 2
LONGEST = ('lab/test_machine_boot.py', 'lab/test_swarm_quorum.py', 'lab/test_deb.py')   # first, so that none is left alone at the end
FOLDER_TIMEOUT = {'unit': 120, 'fuzz': 120, 'shell': 600, 'integration': 900, 'lab': 600, 'bench': 300}


def find(build):
    tests = []
    for kind in ('unit', 'fuzz'):
        folder = os.path.join(build, 'tests', kind)
        for name in sorted(os.listdir(folder)) if os.path.isdir(folder) else []:
            path = os.path.join(folder, name)
            if os.access(path, os.X_OK) and os.path.isfile(path):
                args = [path] + ([os.path.join('tests/fuzz/corpus', name[5:])] if kind == 'fuzz' else [])
                tests.append((kind, f'{kind}/{name}', args))
    for folder in FOLDERS:
        path = os.path.join('tests', folder)
        for name in sorted(os.listdir(path)) if os.path.isdir(path) else []:
            if re.match(r'test_.*\.(sh|py)$', name):
                run = [sys.executable] if name.endswith('.py') else ['bash']
                tests.append((folder, f'{folder}/{name}', run + [os.path.join(path, name)]))
    return tests


def run(kind, name, args, env):
    log = os.path.join(env['REEVE_BUILD'], 'log', name.replace('/', '_') + '.log')
    os.makedirs(os.path.dirname(log), exist_ok=True)
    start = time.time()
    with open(log, 'wb') as out:
        proc = subprocess.Popen(args, stdout=out, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL, env=env,
                                start_new_session=True)
        try:
            rc = proc.wait(timeout=FOLDER_TIMEOUT.get(kind, 300))
        except subprocess.TimeoutExpired:
            os.killpg(proc.pid, 9)
            proc.wait()
            rc = 'time-out'
    text = open(log, 'rb').read().decode('utf-8', 'replace')
    return name, rc, time.time() - start, text


def counts(rc, text):
    found = re.findall(r'^cases: (\d+) passed, (\d+) failed(?:, (\d+) skipped)?$', text, re.M)
    if found:
        p, f, s = (sum(int(x[i] or 0) for x in found) for i in range(3))
        return p, f + (1 if rc not in (0, 1) and not f else 0) + (1 if rc == 1 and not f else 0), s
    m = re.findall(r'^\[  (PASSED|FAILED)  \] (\d+) test\(s\)', text, re.M)   # cmocka
    if m and rc != 'time-out':
        p = sum(int(n) for what, n in m if what == 'PASSED')
        f = sum(int(n) for what, n in m if what == 'FAILED')
        return p, f + (1 if rc and not f else 0), 0
    if rc == 0:
        return 1, 0, 0
    return (0, 0, 1) if rc == 77 else (0, 1, 0)


def main():
    ap = argparse.ArgumentParser()
    ap.add_argument('--build', default='build')
    ap.add_argument('only', nargs='*')
    opts = ap.parse_args()
    for s in signal.SIGHUP, signal.SIGINT, signal.SIGQUIT:   # what nohup or a shell's & ignores for us, tests' programs would ignore too
        signal.signal(s, signal.default_int_handler if s == signal.SIGINT else signal.SIG_DFL)
    state = tempfile.mkdtemp(prefix='reeve-state-')   # of private agents: not this host's own
    atexit.register(shutil.rmtree, state, ignore_errors=True)
    env = dict(os.environ, REEVE_BUILD=os.path.abspath(opts.build), REEVE_STATE=state, LANG='C.UTF-8', LC_ALL='C.UTF-8', TZ='UTC')
    tests = [t for t in find(opts.build) if not opts.only or any(o in t[1] for o in opts.only)]
    passed = failed = skipped = 0
    bad, again, flaky = [], [], []

    def report(result, test=None):
        nonlocal passed, failed, skipped
        name, rc, took, text = result
        p, f, s = counts(rc, text)
        if f and test:
            again.append(test)
            print(f'again {name}  {took:.1f}s  {p} passed, {f} failed; will be run once more\n' +
                  '\n'.join('     | ' + l for l in text.splitlines()[-60:]), flush=True)
            return
        passed, failed, skipped = passed + p, failed + f, skipped + s
        word = 'FAIL' if f else 'skip' if s and not p else 'ok'
        why = ''
        if word == 'skip':
            why = '  (' + (text.strip().splitlines() or [''])[-1] + ')'
        print(f'{word:4} {name}  {took:.1f}s  {p} passed{f", {f} failed" if f else ""}{f", {s} skipped" if s else ""}{why}', flush=True)
        for line in re.findall(r'^SKIP .*$', text, re.M):
            print('     ' + line)
        if f:
            bad.append(name)
            lines = text.splitlines()
            print('\n'.join('     | ' + l for l in lines[-60:]), flush=True)

    fast = [t for t in tests if t[0] in ('unit', 'fuzz', 'gen', 'lint')]
    slow = [t for t in tests if t not in fast]
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count() or 2) as pool:
        for future in [pool.submit(run, *t, env) for t in fast]:
            report(future.result())
    for t in slow:
        if t[0] != 'lab':
            report(run(*t, env), t)
    with concurrent.futures.ThreadPoolExecutor(LABS_AT_ONCE) as pool:   # each has machines and a network of its own, and mostly waits for them
        labs = {pool.submit(run, *t, env): t for t in sorted(slow, key=lambda t: t[1] not in LONGEST) if t[0] == 'lab'}
        for future in concurrent.futures.as_completed(labs):
            report(future.result(), labs[future])
    for t in again:
        report(run(*t, env))
        if t[1] not in bad:
            flaky.append(t[1])
    if flaky:
        print('flaky: ' + ' '.join(flaky))
    if bad:
        print('failed: ' + ' '.join(bad))
    print(f'{passed} passed, {failed} failed, {skipped} skipped')
    return 1 if failed or not passed else 0


sys.exit(main())
