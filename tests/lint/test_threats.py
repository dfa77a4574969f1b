#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""docs/threat-model.md: every claim names a test, the test is there, and so is the case in it."""
import os, re, sys

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
os.chdir(ROOT)
text = open('docs/threat-model.md', encoding='utf-8').read()
checked, problems = 0, []


def check(good, what):
    global checked
    checked += 1
    if not good:
        problems.append(f'docs/threat-model.md: {what}')


for table in re.findall(r'^\| claim \| tests \|\n\|[-|]+\|\n((?:\| .*\n)+)', text, re.M):
    for row in table.splitlines():
        cells = re.split(r'(?<!\\) \| ', row.strip('| '))
        found = re.findall(r'`(tests/[\w./-]+)`((?: "[^"]+",?)*)', cells[-1])
        check(len(cells) == 2 and found, f'a claim without a test: {row[:100]}')
        for path, cases in found:
            there = os.path.exists(path)
            check(there, f'no such test: {path}')
            source = ''
            if os.path.isfile(path):
                source = open(path, encoding='utf-8').read().replace("\\'", "'").replace('\\"', '"')
            check(re.findall(r'"([^"]+)"', cases) or os.path.isdir(path) or not there, f'{path}: which case?')
            for case in re.findall(r'"([^"]+)"', cases):
                check(case in source, f'{path} has no case "{case}"')
check(checked > 60, f'only {checked} things to check: is the table still read?')
for p in problems:
    print(p)
print(f'cases: {checked - len(problems)} passed, {len(problems)} failed, 0 skipped')
sys.exit(1 if problems else 0)
