#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Service on a booted systemd: each property of each service beside `systemctl show`, each method by its effect and by the
error it gives when it must fail, the model's keeping up with what others do to PID 1."""
import datetime, os, shlex, sys, time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(os.path.dirname(HERE), 'integration')]
import agentlib, lablib

check = agentlib.Cases()


def show(machine, unit):
    """systemctl show, as a dict of texts."""
    out = machine.run(f'systemctl show --timestamp=us+utc --no-pager {unit}').stdout
    return dict(line.split('=', 1) for line in reversed(out.splitlines()) if '=' in line)   # of several ExecStart the first


def stamp(text):
    """RFC 3339 -> systemctl's form."""
    if not text:
        return ''
    t = datetime.datetime.fromisoformat(text.replace('Z', '+00:00'))
    return t.strftime('%a %Y-%m-%d %H:%M:%S.%f UTC')


# ours -> (systemctl's, how ours looks in systemctl's words)
text = lambda v: '' if v is None else str(v)
number = lambda v: '0' if v is None else str(v)
yes = lambda v: 'yes' if v else 'no'
words = lambda v: sorted(v or [])
TABLE = {
    'DisplayName': ('Description', text), 'LoadState': ('LoadState', text), 'ActiveState': ('ActiveState', text),
    'SubState': ('SubState', text), 'MainPID': ('MainPID', number), 'ControlPID': ('ControlPID', number),
    'ExecMainStatus': ('ExecMainStatus', number), 'ExecMainCode': ('ExecMainCode', number), 'Result': ('Result', text),
    'Type': ('Type', text), 'User': ('User', text), 'Group': ('Group', text), 'RestartPolicy': ('Restart', text),
    'NRestarts': ('NRestarts', number), 'ControlGroup': ('ControlGroup', text), 'Slice': ('Slice', text),
    'InvocationID': ('InvocationID', text), 'FragmentPath': ('FragmentPath', text), 'SourcePath': ('SourcePath', text),
    'DropInPaths': ('DropInPaths', words), 'Names': ('Names', words), 'Requires': ('Requires', words), 'Wants': ('Wants', words),
    'BindsTo': ('BindsTo', words), 'Conflicts': ('Conflicts', words), 'After': ('After', words), 'Before': ('Before', words),
    'RequiredBy': ('RequiredBy', words), 'WantedBy': ('WantedBy', words), 'TriggeredBy': ('TriggeredBy', words),
    'CanStart': ('CanStart', yes), 'CanStop': ('CanStop', yes), 'CanReload': ('CanReload', yes), 'CanFreeze': ('CanFreeze', yes),
    'FreezerState': ('FreezerState', text), 'NeedDaemonReload': ('NeedDaemonReload', yes), 'Transient': ('Transient', yes),
    'StateChangeTimestamp': ('StateChangeTimestamp', stamp), 'ActiveEnterTimestamp': ('ActiveEnterTimestamp', stamp),
    'InactiveEnterTimestamp': ('InactiveEnterTimestamp', stamp), 'ExecMainStartTimestamp': ('ExecMainStartTimestamp', stamp),
    'ExecMainExitTimestamp': ('ExecMainExitTimestamp', stamp), 'StatusText': ('StatusText', text), 'PartOf': ('PartOf', words),
    'OnFailure': ('OnFailure', words), 'Documentation': ('Documentation', words), 'UnitName': ('Id', text),
}
STATES = {'active': 'Running', 'reloading': 'Running', 'activating': 'Start Pending', 'deactivating': 'Stop Pending', 'inactive': 'Stopped', 'failed': 'Stopped'}


