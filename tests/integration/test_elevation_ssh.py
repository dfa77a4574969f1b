#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Elevation over SSH: asked for in a shell, agreed to over another connection; it is for sessions with the same login key, and the same key
does not agree to it under another name."""
import os, shutil, subprocess, sys, tempfile

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import agentlib, sshhost
from agentlib import rows_of
from rolelib import need_root, peer_as

need_root()
check = agentlib.Cases()
place = tempfile.mkdtemp(prefix='reeve-elevation.')
os.chmod(place, 0o755)
os.mkdir(f'{place}/roles.d')
shutil.copy(f'{agentlib.BUILD}/bin/reeve', place)
os.environ['REEVE_SHELL'] = f'{place}/reeve'
open(f'{place}/roles.d/base.role', 'w').write('[Role]\nLanguage = Full\n[Who]\nUser = sync\n[Allow look]\nClass = Process\nOperation = Read\nProperty = Name\n')
open(f'{place}/roles.d/kernel.role', 'w').write('[Role]\nLanguage = Full\nNativeCommand = *\n[Elevate]\nUser = sync\n[Approve]\nUser = bin\n[Allow look]\nClass = Sysctl\nOperation = Read\n')
host = sshhost.Host(more=('--shell', f'{place}/reeve'), config=f'[roles]\ndir = {place}/roles.d\n')
shutil.copy(host.key + '.pub', f'{host.dir}/keys.d/sync.keys')
other = f'{host.dir}/other'
subprocess.run(['ssh-keygen', '-q', '-t', 'ed25519', '-N', '', '-f', other], check=True)
for user in 'sync', host.user:
    with open(f'{host.dir}/keys.d/{user}.keys', 'a') as f:
        f.write(open(other + '.pub').read())
os.chmod(host.dir, 0o711)


def ssh(text, user='sync', key=None):
    return subprocess.run(['ssh', *host.options, '-p', str(host.port), '-i', key or host.key, '-o', 'BatchMode=yes', f'{user}@127.0.0.1', text], capture_output=True, text=True,
                          stdin=subprocess.DEVNULL, timeout=40)


LOOK = '(Get-CimInstance Sysctl -Filter "Name = \'kernel.ostype\'").Value'
try:
    r = ssh(LOOK)
    check('without it', 'may not read' in r.stderr and 'Linux' not in r.stdout, r)
    r = ssh("(Request-Elevation kernel -Minutes 5 -Reason 'to look' -Plan { Get-CimInstance Sysctl | Out-Null }).Id")
    id = r.stdout.strip()
    check('asked for', r.returncode == 0 and len(id) == 16, r)
    r = ssh(f'Approve-Elevation {id}', user=host.user)
    check('not agreed to with the same key, even by root', r.returncode and 'with the key that you logged in with' in r.stderr, r)
    r = ssh(f'Approve-Elevation {id}', key=other)
    check('nor by the same user with another', r.returncode and 'second person' in r.stderr, r)
    r = ssh(f'Approve-Elevation {id}; (Get-Elevation {id}).State', user=host.user, key=other)
    check('agreed to with another key by another user', r.returncode == 0 and r.stdout.split() == ['Active'], r)
    check('now he has it', ssh(LOOK).stdout == 'Linux\n', ssh(LOOK))
    check('not with another key', 'Linux' not in ssh(LOOK, key=other).stdout)
    with peer_as(host.socket, 'sync') as p:
        check('nor locally', 'error' in p.call('EnumerateInstances', {'ClassName': 'Sysctl'}))
    r = ssh('& /bin/echo ran')
    check("its commands are not a shell's to keep", 'ran' not in r.stdout, r)
    check('it ends', ssh(f'Remove-Elevation {id}').returncode == 0 and 'Linux' not in ssh(LOOK).stdout)
    rows = rows_of(f'{host.dir}/state', "SELECT user, method, result FROM audit WHERE class = 'Elevation' AND result IN ('Succeeded', 'Failed') ORDER BY seq")
    check('all of it is on record', [tuple(x) for x in rows] == [('sync', 'Request', 'Succeeded'), (host.user, 'Approve', 'Failed'), ('sync', 'Approve', 'Failed'), (host.user, 'Approve', 'Succeeded'),
                                                                 ('sync', 'End', 'Succeeded')], rows)
finally:
    host.stop()
    shutil.rmtree(place, ignore_errors=True)
check.end()
