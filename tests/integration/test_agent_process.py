#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Process: each property of each process of this host beside what /proc says, read here and by itself."""
import ctypes, os, re, shutil, signal, subprocess, sys, tempfile

sys.path[:0] = [os.path.dirname(os.path.abspath(__file__))]
import agentlib
from proclib import every_property, expected, word

check = agentlib.Cases()
agent = agentlib.Agent()
peer = agent.open()


def ask(names, **more):
    return peer.call('EnumerateInstances', {'ClassName': 'Process', 'PropertyList': names, **more})['result']['Instances']


def odd():
    """A process of which each rare thing is true."""
    libc = ctypes.CDLL(None, use_errno=True)
    name = b'a) R 1 (\n\xff\x80b'
    def prepare():
        os.setpriority(os.PRIO_PROCESS, 0, 3)
        os.umask(0o27)
        libc.prctl(38, 1, 0, 0, 0)    # no new privileges
        signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGUSR1, signal.SIGRTMIN + 3])
        signal.signal(signal.SIGUSR2, signal.SIG_IGN)
    d = tempfile.mkdtemp(prefix='reeve-proc.')
    where = os.path.join(os.fsencode(d), b'new\nline \xff')
    os.mkdir(where)
    program = os.path.join(os.fsencode(d), name[:15])
    shutil.copy('/bin/sleep', program)
    child = subprocess.Popen([program, b'60'], cwd=where, preexec_fn=prepare, env={'A': 'b=c', 'LINE': 'x\ny'})
    try:
        os.remove(program)
        key = {'ProcessId': child.pid}
        names = list(expected(child.pid)) + ['Name', 'CommandLine', 'Arguments', 'CreationDate']
        reply = peer.call('GetInstance', {'ClassName': 'Process', 'InstanceName': key, 'PropertyList': names})
        me = reply.get('result', {})
        check('a name of parentheses, a line end and no UTF-8', me.get('Name', '').startswith('a) R 1 (\n') and me['ParentProcessId'] == os.getpid(), reply)
        check('its folder', me['WorkingDirectory'].startswith(d + '/new\nline ') and me['ExecutableDeleted'] is True and not me['ExecutablePath'].endswith('(deleted)'), me)
        check('what was set before it began', (me['Nice'], me['Umask'], me['NoNewPrivileges'], me['SignalsBlocked']) == (3, '0027', True, ['SIGUSR1', 'SIGRTMIN+3']) and 'SIGUSR2' in me['SignalsIgnored'], me)
        r = peer.call('InvokeMethod', {'ClassName': 'Process', 'MethodName': 'GetEnvironment', 'InstanceName': {**key, 'CreationDate': me['CreationDate']}})
        check('its environment', r.get('result', {}).get('Environment') == {'A': 'b=c', 'LINE': 'x\ny'}, r)
        check('which is no property', 'Environment' not in {p['Name'] for p in peer.call('GetClass', {'ClassName': 'Process'})['result']['Properties']})
        child.kill()
        os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
        z = peer.call('GetInstance', {'ClassName': 'Process', 'InstanceName': key, 'PropertyList': ['State', 'ExitStatus', 'PeakVirtualSize', 'WorkingDirectory', 'RealUid']})['result']
        check('a zombie', (z['State'], z['ExitStatus'], z.get('PeakVirtualSize'), z.get('WorkingDirectory'), z['RealUid']) == ('Z', 137, None, None, os.getuid()), z)
    finally:
        child.kill()
        child.wait()
        shutil.rmtree(d)


