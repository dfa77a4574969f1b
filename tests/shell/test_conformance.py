#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Runs the sample of PowerShell cases beside the checkout (../shared/conformance) and compares what is printed with what
the real engine printed. Figures per area and tier; the tiers' least shares are the test.

    tests/shell/test_conformance.py [--area AREA] [--id ID] [--verbose]
"""
import argparse, collections, concurrent.futures, json, os, re, subprocess, sys, tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
LEAST = {1: 0.99, 2: 0.97, 3: 0.85}
REEVE = os.path.join(os.environ.get('REEVE_BUILD', os.path.join(ROOT, 'build')), 'bin', 'reeve')


def find_cases():
    for base in (os.path.join(ROOT, '..', 'shared'), os.environ.get('REEVE_SHARED', '/work/shared')):
        path = os.path.join(base, 'conformance', 'powershell-sample.jsonl')
        if os.path.exists(path):
            return [json.loads(line) for line in open(path, encoding='utf-8')]
    return None


def normal(text):
    lines = [line.rstrip() for line in text.replace('\r\n', '\n').split('\n')]
    out = []
    for line in lines:
        if line or (out and out[-1]):
            out.append(line)
    while out and not out[-1]:
        out.pop()
    return '\n'.join(out).strip('\n')


def run(case):
    env = {'LANG': 'C.UTF-8', 'TZ': 'UTC', 'NO_COLOR': '1', 'TERM': 'dumb', 'PATH': os.environ.get('PATH', ''),
           'HOME': os.environ.get('HOME', '/'), 'COLUMNS': '120'}
    with tempfile.TemporaryDirectory() as outside, tempfile.TemporaryDirectory() as cwd:
        script = os.path.join(outside, 'case.ps1')
        with open(script, 'w', encoding='utf-8') as f:
            f.write(case['script'])
        try:
            done = subprocess.run([REEVE, '-NoProfile', '-File', script], cwd=cwd, env=env, stdin=subprocess.DEVNULL,
                                  capture_output=True, timeout=10)
        except subprocess.TimeoutExpired:
            return case, None, 'took more than 10 s', 'time-out'
    return case, done.stdout.decode('utf-8', 'replace'), done.stderr.decode('utf-8', 'replace'), done.returncode


def main():
    ap = argparse.ArgumentParser()
    ap.add_argument('--area')
    ap.add_argument('--id')
    ap.add_argument('--verbose', action='store_true')
    opts = ap.parse_args()
    cases = find_cases()
    if cases is None:
        print('SKIP the sample cases: ../shared/conformance/powershell-sample.jsonl is not beside the checkout')
        return 77
    cases = [c for c in cases if (not opts.area or c['area'] == opts.area) and (not opts.id or c['id'] == opts.id)]
    areas, tiers, bad = collections.defaultdict(lambda: [0, 0]), collections.defaultdict(lambda: [0, 0]), []
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count() or 2) as pool:
        for case, out, err, rc in pool.map(run, cases):
            good = out is not None and normal(out) == normal(case['expect'])
            for table, key in ((areas, case['area']), (tiers, case['tier'])):
                table[key][0] += good
                table[key][1] += 1
            if not good:
                bad.append(case['id'])
                print(f"--- {case['id']} (tier {case['tier']}, {case['area']}, exit {rc})")
                print('script:   ' + case['script'].replace('\n', '\n          '))
                print('expected: ' + normal(case['expect']).replace('\n', '\n          '))
                print('got:      ' + normal(out or '').replace('\n', '\n          '))
                if err.strip():
                    print('stderr:   ' + normal(err)[:1500].replace('\n', '\n          '))
            elif opts.verbose:
                print('ok ' + case['id'])
    for area in sorted(areas):
        print(f'{area:14} {areas[area][0]:3} of {areas[area][1]}')
    short = 0
    for tier in sorted(tiers):
        good, n = tiers[tier]
        ok = good >= LEAST.get(tier, 1) * n
        short += not ok
        print(f'tier {tier}: {good} of {n} ({100 * good / n:.1f} %, at least {100 * LEAST.get(tier, 1):.0f} %)' + ('' if ok else '  TOO FEW'))
    if opts.area or opts.id:
        return 1 if bad else 0
    if bad:
        print('misses within the shares allowed: ' + ' '.join(bad))
    print(f'cases: {sum(t[0] for t in tiers.values())} passed, {len(bad) if short else 0} failed, 0 skipped')
    return 1 if short else 0


sys.exit(main())
