#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Logins over SSH: each is in the audit when it begins, when it ends and when it is refused, within bounds; those that are there are
listed with what they do, survive the agent, and can be ended."""
import os, subprocess, sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import agentlib, sshhost
from agentlib import rows_of, until

check = agentlib.Cases()
host = sshhost.Host(config='[ssh]\npenalties = no\n')
state = os.path.join(host.dir, 'state')
fingerprint = subprocess.run(['ssh-keygen', '-lf', host.key + '.pub'], capture_output=True, text=True).stdout.split()[1]


def records(operation, more=''):
    return rows_of(state, f"SELECT user, source, session, arguments, result, message, duration FROM audit WHERE operation = '{operation}' {more} ORDER BY seq")


def has(operation, n):
    def there():
        try:
            return len(records(operation)) >= n
        except Exception:   # there is no database yet
            return False
    return until(there)


def sessions(more=''):
    with agentlib.Peer(host.socket) as p:
        return p.call('EnumerateInstances', {'ClassName': 'Session', 'PropertyList': ['Id', 'User', 'State', 'KeyFingerprint', 'Roles', 'IdleTime', 'Activity'], 'Filter': "Transport = 'SSH'" + more})['result']['Instances']


def stay(*command):
    """A connection that stays, and what runs in it."""
    p = subprocess.Popen(['ssh', '-F', host.config, 'reeve-host', *command], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    return p


try:
    r = host.ssh('"in"')
    check('a login', r.stdout == 'in\n' and has('Login', 1) and has('Logout', 1), r)
    user, source, session, arguments, result, message, took = records('Login')[0]
    check('is on record: who, from where, with which key', user == host.user and source.startswith('127.0.0.1:') and fingerprint in arguments and result == 'Succeeded', records('Login'))
    out = records('Logout')[0]
    check('and its end, with how long it was', out[2] == session and out[4] == 'Succeeded' and 0 < out[6] < 60e9, out)
    r = host.ssh('(Get-AuditRecord | Where-Object Operation -eq Logout | Select-Object -First 1).Duration -gt 0')
    check('AuditRecord tells it', r.stdout == 'True\n', r)

    # ---- refused ----
    subprocess.run(['ssh-keygen', '-q', '-t', 'ed25519', '-N', '', '-f', os.path.join(host.dir, 'other')], check=True)

    def knock(user=host.user):
        return subprocess.run(['ssh', *host.options, '-p', str(host.port), '-i', os.path.join(host.dir, 'other'), '-o', 'BatchMode=yes', f'{user}@127.0.0.1', 'x'], capture_output=True, timeout=40)
    knock()
    check('a key that is nobody\'s', until(lambda: records('Login', "AND result = 'Denied'")))
    denied = records('Login', "AND result = 'Denied'")[0]
    check('is on record with the reason', denied[0] == host.user and denied[1].startswith('127.0.0.1:') and 'no key or password of his was shown' in denied[5], denied)
    knock('nobody-of-that-name')
    check('a user who is not there', until(lambda: [d for d in records('Login', "AND result = 'Denied'") if d[0] == 'nobody-of-that-name' and 'there is no such user' in d[5]]))

    # ---- those that are there ----
    shell = stay('"begun"; Start-Sleep 300')
    shell.stdout.readline()
    idle = subprocess.Popen(['ssh', '-N', '-F', host.config, 'reeve-host'], stdin=subprocess.DEVNULL)
    check('both are listed', until(lambda: len(sessions()) == 2), sessions())
    quiet = [s for s in sessions() if s['State'] == 'Idle']
    check('one asks nothing', len(quiet) == 1 and quiet[0]['User'] == host.user and quiet[0]['KeyFingerprint'] == fingerprint and quiet[0]['IdleTime'] > 0 and quiet[0]['Roles'], sessions())
    with agentlib.Peer(host.socket) as p:
        me = p.call('EnumerateInstances', {'ClassName': 'Session', 'Filter': "Transport = 'Local'"})['result']['Instances']
        check('what runs', any('EnumerateInstances Session' in s['Activity'] for s in me), me)
    # With another agent they are still there.
    def agents():
        return [p for p in open(f'/proc/{host.proc.pid}/task/{host.proc.pid}/children').read().split() if open(f'/proc/{p}/comm').read() == 'reeve-agent\n']
    agent = agents()
    os.kill(int(agent[0]), 9)
    check('another agent knows of them', until(lambda: agents() not in ([], agent)) and until(lambda: len(sessions()) == 2))
    n = len(records('Login', "AND result = 'Succeeded'"))
    check('and records no login for it', n == len({r[2] for r in records('Login', "AND result = 'Succeeded'")}), n)

    # ---- ended ----
    busy = [s for s in sessions() if s['Id'] != quiet[0]['Id']][0]
    env = dict(os.environ, REEVE_SOCKET=host.socket)
    reeve = os.path.join(agentlib.BUILD, 'bin', 'reeve')
    r = subprocess.run([reeve, '-Command', f"Remove-Session {quiet[0]['Id']} -WhatIf; Stop-Session {busy['Id']}"], capture_output=True, text=True, env=env, timeout=30)
    check('a login is ended', r.returncode == 0 and shell.wait(30) != 0, (r, shell.poll()))
    check('the other stays', idle.poll() is None and until(lambda: [s['Id'] for s in sessions()] == [quiet[0]['Id']]), sessions())
    subprocess.run([reeve, '-Command', f"Remove-Session {quiet[0]['Id']}"], env=env, timeout=30)
    check('an idle one, too', idle.wait(30) != 0 and until(lambda: sessions() == []))
    check('both ends are on record', until(lambda: {busy['Id'], quiet[0]['Id']} <= {r[2] for r in records('Logout')}))

    # ---- a flood ----
    before = len(records('Login', "AND result = 'Denied'"))
    import concurrent.futures, time
    begun = time.monotonic()
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda i: knock(f'guess{i}'), range(120)))
    written = len(records('Login', "AND result = 'Denied'")) - before
    most = 63 + (time.monotonic() - begun) * (1 / 5 + 1 / 10)
    check('many refusals are not as many records', 20 <= written <= most, (written, most))
    check('the sum of the others is told', written >= 120 or until(lambda: records('Login', "AND message LIKE '%that were not recorded%'"), 90))
    r = host.ssh('(Test-AuditLog).Valid')
    check('the chain fits', r.stdout == 'True\n', r)
finally:
    host.stop()
check.end()