def methods():
    child = subprocess.Popen(['/usr/bin/python3', '-c', 'import threading, time\nfor _ in range(3): threading.Thread(target=time.sleep, args=(60,), daemon=True).start()\nprint(1, flush=True)\ntime.sleep(60)'], stdout=subprocess.PIPE)
    child.stdout.readline()
    agentlib.until(lambda: len(os.listdir(f'/proc/{child.pid}/task')) == 4)
    key = {'ProcessId': child.pid, 'CreationDate': ask(['CreationDate'], Filter=f'ProcessId = {child.pid}')[0]['CreationDate']}
    stale = {**key, 'CreationDate': '2001-01-01T00:00:00.000000Z'}

    def do(method, key=key, what_if=False, name='Process', **given):
        return peer.call('InvokeMethod', {'ClassName': name, 'MethodName': method, 'InstanceName': key, 'InParameters': given, **({'WhatIf': True} if what_if else {})})
    threads = lambda: [int(t) for t in os.listdir(f'/proc/{child.pid}/task')]
    name = lambda r: r.get('error', {}).get('data', {}).get('Name')
    state = lambda: expected(child.pid)['State']
    try:
        some = min(os.sched_getaffinity(0))
        for method, given, change, effect in [
                ('SetPriority', {'Priority': 5}, ('Nice', '0', '5'), lambda: {os.getpriority(os.PRIO_PROCESS, t) for t in threads()} == {5}),
                ('SetAffinity', {'Processors': str(some)}, ('ProcessorAffinity', expected(child.pid)['ProcessorAffinity'], str(some)), lambda: all(os.sched_getaffinity(t) == {some} for t in threads())),
                ('SetOomScore', {'Adjust': 321}, ('OomScoreAdjust', str(word(child.pid, 'oom_score_adj')), '321'), lambda: word(child.pid, 'oom_score_adj') == 321),
                ('Suspend', {}, None, lambda: state() == 'T'), ('Resume', {}, None, lambda: state() != 'T')]:
            already = effect()
            r = do(method, what_if=True, **given)
            told = [(c['Property'], c['From'], c['To']) for c in r.get('result', {}).get('Changed', [])]
            check(f'{method} -WhatIf: told, not done', r.get('result', {}).get('ReturnValue') == 0 and effect() == already and (change is None or already or told == [change]), (r, change))
            r = do(method, **given)
            check(f'{method}: done, to every thread', r.get('result', {}).get('ReturnValue') == 0 and agentlib.until(effect), r)
            check(f'{method}: not to a newcomer', name(do(method, stale, **given)) == 'STALE', do(method, stale, **given))
            check(f'{method}: not to nobody', name(do(method, {'ProcessId': 4194305}, **given)) == 'NOT_FOUND')
        r = do('SetPriority', {'Handle': str(child.pid)}, name='Win32_Process', Priority=16384)
        check("WMI's priority classes", r.get('result', {}).get('ReturnValue') == 0 and {os.getpriority(os.PRIO_PROCESS, t) for t in threads()} == {10}, r)
        for method, given in [('SetPriority', {'Priority': 77}), ('SetAffinity', {'Processors': '0-'}), ('SetAffinity', {'Processors': ''}), ('SetAffinity', {'Processors': '3-1'}),
                              ('SetAffinity', {'Processors': '8191'}), ('SetAffinity', {'Processors': '0,,1'}), ('SetOomScore', {'Adjust': 1001})]:
            r = do(method, **given)
            check(f'{method} {given}: refused', name(r) == 'INVALID_PARAMETER' and r['error']['data'].get('Property') in (*given, None), r)
        for pid in (1, agent.proc.pid):
            r = do('Suspend', {'ProcessId': pid})
            check(f'Suspend of {"process 1" if pid == 1 else "the agent"}: refused', name(r) == 'NOT_SUPPORTED', r)
    finally:
        child.kill()
        child.wait()


try:
    odd()
    methods()
    compared, names, wrong = every_property(ask, {os.getpid(), agent.proc.pid})   # these two are at work on this very question
    check(f'{names} properties of every process beside /proc', compared > 3 and not wrong, wrong[:10])
    print(f'{compared} processes, {names} properties')
finally:
    check('ends cleanly', agent.stop() == 0, agent.said)
check.end()