def derived(r, real):
    """What follows from what systemctl shows: [(property, ours, what follows)]."""
    state, file = real['ActiveState'], real.get('UnitFileState', '')
    argv = real.get('ExecStart', '').split('argv[]=', 1)[-1].split(' ;', 1)[0] if 'ExecStart' in real else ''
    want = {'State': 'Paused' if real.get('FreezerState') == 'frozen' and state == 'active' else STATES[state],
            'Started': state in ('active', 'reloading', 'activating'), 'Manager': 'systemd', 'ExecStart': argv or None,
            'JobType': None, 'LoadError': None if real['LoadState'] in ('loaded', 'not-found') else r['LoadError'] or 'some'}
    if r['LoadState'] == 'masked' or file.startswith('masked'):
        want['StartMode'] = 'Disabled'
    elif file.startswith('enabled') or file == 'generated':
        want['StartMode'] = 'Auto'
    elif file == 'disabled':
        want['StartMode'] = 'Manual'
    return [(p, r[p], v) for p, v in want.items() if (' '.join(r[p].split()) if p == 'ExecStart' and r[p] else r[p]) != (' '.join(v.split()) if p == 'ExecStart' and v else v)]


class Service:
    """What a test asks of one service."""
    def __init__(self, peer, name):
        self.peer, self.name = peer, name

    def get(self, *properties):
        return self.peer.call('GetInstance', {'ClassName': 'Service', 'InstanceName': {'Name': self.name}, **({'PropertyList': list(properties)} if properties else {})})

    def value(self, prop):
        return self.get(prop).get('result', {}).get(prop)

    def do(self, method, what_if=False, **arguments):
        return self.peer.call('InvokeMethod', {'ClassName': 'Service', 'InstanceName': {'Name': self.name}, 'MethodName': method,
                                               'InParameters': arguments, **({'WhatIf': True} if what_if else {})})


def create(peer, **arguments):
    return peer.call('InvokeMethod', {'ClassName': 'Service', 'MethodName': 'Create', 'InParameters': arguments})


def status(reply):
    return reply.get('error', {}).get('data', {}).get('Name')


def properties(machine, peer):
    rows = peer.call('EnumerateInstances', {'ClassName': 'Service'})['result']['Instances']
    check('all services are listed', len(rows) > 60, len(rows))
    listed = {line.split()[0] for line in machine.run('systemctl list-units --all --type=service --plain --no-legend --no-pager').stdout.splitlines()}
    files = dict(line.split()[:2] for line in machine.run('systemctl list-unit-files --type=service --no-legend --no-pager').stdout.splitlines())
    ours = {r['UnitName']: r for r in rows}
    missing = [u for u in listed if u not in ours and show(machine, u).get('LoadState') != 'not-found']
    check('no loaded service is missing', not missing, missing)
    missing = [u for u, state in files.items() if '@.' not in u and state != 'alias' and u not in ours]
    check('no installed service is missing', not missing, missing)
    for unit, state in files.items():
        if unit in ours and state != 'alias':
            check(f'UnitFileState of {unit}', ours[unit]['UnitFileState'] == state, (ours[unit]['UnitFileState'], state))
    for r in rows:
        real, wrong = show(machine, r['UnitName']), []
        for mine, (theirs, how) in TABLE.items():
            want = sorted(shlex.split(real.get(theirs, ''))) if how is words else real.get(theirs, '')
            if theirs in real and how(r[mine]) != want and not (mine == 'LoadState' and r[mine] == 'stub'):
                wrong.append((mine, r[mine], real.get(theirs)))
        check(f"properties of {r['Name']}", not wrong, wrong[:3])
        wrong = derived(r, real)
        if wrong:   # a job that ended meanwhile
            wrong = derived(Service(peer, r['Name']).get()['result'], show(machine, r['UnitName']))
        check(f"what follows for {r['Name']}", not wrong, wrong)


