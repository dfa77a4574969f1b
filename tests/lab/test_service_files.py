#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Unit files of services as text, beside `systemctl cat`; drop-ins; services without a file; ServiceFailed and ServiceRestarted; what changes
in the unit folders while PID 1 does not answer."""
import os, signal, sys, time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(os.path.dirname(HERE), 'integration')]
import agentlib, lablib
from agentlib import until
from hostlib import Asked, differ, status, good

check = agentlib.Cases()
OWN = '/etc/systemd/system'


def show(m, unit, *names):
    out = m.run(f"systemctl show --no-pager {unit} {' '.join('-p ' + n for n in names)}").stdout
    return dict(l.split('=', 1) for l in out.splitlines() if '=' in l)


def reading(m, a):
    get = lambda name, **kw: a.do('Service', {'Name': name}, 'GetUnitFile', **kw)
    for name in ('cron', 'ssh', 'dbus', 'systemd-journald'):
        r = get(name)
        path = show(m, name, 'FragmentPath')['FragmentPath']
        check(f'unit file of {name}', good(r) and r['result']['Path'] == path and r['result']['Content'] == m.run(f'cat {path}').stdout and r['result']['ReturnValue'] == 0, r)
    check('no service', status(get('nope')) == 'NOT_FOUND')
    r = get('cron', DropIn='nope')
    check('no drop-in', status(r) == 'NOT_FOUND' and 'DropInPaths' in r['error']['data']['Hint'], r)
    check('no name of one', status(get('cron', DropIn='../x')) == 'INVALID_PARAMETER', get('cron', DropIn='../x'))


def writing(m, a):
    put = lambda content, what_if=False, name='cron', **kw: a.do('Service', {'Name': name}, 'SetUnitFile', what_if, Content=content, **kw)
    there = lambda path: m.run(f'test -e {path}').returncode == 0
    file, other = f'{OWN}/cron.service.d/limits.conf', '/run/systemd/system/cron.service.d/now.conf'
    text = '[Service]\nMemoryMax=64M\nEnvironment=COLOUR=blue\n'
    r = put(text, True, DropIn='limits')
    check('what-if of a drop-in', good(r) and r['result']['Changed'] == [{'Property': file, 'From': None, 'To': f'{len(text)} bytes'}] and not there(file), r)
    r = put(text, DropIn='limits')
    check('a drop-in', good(r) and r['result']['Path'] == file and m.run(f'cat {file}').stdout == text, r)
    check('PID 1 has it', show(m, 'cron', 'MemoryMax', 'Environment', 'NeedDaemonReload') == {'MemoryMax': str(64 << 20), 'Environment': 'COLOUR=blue', 'NeedDaemonReload': 'no'}, show(m, 'cron', 'MemoryMax', 'NeedDaemonReload'))
    check('and the model', a.one('Service', {'Name': 'cron'}, 'DropInPaths', 'NeedDaemonReload') == {'DropInPaths': [file], 'NeedDaemonReload': False}, a.one('Service', {'Name': 'cron'}, 'DropInPaths', 'NeedDaemonReload'))
    check('it is read', a.do('Service', {'Name': 'cron'}, 'GetUnitFile', DropIn='limits')['result'].get('Content') == text)
    check('again changes nothing', not put(text, DropIn='limits.conf')['result'].get('Changed'))
    check('one until the next boot', good(put('[Service]\nCPUWeight=50\n', DropIn='now', Runtime=True)) and there(other) and show(m, 'cron', 'CPUWeight')['CPUWeight'] == '50')
    for bad, word in (('[Service]\nNonsense=1\n', 'Nonsense'), ('[Servce]\nMemoryMax=1M\n', 'Servce'), ('[Service]\nMemoryMax=lots\n', 'memory limit'), ('hello\n', '')):
        r = put(bad, DropIn='bad')
        check(f'refused: {bad!r}', status(r) == 'INVALID_PARAMETER' and word in r['error']['message'] and r['error']['data']['Property'] == 'Content' and 'Force' in r['error']['data']['Hint'] and not there(f'{OWN}/cron.service.d/bad.conf'), r)
    check('forced', good(put('[Service]\nNonsense=1\n', DropIn='bad', Force=True)) and there(f'{OWN}/cron.service.d/bad.conf'))
    r = a.do('Service', {'Name': 'cron'}, 'Verify')
    check('Verify finds it', good(r) and r['result']['ReturnValue'] == 1 and any('Nonsense' in l for l in r['result']['Messages']), r)
    check('a drop-in goes', good(put('', DropIn='bad')) and not there(f'{OWN}/cron.service.d/bad.conf'))
    r = a.do('Service', {'Name': 'cron'}, 'Verify')
    check('Verify is content', good(r) and r['result'] == {'ReturnValue': 0, 'Messages': []}, r)
    check('what is not there goes without a change', not put('', DropIn='bad')['result'].get('Changed'))
    check('the last one takes its folder along', good(put('', DropIn='limits')) and not there(f'{OWN}/cron.service.d'))
    put('', DropIn='now', Runtime=True)
    check('all is as it was', a.one('Service', {'Name': 'cron'}, 'DropInPaths') == {'DropInPaths': []} and show(m, 'cron', 'MemoryMax')['MemoryMax'] == 'infinity')
    # A whole file, beside what the package brought.
    packaged = show(m, 'cron', 'FragmentPath')['FragmentPath']
    new = m.run(f'cat {packaged}').stdout.replace('Description=', 'Description=Own: ')
    r = put(new)
    check('a file instead of the package\'s', good(r) and show(m, 'cron', 'FragmentPath')['FragmentPath'] == f'{OWN}/cron.service' and a.one('Service', {'Name': 'cron'}, 'DisplayName')['DisplayName'].startswith('Own: '), r)
    check('the package\'s is as it was', 'Own:' not in m.run(f'cat {packaged}').stdout)
    for bad in ('[Unit]\nDescription=x\n', '[Service]\nType=simple\n', '[Service]\nExecStart=\n'):
        r = put(bad, Force=True)
        check(f'what PID 1 cannot load is put back: {bad!r}', status(r) == 'FAILED' and 'put back' in r['error']['data']['Hint'] and m.run(f'cat {OWN}/cron.service').stdout == new and show(m, 'cron', 'LoadState')['LoadState'] == 'loaded', r)
    check('no empty file', status(put('')) == 'INVALID_PARAMETER')
    check('too much', status(put('#' * 300000, DropIn='big')) == 'INVALID_PARAMETER')
    check('no service', status(put('[Service]\nExecStart=/bin/true\n', name='nope')) == 'NOT_FOUND')
    m.run(f'rm {OWN}/cron.service; systemctl daemon-reload')
    a.do('Service', {'Name': 'cron'}, 'Mask')
    r = put(new)
    check('a mask is not written through', status(r) == 'NOT_SUPPORTED' and m.run(f'readlink {OWN}/cron.service').stdout.strip() == '/dev/null', r)
    a.do('Service', {'Name': 'cron'}, 'Unmask')
    check('nothing of the trials is left', not m.run('ls -d /run/reeve-verify* 2>/dev/null').stdout)


def transient(m, a):
    run = lambda what_if=False, **kw: a.do('Service', None, 'RunTransient', what_if, **kw)
    r = run(PathName='/bin/sh -c "echo out; exit 7"', Wait=True)
    check('how it ended', good(r) and r['result']['Result'] == 'exit-code' and r['result']['ExitStatus'] == 7, r)
    check('it is forgotten', a.one('Service', {'Name': r['result']['Name']}) is None and show(m, r['result']['Name'], 'LoadState')['LoadState'] == 'not-found')
    r = run(PathName='/bin/true', Wait=True)
    check('one that is well', good(r) and (r['result']['Result'], r['result']['ExitStatus']) == ('success', 0), r)
    r = run(PathName='/bin/sh -c "kill -9 $$$$"', Wait=True)
    check('one that a signal ends', good(r) and (r['result']['Result'], r['result']['ExitStatus']) == ('signal', 9), r)
    r = run(True, Name='lab-run', PathName='/bin/sleep 1000')
    check('what-if', good(r) and show(m, 'lab-run', 'LoadState')['LoadState'] == 'not-found', r)
    r = run(Name='lab-run', PathName="/bin/sleep 1000", DisplayName='A run', StartName='alice', WorkingDirectory='/tmp', Environment=['A=b c', 'D=e'], Setting=['CPUWeight=50', 'MemoryMax=64M'])
    want = {'Description': 'A run', 'User': 'alice', 'WorkingDirectory': '/tmp', 'Environment': '"A=b c" D=e', 'CPUWeight': '50', 'MemoryMax': str(64 << 20), 'Transient': 'yes', 'ActiveState': 'active', 'Type': 'exec'}
    check('one that goes on', good(r) and r['result']['Name'] == 'lab-run' and show(m, 'lab-run', *want) == want, (r, show(m, 'lab-run', *want)))
    check('it is a service', not differ(a.one('Service', {'Name': 'lab-run'}), {'State': 'Running', 'Transient': True, 'DisplayName': 'A run'}), a.one('Service', {'Name': 'lab-run'}))
    check('a name that is taken', status(run(Name='lab-run', PathName='/bin/true')) == 'ALREADY_EXISTS', run(Name='lab-run', PathName='/bin/true'))
    check('StopService ends it', good(a.do('Service', {'Name': 'lab-run'}, 'StopService')) and a.one('Service', {'Name': 'lab-run'}) is None)
    check('quotation marks', run(PathName="""/bin/sh -c 'test "$1" = "a  b" && test "$2" = "c"' x "a  b" \\c""", Wait=True).get('result', {}).get('ExitStatus') == 0)
    r = run(PathName='/no/such/program', Wait=True)
    check('a program that is not there', status(r) == 'FAILED' or r.get('result', {}).get('ExitStatus') == 203, r)
    for bad, prop in (({'PathName': 'true'}, 'PathName'), ({'PathName': '/bin/sh -c "x'}, 'PathName'), ({'PathName': '/bin/true\nx'}, 'PathName'), ({'PathName': '/bin/true', 'Name': '../x'}, 'Name'),
                      ({'PathName': '/bin/true', 'Setting': ['MemoryMax=much']}, None), ({'PathName': '/bin/true', 'Setting': ['what']}, 'Setting'), ({'PathName': '/bin/true', 'Type': 'forking'}, 'Type')):
        r = run(**bad)
        check(f'refused: {bad}', status(r) == 'INVALID_PARAMETER' and (not prop or r['error']['data'].get('Property') in (prop, None)), r)
    begun = time.monotonic()
    r = a.call('InvokeMethod', 'Service', None, MethodName='RunTransient', InParameters={'PathName': '/bin/sleep 1000', 'Wait': True, 'Name': 'lab-long'}, Timeout=1)
    check('a wait has a bound', status(r) == 'TIMED_OUT' and time.monotonic() - begun < 20 and show(m, 'lab-long', 'ActiveState')['ActiveState'] == 'active', r)
    m.run('systemctl stop lab-long')


def events(m, a, path):
    agentlib.Reader.patience = 30
    failed = agentlib.Reader(agentlib.Peer(path), Query='SELECT * FROM ServiceFailed')
    again = agentlib.Reader(agentlib.Peer(path), Query='SELECT * FROM ServiceRestarted')
    check('subscribed', not failed.error and not again.error, (failed.error, again.error))
    unit = lambda name, text: m.run(f"cat > /run/systemd/system/{name}.service", input=text)
    of = lambda name: lambda p: p.get('Indication', {}).get('Name') == name
    told = lambda r, name: (r.until(of(name))[-1] or {}).get('Indication', {})
    unit('lab-e1', '[Service]\nExecStart=/bin/sh -c "echo my last words; sleep 0.3; exit 3"\n')
    unit('lab-e2', '[Service]\nExecStart=/bin/sh -c "echo once more; sleep 0.3; exit 4"\nRestart=on-failure\nRestartSec=200ms\n[Unit]\nStartLimitBurst=3\nStartLimitIntervalSec=60\n')
    unit('lab-e3', '[Service]\nExecStart=/bin/sleep 1000\n')
    unit('lab-e4', '[Service]\nType=oneshot\nExecStart=/bin/sleep 1000\nTimeoutStartSec=300ms\n')
    m.run('systemctl daemon-reload; systemctl start --no-block lab-e1')
    e = told(failed, 'lab-e1')
    check('one that fails', not differ(e, {'Result': 'exit-code', 'ExitStatus': 3, 'ExitCode': 1, 'WillRestart': False, 'UnitName': 'lab-e1.service'}) and len(e.get('LastLogLines') or []) >= 2, e)
    said = lambda name, text: m.run(f'journalctl -u {name} --no-pager').stdout.count(text)   # journald may take a line for another's
    words = lambda e: sum('my last words' in l for l in e.get('LastLogLines') or [])
    before = 0
    for n in range(5):   # journald takes its time, too, on a busy machine: more than the event waits
        total = said('lab-e1', 'my last words')
        had, before = (words(e), total - before), total
        if had[0] == had[1]:
            break
        m.run('systemctl reset-failed lab-e1; systemctl start --no-block lab-e1')
        e = told(failed, 'lab-e1')
    check('its words, as journalctl has them', had[0] == had[1], (had, e))
    check('its run', e.get('InvocationID') == show(m, 'lab-e1', 'InvocationID')['InvocationID'], e)
    m.run('systemctl start lab-e3; systemctl kill -s SEGV lab-e3')
    e = told(failed, 'lab-e3')
    check('one that a signal ends', e.get('Result') in ('signal', 'core-dump') and e.get('ExitStatus') == 11, e)
    m.run('systemctl start --no-block lab-e4')
    e = told(failed, 'lab-e4')
    check('one that takes too long', e.get('Result') == 'timeout', e)
    m.run('systemctl start --no-block lab-e2')
    got = [told(failed, 'lab-e2') for _ in range(3)]
    check('each failure of one that is restarted', [g.get('Result') for g in got] == ['exit-code'] * 3 and [g.get('WillRestart') for g in got] == [True] * 3 and len({g['InvocationID'] for g in got}) == 3, got)
    e = told(failed, 'lab-e2')
    check('until it is too much', not differ(e, {'Result': 'exit-code', 'WillRestart': False}), e)
    check('its words are those of its run', all(sum('once more' in l for l in g['LastLogLines']) <= 1 for g in got) and sum('once more' in l for g in got for l in g['LastLogLines']) == said('lab-e2', 'once more'), got)
    got = [told(again, 'lab-e2') for _ in range(2)]
    check('it is restarted', [g.get('NRestarts') for g in got] == [1, 2] and all(g.get('Result') == 'exit-code' for g in got), got)
    check('until it is not', until(lambda: show(m, 'lab-e2', 'ActiveState')['ActiveState'] == 'failed'))
    m.run('systemctl daemon-reexec')
    m.run('systemctl reset-failed lab-e1; systemctl start --no-block lab-e1')
    e = told(failed, 'lab-e1')
    check('the connection was lost meanwhile', e.get('ExitStatus') == 3, e)
    # More signals than a socket holds, while nobody takes them.
    names = [f'lab-f{i}' for i in range(150)]
    for n in names:
        unit(n, '[Service]\nExecStart=/bin/false\n')
    m.run('systemctl daemon-reload; ' + ' '.join(['systemctl start --no-block'] + names))
    seen, end = set(), time.monotonic() + 60
    while not seen >= set(names) and time.monotonic() < end:
        got = failed.until(lambda p: p.get('Indication', {}).get('Name', '').startswith('lab-f'))[-1]
        if got:
            seen.add(got['Indication']['Name'])
    check('many at once', seen >= set(names), len(seen))


def lost(m, path):
    """The agent does not take what PID 1 says, and the connection is cut with all that is in it: what is otherwise afterwards is told."""
    r = agentlib.Reader(agentlib.Peer(path), Query="SELECT TargetInstance.Name, TargetInstance.State FROM __InstanceOperationEvent WHERE TargetInstance ISA 'Service'")
    f = agentlib.Reader(agentlib.Peer(path), Query="SELECT * FROM ServiceFailed WHERE Name = 'lab-l2'")
    check('the baseline', r.until(lambda p: p['Kind'] == 'Sync')[-1] and not f.error)
    pid = m.run('pidof -s reeve-agent').stdout.strip()
    m.run("cd /run/systemd/system; printf '[Unit]\\nStartLimitIntervalSec=0\\n[Service]\\nExecStart=/bin/sleep 1000\\n' > lab-l1.service; printf '[Service]\\nExecStart=/bin/false\\n' > lab-l2.service; systemctl daemon-reload")
    check('a new one is told', r.until(lambda p: p.get('Indication', {}).get('TargetInstance', {}).get('Name') == 'lab-l1')[-1])
    m.run(f'kill -STOP {pid}')
    try:
        m.run('systemctl stop cron; for i in $(seq 30); do systemctl restart lab-l1; done; systemctl start --no-block lab-l2', timeout=120)
        m.run('systemctl daemon-reexec')
        m.run('rm /run/systemd/system/lab-l3.service 2>/dev/null; systemctl is-active lab-l1')
    finally:
        m.run(f'kill -CONT {pid}')
    now, end = {}, time.monotonic() + 60
    while (now.get('cron'), now.get('lab-l1')) != ('Stopped', 'Running') and time.monotonic() < end:
        p = r.until(lambda p: 'Indication' in p)[-1]
        t = (p or {}).get('Indication', {}).get('TargetInstance', {})
        now[t.get('Name')] = t.get('State')
    check('what became otherwise is told', (now.get('cron'), now.get('lab-l1')) == ('Stopped', 'Running'), now)
    e = f.until(lambda p: 'Indication' in p)[-1]
    check('and what failed', e and e['Indication']['Result'] == 'exit-code', e)
    m.run('systemctl start cron; systemctl stop lab-l1')


def quiet(m):
    """Files that change concern PID 1 only when they must: it is stopped, and the list has them all the same. Nobody watches
    meanwhile: who has details read of what is new waits for PID 1."""
    with open(os.path.join(m.share, 'quiet.conf'), 'w') as f:
        f.write('[history]\nkeep = none\n')
    a = Asked(m.agent('--config', '/lab/quiet.conf', name='quiet'))
    a.peer.sock.settimeout(60)
    a.rows('Service')   # with all details
    os.kill(m.leader, signal.SIGSTOP)
    try:
        m.run("printf '[Unit]\\nDescription=Made while it slept\\n[Service]\\nExecStart=/bin/true\\n[Install]\\nWantedBy=multi-user.target\\n' > /etc/systemd/system/lab-q.service")
        begun = time.monotonic()
        row = lambda: next((r for r in a.call('EnumerateInstances', 'Service', None, PropertyList=['Name', 'DisplayName', 'UnitFileState', 'State'], Timeout=20).get('result', {}).get('Instances', []) if r['Name'] == 'lab-q'), None)
        check('a new unit file', not differ(row(), {'DisplayName': 'Made while it slept', 'UnitFileState': 'disabled', 'State': 'Stopped'}) and time.monotonic() - begun < 20, row())
        m.run('ln -s ../lab-q.service /etc/systemd/system/multi-user.target.wants/lab-q.service')
        check('a link', (row() or {}).get('UnitFileState') == 'enabled', row())
        m.run('rm /etc/systemd/system/multi-user.target.wants/lab-q.service /etc/systemd/system/lab-q.service')
        check('it goes', row() is None)
        got = a.call('GetInstance', 'Service', {'Name': 'cron'}, Timeout=20)
        check('details of others are still there', got.get('result', {}).get('FragmentPath'), got)
    finally:
        os.kill(m.leader, signal.SIGCONT)
    m.run('systemctl is-active cron')


def main():
    with lablib.Lab() as lab:
        m = lab.machine('files')
        path = m.agent()
        a = Asked(path)
        a.peer.sock.settimeout(60)
        reading(m, a)
        writing(m, a)
        transient(m, a)
        events(m, a, path)
        lost(m, path)
        quiet(m)
    check.end()


main()
