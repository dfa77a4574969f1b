#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""A new provider is one .mof and one .c: the two of docs/provider.md, added to a copy of the tree, built and asked."""
import hashlib, json, os, re, subprocess, sys, tempfile

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import agentlib

case = agentlib.Cases()
page = open('docs/provider.md').read()
mof = re.search(r'```mof\n(.*?)```', page, re.S).group(1)
code = re.search(r'```c\n(.*?)```', page, re.S).group(1)
files = subprocess.run(['git', 'ls-files'], capture_output=True, text=True, check=True).stdout.split('\n')[:-1]


def sums(top):
    return {f: hashlib.sha256(open(os.path.join(top, f), 'rb').read()).hexdigest() for f in files if os.path.isfile(os.path.join(top, f))}


with tempfile.TemporaryDirectory() as d:
    for f in files:
        if os.path.isfile(f):
            os.makedirs(os.path.dirname(os.path.join(d, f)), exist_ok=True)
            subprocess.run(['cp', '-p', f, os.path.join(d, f)], check=True)
    before = sums(d)
    open(os.path.join(d, 'schema/classes/Swap.mof'), 'w').write(mof)
    open(os.path.join(d, 'providers/swap.c'), 'w').write(code)
    out = subprocess.run(['make', '-C', d, '-j2', 'all', 'CFLAGS=-O0'], capture_output=True, text=True, env={k: v for k, v in os.environ.items() if k not in ('MAKEFLAGS', 'MFLAGS', 'SAN', 'COV')})
    case('it builds without a warning', out.returncode == 0 and 'warning' not in out.stderr, out.stderr)
    agentlib.BUILD = os.path.join(d, 'build')
    agent = agentlib.Agent()
    try:
        r = agent.call('EnumerateInstances', {'ClassName': 'Swap'})
        want = [line.split() for line in open('/proc/swaps').read().splitlines()[1:]]
        case('it answers what /proc/swaps says', r['result']['Instances'] == [{'Name': w[0], 'Size': int(w[2]) * 1024, 'Used': int(w[3]) * 1024} for w in want], r)
        case('it is described', [p['Name'] for p in agent.call('GetClass', {'ClassName': 'swap'})['result']['Properties']] == ['Name', 'Size', 'Used'])
        shell = lambda text: subprocess.run([os.path.join(d, 'build/bin/reeve'), '-NoProfile', '-Command', text], capture_output=True, text=True,
                                            env=dict(os.environ, REEVE_SOCKET=agent.path)).stdout.split('\n')
        case('its cmdlet answers the same', shell('Get-Swap | ForEach-Object { "$($_.Name) $($_.Size)" }')[:-1] == [f'{w[0]} {int(w[2]) * 1024}' for w in want])
        case('its cmdlet is listed and has help', 'Get-Swap' in shell('(Get-Command Get-Sw*).Name') and any('A swap area.' in line for line in shell('Get-Help Get-Swap')))
        case('its parameters follow from the class', 'Name' in shell('(Get-Command Get-Swap).Parameters.Keys'))
        case('and complete', 'Get-Swap' in shell("(TabExpansion2 'Get-Swa' 7).CompletionMatches.CompletionText"))
    finally:
        agent.stop()
    case('no other file was touched', sums(d) == before)
case.end()