def methods(machine, peer):
    cron, is_active = Service(peer, 'cron'), lambda u: machine.run(f'systemctl is-active {u}').stdout.strip()
    reply = cron.do('StopService', what_if=True)
    check('what-if tells the change', reply['result'].get('Changed') == [{'Property': 'State', 'From': 'Running', 'To': 'Stopped'}], reply)
    check('what-if changes nothing', is_active('cron') == 'active')
    check('StopService', cron.do('StopService').get('result', {}).get('ReturnValue') == 0 and is_active('cron') == 'inactive')
    check('its state is seen at once', cron.value('State') == 'Stopped')
    check('stopping again changes nothing', 'Changed' not in cron.do('StopService')['result'])
    check('StartService', cron.do('StartService').get('result', {}).get('ReturnValue') == 0 and is_active('cron') == 'active')
    first = cron.value('MainPID')
    check('Restart', cron.do('Restart').get('result', {}).get('ReturnValue') == 0 and cron.value('MainPID') not in (None, first))
    check('PauseService', 'result' in cron.do('PauseService') and cron.value('State') == 'Paused')
    check('paused in the kernel', 'frozen 1' in machine.run('cat /sys/fs/cgroup/system.slice/cron.service/cgroup.events').stdout)
    check('ResumeService', 'result' in cron.do('ResumeService') and cron.value('State') == 'Running')
    check('Reload of one that cannot', status(cron.do('Reload')) == 'NOT_SUPPORTED')
    check('Reload of one that can', 'result' in Service(peer, 'ssh').do('Reload'))
    for mode, word in (('Disabled', 'masked'), ('Manual', 'disabled'), ('Automatic', 'enabled')):
        reply = cron.do('ChangeStartMode', StartMode=mode)
        check(f'ChangeStartMode {mode}', 'result' in reply and machine.run('systemctl is-enabled cron').stdout.strip() == word, reply)
        check(f'{mode} is seen', cron.value('StartMode') == {'Automatic': 'Auto'}.get(mode, mode))
    check('a mode that does not exist', status(cron.do('ChangeStartMode', StartMode='Often')) == 'INVALID_PARAMETER')
    check('Mask', 'result' in cron.do('Mask', Runtime=True) and 'masked' in machine.run('systemctl is-enabled cron').stdout)
    reply = cron.do('Restart')
    check('a masked one does not start, and the hint tells', status(reply) == 'FAILED' and 'Unmask' in reply['error']['data']['Hint'], reply)
    check('Unmask', 'result' in cron.do('Unmask', Runtime=True) and machine.run('systemctl is-enabled cron').stdout.strip() == 'enabled')
    desired = lambda op, **p: peer.call(op, {'ClassName': 'Service', 'InstanceName': {'Name': 'cron'}, 'Properties': p})
    check('in the desired state', desired('TestInstance', State='Running', StartMode='Auto').get('result', {}).get('InDesiredState') is True)
    reply = desired('SetInstance', State='Stopped', StartMode='Manual')
    check('SetInstance to Stopped, Manual', [x['To'] for x in reply.get('result', {}).get('Changed', [])] == ['Manual', 'Stopped'] and is_active('cron') == 'inactive'
          and machine.run('systemctl is-enabled cron').stdout.strip() == 'disabled', reply)
    check('again: nothing', desired('SetInstance', State='Stopped', StartMode='Manual')['result'] == {'InDesiredState': True, 'Changed': []})
    reply = desired('SetInstance', State='Running', StartMode='Auto')
    check('SetInstance to Running, Auto', is_active('cron') == 'active' and machine.run('systemctl is-enabled cron').stdout.strip() == 'enabled', reply)
    check('a state that cannot be set', status(desired('SetInstance', State='Start Pending')) == 'INVALID_PARAMETER')
    document = {'Resources': [{'Name': 'cron', 'ClassName': 'Service', 'InstanceName': {'Name': 'cron'}, 'Properties': {'State': 'Stopped'}}]}
    reply = peer.call('SetDesiredState', {'Document': document})['result']
    check('by a document', reply['InDesiredState'] and is_active('cron') == 'inactive', reply)
    peer.call('SetDesiredState', {'Document': reply['RollbackDocument']})
    check('and back', is_active('cron') == 'active', reply)
    create(peer, Name='own', PathName='/bin/sleep 1000')
    reply = Service(peer, 'own').do('ChangeStartMode', StartMode='Disabled')
    check('no mask where the unit file itself is, and the hint tells what to do', status(reply) == 'NOT_SUPPORTED' and 'Manual' in reply['error']['data']['Hint'], reply)
    check('the unit file is unharmed', 'sleep' in machine.run('cat /etc/systemd/system/own.service').stdout)
    check('a service that is not there', status(Service(peer, 'nope').do('StartService')) == 'NOT_FOUND')
    check('static ones cannot be enabled', status(Service(peer, 'dbus').do('ChangeStartMode', StartMode='Manual')) in (None, 'NOT_SUPPORTED'))
    check('what a package installed is not deleted', status(cron.do('Delete')) == 'NOT_SUPPORTED')


