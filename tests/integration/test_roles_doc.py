#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""docs/roles.md: its role files load, its examples print what it says."""
import os, re, subprocess, sys

sys.path.insert(0, os.path.dirname(__file__))
from agentlib import BUILD, Agent, Cases
import tempfile

case = Cases()
text = open(os.path.join(os.path.dirname(__file__), '..', '..', 'docs', 'roles.md')).read()
roles = re.findall(r'```role (\w+)\n(.*?)```', text, re.S)
examples = re.findall(r'```powershell\n((?:(?!```).)*)```\n```text\n((?:(?!```).)*)```', text, re.S)
case('there are roles and examples', len(roles) == 3 and len(examples) >= 5, (len(roles), len(examples)))


def lines(s):
    return [l.rstrip() for l in s.strip('\n').split('\n') if l.strip()]


def start(names):
    folder = tempfile.mkdtemp(prefix='reeve-doc.')
    for name, content in roles:
        if name in names:
            open(os.path.join(folder, name + '.role'), 'w').write(content)
    return Agent('bin/reeve-agent', more=('--roles', folder))


agent = start({'web', 'audit', 'net'})
said = open(agent.log.name).read()
case('its role files are understood', 'roles: 3' in said, said)
agent.stop()
agent = start({'web'})
for command, expected in examples:
    r = subprocess.run([f'{BUILD}/bin/reeve', '-NoProfile', '-Command', command], capture_output=True, text=True, timeout=20, stdin=subprocess.DEVNULL,
                       env=dict(os.environ, REEVE_SOCKET=agent.path, COLUMNS='125'))
    case(command.strip(), lines(r.stdout) == lines(expected), r.stdout + r.stderr)
agent.stop()
case.end()
