#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Processes on a booted machine, with the agent in its unit's sandbox: each property beside the machine's /proc and beside ps, what is
done to one beside ps, taskset and /proc, and a dump, which systemd's own unit writes because the sandbox forbids it."""
import os, re, sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(os.path.dirname(HERE), 'integration')]
import agentlib, lablib, proclib
from hostlib import Asked, good, status

check = agentlib.Cases()
PS = {'ppid': 'ParentProcessId', 'pgid': 'ProcessGroupId', 'sid': 'SessionId', 'tname': 'Terminal', 'ni': 'Nice', 'nlwp': 'ThreadCount', 'cls': 'SchedulingPolicy', 'ruid': 'RealUid',
      'euid': 'EffectiveUid', 'suid': 'SavedUid', 'rgid': 'RealGid', 'egid': 'EffectiveGid', 'sgid': 'SavedGid', 'unit': 'Unit', 'ignored': 'SignalsIgnored', 'caught': 'SignalsCaught',
      'netns': 'NetNamespace', 'mntns': 'MountNamespace', 'pidns': 'PidNamespace', 'utsns': 'UtsNamespace', 'userns': 'UserNamespace', 'ipcns': 'IpcNamespace'}


def beside_ps(m, a):
    classes = {'TS': 'Other', 'FF': 'FIFO', 'RR': 'RoundRobin', 'B': 'Batch', 'IDL': 'Idle', 'DLN': 'Deadline'}
    read = lambda: {int(f[0]): dict(zip(PS, f[1:])) for f in (l.split() for l in m.run('ps -eo pid,' + ','.join(PS) + ' --no-headers').stdout.splitlines()) if len(f) == len(PS) + 1}
    mask = lambda names: f'{sum(1 << (int(s) if s.isdigit() else proclib.signal.Signals[s.replace("POLL", "IO")].value if "+" not in s else 34 + int(s.split("+")[1])) - 1 for s in names):016x}'
    as_ps = lambda k, v: {'tname': lambda: v or '?', 'cls': lambda: {w: k for k, w in classes.items()}[v], 'ignored': lambda: mask(v), 'caught': lambda: mask(v),
                          'unit': lambda: v or '-'}.get(k, lambda: str(v))()
    for _ in range(20):   # a live machine: what is told before and after
        was, rows, now = read(), {r['ProcessId']: r for r in a.rows('Process', PropertyList=['ProcessId', *PS.values()])}, read()
        wrong = [(p, k, as_ps(k, rows[p].get(PS[k])), was[p][k]) for p in was if was[p] == now.get(p) and p in rows for k in PS
                 if as_ps(k, rows[p].get(PS[k])) != (was[p][k] if k != 'unit' or not was[p][k].endswith('.slice') else '-')]
        if not wrong:
            break
    check(f'{len(PS)} properties of each process beside ps', len(was) > 5 and not wrong, wrong[:5])