def life(machine, peer):
    check('Create', 'result' in create(peer, Name='lab-good', PathName='/bin/sleep 1000', DisplayName='A good one', StartMode='Auto', StartName='alice'))
    good = Service(peer, 'lab-good')
    check('its unit file says it', 'User=alice' in machine.run('cat /etc/systemd/system/lab-good.service').stdout)
    check('it is enabled', machine.run('systemctl is-enabled lab-good').stdout.strip() == 'enabled')
    check('Create again', status(create(peer, Name='lab-good', PathName='/bin/true')) == 'ALREADY_EXISTS')
    for wrong in ({'Name': '../x', 'PathName': '/bin/true'}, {'Name': 'x', 'PathName': 'true'}, {'Name': 'x', 'PathName': '/bin/true\nUser=root'},
                  {'Name': 'x', 'PathName': '/bin/true', 'DisplayName': 'a\n[Service]\nExecStart=/bin/sh'}):
        check(f'Create refuses {wrong}', status(create(peer, **wrong)) == 'INVALID_PARAMETER', create(peer, **wrong))
    check('Start', 'result' in good.do('StartService') and good.value('MainPID'))
    owner = machine.run(f"stat -c %U /proc/{good.value('MainPID')}").stdout.strip()
    check('it runs as its user', owner == 'alice', owner)
    check('Kill', 'result' in good.do('Kill', Signal='HUP', Whom='main'))
    for _ in range(100):
        if good.value('State') == 'Stopped':
            break
        time.sleep(0.02)
    check('it ended by the signal', good.get('Result')['result']['Result'] in ('success', 'signal'), good.get('Result'))
    check('Kill with no signal', status(good.do('Kill', Signal='SIGNONSENSE')) == 'INVALID_PARAMETER')
    good.do('StartService')
    check('SetProperty', 'result' in good.do('SetProperty', Property='CPUWeight', Value='50', Runtime=True) and show(machine, 'lab-good')['CPUWeight'] == '50')
    check('SetProperty of nothing', status(good.do('SetProperty', Property='NoSuchThing', Value='5')) is not None)
    check('Delete', 'result' in good.do('Delete') and not os.path.exists(f'/proc/{machine.leader}/root/etc/systemd/system/lab-good.service'))
    check('it is gone', status(good.get('State')) == 'NOT_FOUND')
    create(peer, Name='lab-dies', PathName='/bin/sh -c "echo my last words; sleep 0.1; exit 3"')
    reply = Service(peer, 'lab-dies').do('StartService')
    check('one that dies after its start has failed', status(reply) == 'FAILED', reply)
    check('its exit status and last words are told', 'status 3' in reply['error']['message'] and 'my last words' in reply['error']['data']['Hint'], reply)
    check('LastLogLines', any('my last words' in line for line in Service(peer, 'lab-dies').value('LastLogLines') or []))
    check('ResetFailed', 'result' in Service(peer, 'lab-dies').do('ResetFailed') and Service(peer, 'lab-dies').value('ActiveState') == 'inactive')
    Service(peer, 'lab-dies').do('Delete')


def jobs(machine, peer):
    """A job that is queued, and usage: between two looks of systemctl."""
    create(peer, Name='lab-slow', PathName='/bin/sleep 1000', Type='oneshot')
    machine.run('systemctl start --no-block lab-slow')
    r = Service(peer, 'lab-slow').get('JobType', 'State', 'Started', 'ActiveState')['result']
    check('a job under way', r == {'JobType': 'start', 'State': 'Start Pending', 'Started': True, 'ActiveState': 'activating'} and 'lab-slow.service start running' in machine.run('systemctl list-jobs --plain --no-legend | tr -s " "').stdout, r)
    machine.run('systemctl stop lab-slow')
    r = Service(peer, 'lab-slow').get('JobType', 'State')['result']
    check('and none', r == {'JobType': None, 'State': 'Stopped'}, r)
    for prop in ('CPUUsageNSec', 'MemoryCurrent', 'TasksCurrent'):
        value = lambda: show(machine, 'cron').get(prop, '')
        before, mine, after = value(), Service(peer, 'cron').value(prop), value()
        known = [int(v) for v in (before, after) if v.isdigit() and int(v) < 1 << 63]
        if not known or mine is None:
            # Without accounting or the controller systemd has no number; ours comes from the control group itself.
            check(f'{prop} is not made up', mine is None or prop == 'CPUUsageNSec', (before, mine, after))
        else:
            check(f'{prop} beside systemctl show', min(known) <= mine <= max(known), (before, mine, after))


