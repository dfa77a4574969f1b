#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""clients/ruby: its own tests by minitest, against the test agent, `reeve rpc` and a host over SSH."""
import os, re, shutil, subprocess, sys
sys.path.insert(0, os.path.dirname(__file__))
from agentlib import Agent, BUILD
from sshhost import Host

TOP = os.path.abspath(os.path.join(os.path.dirname(__file__), '..', '..'))
if not shutil.which('ruby') or subprocess.run(['ruby', '-e', 'require "minitest"'], capture_output=True).returncode:
    print('SKIP no ruby with minitest (Debian: ruby, ruby-minitest)')
    sys.exit(77)
agent, host = Agent('tests/bin/reeve-agent-modes'), Host()
try:
    r = subprocess.run(['ruby', '-w', '-Iclients/ruby/lib', 'clients/ruby/test/test_reeve.rb'], cwd=TOP, capture_output=True, text=True, timeout=120,
                       env=dict(os.environ, REEVE_TEST_SOCKET=agent.path, REEVE_TEST_SSH=host.config, REEVE_SOCKET=host.socket,
                                REEVE_TEST_PROGRAM=os.path.abspath(f'{BUILD}/bin/reeve')))
finally:
    agent.stop()
    host.stop()
ours = [l for l in r.stderr.splitlines() if 'clients/ruby' in l and 'warn' in l]
print(r.stdout[-3000:], '\n'.join(ours), r.stderr[-500:] if r.returncode else '')
m = re.search(r'(\d+) runs, \d+ assertions, (\d+) failures, (\d+) errors, (\d+) skips', r.stdout)
runs, bad, skips = (int(m[1]), int(m[2]) + int(m[3]), int(m[4])) if m else (0, 1, 0)
bad += len(ours)
print(f'cases: {runs - bad - skips} passed, {bad} failed, {skips} skipped')
sys.exit(1 if bad else 0)