def done_to_one(m, a):
    pid = int(m.run('sleep 600 >/dev/null 2>&1 & echo $!', check=True).stdout)
    key = {'ProcessId': pid}
    try:
        for method, given, tool, want in (('SetPriority', {'Priority': -7}, f'ps -o ni= -p {pid}', '-7'), ('SetPriority', {'Priority': 256}, f'ps -o ni= -p {pid}', '-20'),
                                          ('SetOomScore', {'Adjust': 400}, f'cat /proc/{pid}/oom_score_adj', '400'), ('SetAffinity', {'Processors': '0'}, f'taskset -cp {pid}', '0'),
                                          ('Suspend', {}, f'ps -o s= -p {pid}', 'T'), ('Resume', {}, f'ps -o s= -p {pid}', 'S')):
            r = a.do('Process', key, method, **given)
            check(f'{method} {given}, beside {tool.split()[0]}', good(r) and agentlib.until(lambda: m.run(tool).stdout.strip().split(':')[-1].strip() == want), (r, m.run(tool).stdout))
        r = a.do('Process', key, 'CreateDump', Path='/var/tmp/one.core')
        check('a dump, in the sandbox', good(r) and r['result']['Threads'] == 1 and r['result']['ThreadsWithoutRegisters'] == 0, r)
        head = m.run('head -c 4 /var/tmp/one.core; stat -c " %a %U %s" /var/tmp/one.core').stdout
        check('its file', good(r) and head.split() == ['\x7fELF', '600', 'root', str(r['result']['Size'])], head)
        check('the process goes on', m.run(f'ps -o s= -p {pid}').stdout.strip() == 'S')
        check('the unit that wrote it is gone', agentlib.until(lambda: 'reeve-dump' not in m.run('systemctl list-units --all --no-legend "reeve-dump*"').stdout))
        check('there already', status(a.do('Process', key, 'CreateDump', Path='/var/tmp/one.core')) == 'ALREADY_EXISTS')
        r = a.do('Process', key, 'CreateDump', Path='/nowhere/one.core')
        check('no such folder', status(r) == 'NOT_FOUND' and '/nowhere/one.core' in r['error']['message'], r)
        r = a.do('Process', None, 'Create', CommandLine='sleep 601')
        pid2 = r.get('result', {}).get('ProcessId')
        check('Create, beside ps', pid2 and m.run(f'ps -o args= -p {pid2}').stdout.strip() == 'sleep 601', r)
        unit = a.one('Process', {'ProcessId': pid2}, 'Unit', 'SeccompFilters', 'NoNewPrivileges', 'WorkingDirectory', 'CapabilitiesBounding') or {}
        init = a.one('Process', {'ProcessId': 1}, 'SeccompFilters', 'NoNewPrivileges', 'WorkingDirectory', 'CapabilitiesBounding')
        check('in a unit of its own, outside of the sandbox', re.match('reeve-process-.*service$', unit.get('Unit') or '') and all(unit[k] == v for k, v in init.items()), (unit, init))
        quick = [a.do('Process', None, 'Create', CommandLine='true') for _ in range(10)]
        check('programs that end at once', all(good(r) and r['result']['ProcessId'] > 1 for r in quick), quick)
        odd = a.do('Process', None, 'Create', CommandLine='sh -c \'echo "$HOME %n ${PATH}" > "/var/tmp/a b"; pwd >> "/var/tmp/a b"\'', CurrentDirectory='/usr')
        check('what a shell would take for its own', good(odd) and agentlib.until(lambda: m.run('cat "/var/tmp/a b"').stdout.splitlines()[1:] == ['/usr']) and '%n' in m.run('cat "/var/tmp/a b"').stdout, (odd, m.run('cat "/var/tmp/a b"').stdout))
        for given, want in (({'CommandLine': '/no/such/program'}, 'NOT_FOUND'), ({'CommandLine': 'sleep 1', 'CurrentDirectory': '/no/such'}, 'NOT_FOUND'), ({'CommandLine': '/etc/passwd'}, 'ACCESS_DENIED'), ({'CommandLine': ' '}, 'INVALID_PARAMETER')):
            r = a.do('Process', None, 'Create', **given)
            check(f'Create {given}: {want}', status(r) == want, r)
        m.run('rm -f "/var/tmp/a b"')
        m.run(f'kill {pid2}')
        r = a.do('Process', key, 'GetEnvironment')
        check('its environment', good(r) and {f'{k}={v}' for k, v in r['result']['Environment'].items()} == set(m.run(f'tr "\\0" "\\n" < /proc/{pid}/environ').stdout.splitlines()), r)
    finally:
        m.run(f'kill -KILL {pid}; rm -f /var/tmp/one.core')


def open_files(m, a):
    pid = int(m.run('systemctl show -P MainPID ssh').stdout)
    want = {l.split(' -> ')[0].split()[-1]: l.split(' -> ')[1] for l in m.run(f'ls -l /proc/{pid}/fd').stdout.splitlines() if ' -> ' in l}
    rows = a.rows('OpenFile', Filter=f'ProcessId = {pid}')
    check('what sshd has open, beside ls', {str(r['Descriptor']): r['Path'] for r in rows} == want, (rows, want))
    r = a.peer.call('Associators', {'ClassName': 'Service', 'InstanceName': {'Name': 'ssh'}, 'AssocClass': 'ServiceProcess', 'PropertyList': ['ProcessId']})
    check('from the service to its processes', pid in [x['ProcessId'] for x in r['result']['Instances']], r)
    threads = lambda: {int(t) for t in m.run('ps -eLo lwp --no-headers').stdout.split()}
    before, mine, after = threads(), {r['ThreadId'] for r in a.rows('Thread', PropertyList=['ThreadId'])}, threads()
    check('threads, beside ps -L', len(before & after) > 5 and before & after <= mine, (before, mine, after))


def main():
    with lablib.Lab() as lab:
        m = lab.machine('proc')
        a = Asked(m.agent())
        proclib.ROOT = f'/proc/{m.leader}/root'
        ask = lambda names, **more: a.rows('Process', PropertyList=names, **more)
        main_pid = int(re.search(r'\d+', m.run('pidof reeve-agent').stdout)[0])
        compared, names, wrong = proclib.every_property(ask, {main_pid})
        check(f'{names} properties of every process beside /proc', compared > 5 and not wrong, wrong[:10])
        beside_ps(m, a)
        done_to_one(m, a)
        open_files(m, a)
    check.end()


main()