def keeping_up(machine, peer):
    """What others do is seen by the next reader, also across reload and re-execution of PID 1."""
    cron = Service(peer, 'cron')
    machine.run('systemctl stop cron')
    check('stopped by systemctl', cron.value('State') == 'Stopped')
    machine.run('systemctl start cron')
    check('started by systemctl', cron.value('State') == 'Running')
    pid = cron.value('MainPID')
    machine.run(f'kill -9 {pid}')
    for _ in range(100):
        if cron.value('MainPID') != pid:
            break
        time.sleep(0.02)
    check('a crash is seen', cron.value('MainPID') != pid)
    machine.run('systemd-run --unit lab-transient sleep 100')
    check('a transient unit appears', Service(peer, 'lab-transient').value('Transient') is True, Service(peer, 'lab-transient').get())
    machine.run('systemctl stop lab-transient')
    check('and goes', status(Service(peer, 'lab-transient').get('State')) == 'NOT_FOUND')
    machine.run("printf '[Service]\\nExecStart=/bin/true\\n' > /etc/systemd/system/lab-file.service; systemctl daemon-reload")
    check('a new unit file appears', Service(peer, 'lab-file').value('UnitFileState') == 'static', Service(peer, 'lab-file').get())
    machine.run('rm /etc/systemd/system/lab-file.service; systemctl daemon-reload')
    check('and goes', status(Service(peer, 'lab-file').get('State')) == 'NOT_FOUND')
    machine.run('systemctl daemon-reexec')
    check('after daemon-reexec', cron.value('State') == 'Running', cron.get('State'))
    machine.run('for i in $(seq 300); do printf "[Service]\\nExecStart=/bin/true\\n" > /etc/systemd/system/lab-m$i.service; done; systemctl daemon-reload')
    rows = peer.call('EnumerateInstances', {'ClassName': 'Service', 'PropertyList': ['Name', 'Result']})['result']['Instances']
    check('hundreds of units', sum(r['Name'].startswith('lab-m') for r in rows) == 300, len(rows))
    machine.run('rm /etc/systemd/system/lab-m*.service; systemctl daemon-reload')


def frozen(machine, peer):
    """PID 1 does not answer: an outcome in time, and the agent goes on."""
    os.kill(machine.leader, 19)  # SIGSTOP from outside the namespace
    try:
        begin = time.monotonic()
        reply = peer.call('InvokeMethod', {'ClassName': 'Service', 'InstanceName': {'Name': 'cron'}, 'MethodName': 'Restart', 'Timeout': 1})
        check('a call to a stopped PID 1 ends in time', status(reply) in ('TIMED_OUT', 'UNAVAILABLE') and time.monotonic() - begin < 3, reply)
        check('others are answered', 'result' in peer.call('EnumerateInstances', {'ClassName': 'Process', 'PropertyList': ['Name']}))
    finally:
        os.kill(machine.leader, 18)
    for _ in range(50):
        machine.run('systemctl is-active cron')  # a stopped and continued PID 1 handles SIGCHLD with the next event only
        if Service(peer, 'cron').value('State') == 'Running':
            break
        time.sleep(0.1)
    check('and it recovers', Service(peer, 'cron').value('State') == 'Running', (Service(peer, 'cron').get('State'), machine.run('systemctl status cron; systemctl list-jobs').stdout))


def main():
    with lablib.Lab() as lab:
        machine = lab.machine('svc')
        peer = agentlib.Peer(machine.agent())
        for part in (properties, methods, life, jobs, keeping_up, frozen):
            part(machine, peer)
    check.end()


main()
