#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Service on booted machines without systemd: sysvinit, runit and OpenRC as PID 1. Properties beside what the service
manager's own tools say, each method by its effect as they see it and by the error it gives when it must fail, events."""
import concurrent.futures, ctypes, os, re, subprocess, sys, time, traceback

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(os.path.dirname(HERE), 'integration')]
import agentlib, hostlib, lablib
from agentlib import Reader
from hostlib import status

Reader.patience = 30
check = agentlib.Cases()


def wait(good, seconds=30):
    end = time.monotonic() + seconds
    while not good() and time.monotonic() < end:
        time.sleep(0.05)
    return good()


class Manager:
    """What a service manager's own tools say. One subclass for each."""
    def __init__(self, machine):
        self.m = machine

    def out(self, command):
        return self.m.run(command).stdout.strip()

    def ok(self, command):
        return self.m.run(command).returncode == 0


class Sysv(Manager):
    name, service = 'sysvinit', 'cron'
    pauses = disables = resets = False

    def booted(self):
        return self.out('runlevel') == 'N 2' and not self.ok('pgrep -x rc') and self.ok('pidof sshd')

    def runs(self, name):
        return self.ok(f'service {name} status')

    def auto(self, name):
        return self.ok(f'ls /etc/rc2.d/S??{name} || ls /etc/rcS.d/S??{name}')

    def stop(self, name):
        return f'service {name} stop'

    def start(self, name):
        return f'service {name} start'

    def properties(self, rows):
        listed = {}
        for line in self.out('service --status-all 2>&1').splitlines():
            mark = re.match(r'\s*\[ (.) \]\s+(\S+)', line)
            listed[mark.group(2)] = mark.group(1)
        check('the services of service(8)', set(rows) == set(listed) | ({'killprocs'} & set(rows)), set(rows) ^ set(listed))
        running = {n for n, r in rows.items() if r['State'] == 'Running'}
        check('those that run', running == {n for n, mark in listed.items() if mark == '+'}, (running, listed))
        for name, r in rows.items():
            code = self.m.run(f'service {name} status').returncode
            good = {'Running': code == 0, 'Stopped': code in (1, 2, 3), 'Unknown': True}[r['State']]
            check(f'state of {name}', good, (r['State'], code))
            levels = sorted(x.split('/')[2][2] for x in self.out(f'ls -d /etc/rc?.d/S??{name}').splitlines())
            check(f'runlevels of {name}', sorted(r['Runlevels'] or []) == [x for x in levels if x in 'S12345'], (r['Runlevels'], levels))
            header = dict(re.findall(r'^#\s*([\w-]+):[ \t]*(.*?)\s*$', self.out(f'cat /etc/init.d/{name}').split('### END INIT INFO')[0], re.M))
            check(f'display name of {name}', (r['DisplayName'] or '') == header.get('Short-Description', ''), (r['DisplayName'], header))
            for mine, theirs in (('Requires', 'Required-Start'), ('Wants', 'Should-Start'), ('Names', 'Provides'), ('Before', 'X-Start-Before')):
                check(f'{mine} of {name}', (r[mine] or []) == header.get(theirs, '').split(), (r[mine], header.get(theirs)))
        check('who needs mountall', 'mountall-bootclean.sh' in rows['mountall.sh']['RequiredBy'], rows['mountall.sh'])


class Runit(Manager):
    name, service = 'runit', 'default-syslog'
    pauses = disables = True
    resets = False

    def booted(self):
        # all that are linked are looked after, none is on its way up, and what runs once has done so
        said = self.out('sv status /etc/service/*')
        return self.ok('pidof sshd') and 'unable' not in said and 'want up' not in said and 'down: /etc/service/dbus.dep-fixer' in said

    def runs(self, name):
        return self.out(f'sv status {name}').startswith('run:')

    def auto(self, name):
        return self.ok(f'test -e /etc/service/{name}/run && ! test -e /etc/service/{name}/down')

    def stop(self, name):
        return f'sv stop {name}'

    def start(self, name):
        return f'sv start {name}'

    def properties(self, rows):
        linked = set(self.out('ls /etc/service').split())
        check('the services of /etc/service', linked == {n for n, r in rows.items() if r['StartMode'] != 'Disabled'}, linked)
        check('those that are not linked', set(self.out('ls /etc/sv').split()) - linked <= {n for n, r in rows.items() if r['StartMode'] == 'Disabled'}, rows.keys())
        for name in linked:
            r, said = rows[name], self.out(f'sv status {name}')
            state = said.split(':')[0]
            check(f'state of {name}', r['State'] == {'run': 'Running', 'down': 'Stopped'}[state], (r['State'], said))
            pid = re.match(r'run: \S+ \(pid (\d+)\)', said)
            check(f'pid of {name}', r['MainPID'] == (int(pid.group(1)) if pid else None), (r['MainPID'], said))
            normally = 'down' if ('normally down' in said or (state == 'down' and 'normally up' not in said)) else 'up'
            check(f'start mode of {name}', r['StartMode'] == {'up': 'Auto', 'down': 'Manual'}[normally], (r['StartMode'], said))
            stamp = self.out(f"od -An -tu1 -N8 /etc/service/{name}/supervise/status").split()
            tai = int.from_bytes(bytes(map(int, stamp)), 'big') - 4611686018427387914
            check(f'last change of {name}', r['StateChangeTimestamp'] and r['StateChangeTimestamp'].startswith(time.strftime('%Y-%m-%dT%H:%M:%S', time.gmtime(tai))), (r['StateChangeTimestamp'], tai))
            check(f'script of {name}', r['ExecStart'] == self.out(f'readlink -f /etc/service/{name}/run'), r['ExecStart'])


class OpenRC(Manager):
    name, service = 'OpenRC', 'cron'
    pauses = disables = False
    resets = True

    def booted(self):
        return self.out('cat /run/openrc/softlevel') == 'default' and not self.ok('pgrep -x openrc') and not self.ok('pgrep -x rc') and self.ok('pidof sshd')

    def runs(self, name):
        return self.ok(f'rc-service {name} status')

    def auto(self, name):
        line = [x for x in self.out('rc-update show -v').splitlines() if x.split('|')[0].strip() == name]
        return bool(line and re.search(r'\b(sysinit|boot|default)\b', line[0].split('|')[1]))

    def stop(self, name):
        return f'rc-service {name} stop'

    def start(self, name):
        return f'rc-service {name} start'

    def properties(self, rows):
        listed = set(self.out('rc-service --list').split()) - {'rc', 'rcS', 'halt', 'reboot', 'single'}
        check('the services of rc-service', listed == set(rows), listed ^ set(rows))
        levels = {}
        for line in self.out('rc-update show -v').splitlines():
            name, where = line.split('|')
            levels[name.strip()] = sorted(where.split())
        said = dict(re.findall(r'^ (\S+)\s+\[\s*(\w+)', self.out('rc-status --nocolor --servicelist'), re.M))
        tree = self.out('cat /run/openrc/deptree')
        number = {name: n for n, name in re.findall(r"^depinfo_(\d+)_service='(.*)'$", tree, re.M)}
        check('rc-status knows most', len(set(said) & set(rows)) > 25, said)  # it hides what is not for containers
        for name, r in rows.items():
            check(f'runlevels of {name}', sorted(r['Runlevels'] or []) == levels[name], (r['Runlevels'], levels[name]))
            if name not in said:
                continue
            check(f'state of {name}', r['State'] == {'started': 'Running', 'stopped': 'Stopped'}[said[name]], (r['State'], said[name]))
            check(f'word for the state of {name}', r['SubState'] == said[name], (r['SubState'], said[name]))
            for mine, kind in (('Requires', 'ineed'), ('Wants', 'iuse'), ('Before', 'ibefore'), ('Names', 'iprovide')):
                want = [w for w in re.findall(rf"^depinfo_{number[name]}_{kind}_\d+='(.*)'$", tree, re.M) if w != '_all']
                check(f'{mine} of {name}', (r[mine] or []) == want, (r[mine], want))
        check('who needs checkroot', 'checkfs.sh' in rows['checkroot.sh']['RequiredBy'], rows['checkroot.sh'])


class Machine:
    """The agent on one of them, and its service manager's tools."""
    def __init__(self, machine, tools):
        self.m, self.tools = machine, tools
        self.path = machine.agent()
        self.ask = hostlib.Asked(self.path)
        self.ask.peer.sock.settimeout(60)

    def do(self, name, method, what_if=False, **arguments):
        return self.ask.do('Service', {'Name': name} if name else None, method, what_if, **arguments)

    def get(self, name, prop):
        return (self.ask.one('Service', {'Name': name}, prop) or {}).get(prop)

    def changed(self, reply):
        return [(x['Property'], x['From'], x['To']) for x in reply.get('result', {}).get('Changed', [])]


def properties(x):
    rows = {r['Name']: r for r in x.ask.rows('Service')}
    x.tools.properties(rows)
    for name, r in rows.items():
        check(f'manager of {name}', r['Manager'] == x.tools.name and r['UnitName'] is None and r['MemoryCurrent'] is None, r)
        check(f'start mode of {name}', (r['StartMode'] == 'Auto') == x.tools.auto(name), r['StartMode'])
        pid = r['MainPID']
        if pid:
            user, begun = x.m.run(f"ps -o user= -p {pid} || echo gone; date -u +%s -d \"$(ps -o lstart= -p {pid})\"").stdout.split()
            check(f'user of {name}', r['User'][:7] == user[:7].rstrip('+'), (r['User'], user))
            mine = time.mktime(time.strptime(r['ExecMainStartTimestamp'][:19], '%Y-%m-%dT%H:%M:%S')) - time.timezone
            check(f'start of {name}', abs(mine - int(begun)) <= 2, (r['ExecMainStartTimestamp'], begun))
        one = x.ask.one('Service', {'Name': name})
        wrong = [(k, v, one.get(k)) for k, v in r.items() if k in one and v != one[k] and k not in ('LastLogLines', 'ExecMainStartTimestamp')]
        check(f'{name} alone is as in the list', not wrong, wrong)
    for name in ('ssh', x.tools.service):
        check(f'{name} has a process', rows[name]['MainPID'] and rows[name]['State'] == 'Running' and rows[name]['Started'] is True, rows[name])
    view = x.ask.rows('Win32_Service')
    check('Win32_Service shows them', {v['Name'] for v in view} == set(rows) and any(v['ProcessId'] and v['Started'] for v in view), view[:1])
    for odd in ('nope', '../passwd', '.', '', 'a/b'):
        check(f'no service {odd!r}', x.ask.one('Service', {'Name': odd}) is None)


def methods(x):
    name, tools = x.tools.service, x.tools
    reply = x.do(name, 'StopService', what_if=True)
    check('what-if tells the change', x.changed(reply) == [('State', 'Running', 'Stopped')], reply)
    check('what-if changes nothing', tools.runs(name))
    reply = x.do(name, 'StopService')
    check('StopService', hostlib.good(reply) and not tools.runs(name), reply)
    check('its state is seen at once', x.get(name, 'State') == 'Stopped' and x.get(name, 'MainPID') is None)
    check('stopping again changes nothing', x.changed(x.do(name, 'StopService')) == [])
    reply = x.do(name, 'StartService')
    check('StartService', hostlib.good(reply) and tools.runs(name) and x.get(name, 'State') == 'Running', reply)
    check('starting again changes nothing', x.changed(x.do(name, 'StartService')) == [])
    first = x.get(name, 'MainPID')
    reply = x.do(name, 'Restart')
    check('Restart', hostlib.good(reply) and x.get(name, 'MainPID') not in (None, first), (reply, first))
    check('Reload of one that can', hostlib.good(x.do('ssh', 'Reload')) and x.get('ssh', 'State') == 'Running')
    check('ReloadOrRestart', hostlib.good(x.do('ssh', 'ReloadOrRestart')) and tools.runs('ssh'))
    for mode in ('Manual', 'Automatic'):
        reply = x.do(name, 'ChangeStartMode', StartMode=mode)
        check(f'ChangeStartMode {mode}', hostlib.good(reply) and tools.auto(name) == (mode == 'Automatic'), reply)
        check(f'{mode} is seen', x.get(name, 'StartMode') == {'Automatic': 'Auto'}.get(mode, mode))
        check(f'{mode} again changes nothing', x.changed(x.do(name, 'ChangeStartMode', StartMode=mode)) == [])
    check('it still runs', tools.runs(name))
    check('a mode that does not exist', status(x.do(name, 'ChangeStartMode', StartMode='Often')) == 'INVALID_PARAMETER')
    change = lambda **p: x.ask.call('SetInstance', 'Service', {'Name': name}, p)
    reply = change(State='Stopped', StartMode='Manual')
    check('SetInstance to Stopped, Manual', [c[2] for c in x.changed(reply)] == ['Manual', 'Stopped'] and not tools.runs(name) and not tools.auto(name), reply)
    check('again: nothing', change(State='Stopped', StartMode='Manual')['result'] == {'InDesiredState': True, 'Changed': []})
    reply = change(State='Running', StartMode='Auto')
    check('SetInstance to Running, Auto', tools.runs(name) and tools.auto(name), reply)
    check('a state that cannot be set', status(change(State='Start Pending')) == 'INVALID_PARAMETER')
    for method in ('StartService', 'StopService', 'Restart', 'Reload', 'PauseService', 'Delete', 'ResetFailed', 'Mask'):
        check(f'{method} of a service that is not there', status(x.do('nope', method)) == 'NOT_FOUND')
    for method, more in (('Mask', {}), ('Unmask', {}), ('SetProperty', {'Property': 'CPUWeight', 'Value': '50'}), ('Delete', {})):
        reply = x.do('ssh', method, **more)
        check(f'{method} cannot be', status(reply) == 'NOT_SUPPORTED' and reply['error']['data']['Hint'] and 'ssh' in reply['error']['message'], reply)
    if not x.tools.resets:
        check('ResetFailed cannot be', status(x.do('ssh', 'ResetFailed')) == 'NOT_SUPPORTED')
    check('Kill with no signal', status(x.do(name, 'Kill', Signal='SIGNONSENSE')) == 'INVALID_PARAMETER')
    check('no control process', status(x.do(name, 'Kill', Signal='HUP', Whom='control')) == 'NOT_SUPPORTED')
    pausing(x, name)
    disabling(x, name)


def pausing(x, name):
    reply = x.do(name, 'PauseService')
    if not x.tools.pauses:
        check('PauseService cannot be', status(reply) == 'NOT_SUPPORTED' and 'Kill' in reply['error']['data']['Hint'], reply)
        return
    stat = lambda: x.m.run(f"ps -o stat= -p {x.get(name, 'MainPID')}").stdout.strip()[:1]
    check('PauseService', hostlib.good(reply) and 'paused' in x.tools.out(f'sv status {name}') and x.get(name, 'State') == 'Paused', reply)
    check('paused in the kernel', wait(lambda: stat() == 'T'), stat())
    reply = x.do(name, 'StartService')
    check('a paused one is not started, and the hint tells', status(reply) == 'FAILED' and 'Resume' in reply['error']['data']['Hint'], reply)
    check('ResumeService', hostlib.good(x.do(name, 'ResumeService')) and x.get(name, 'State') == 'Running' and wait(lambda: stat() != 'T'))
    check('a paused one can be stopped', hostlib.good(x.do(name, 'PauseService')) and hostlib.good(x.do(name, 'StopService')) and not x.tools.runs(name))
    check('pausing what does not run', status(x.do(name, 'PauseService')) == 'FAILED')
    x.do(name, 'StartService')


def disabling(x, name):
    reply = x.do(name, 'ChangeStartMode', StartMode='Disabled')
    if not x.tools.disables:
        check('Disabled cannot be', status(reply) == 'NOT_SUPPORTED' and 'Manual' in reply['error']['data']['Hint'], reply)
        return
    check('Disabled takes the link away', hostlib.good(reply) and not x.m.run(f'ls /etc/service/{name}').stdout and x.get(name, 'StartMode') == 'Disabled', reply)
    check('and it ends', x.get(name, 'State') == 'Stopped' and x.get(name, 'CanStart') is False)
    reply = x.do(name, 'StartService')
    check('a disabled one does not start, and the hint tells', status(reply) == 'FAILED' and 'Manual' in reply['error']['data']['Hint'], reply)
    reply = x.do(name, 'ChangeStartMode', StartMode='Manual')
    check('Manual links it, but starts nothing', hostlib.good(reply) and 'down' in x.tools.out(f'sv status {name}'), reply)
    check('Auto again', hostlib.good(x.do(name, 'ChangeStartMode', StartMode='Auto')) and x.tools.auto(name))
    check('and it starts', hostlib.good(x.do(name, 'StartService')) and x.tools.runs(name))


def life(x):
    create = lambda **a: x.do(None, 'Create', **a)
    reply = create(Name='lab-good', PathName='/bin/sleep 1000', DisplayName="A 'good' one", StartMode='Auto', StartName='alice')
    check('Create', hostlib.good(reply) and x.tools.auto('lab-good') and not x.tools.runs('lab-good'), reply)
    check('Create again', status(create(Name='lab-good', PathName='/bin/true')) == 'ALREADY_EXISTS')
    reply = x.do(None, 'Create', True, Name='lab-no', PathName='/bin/true')
    check('Create what-if', x.changed(reply) == [('Name', None, 'lab-no')] and x.get('lab-no', 'Name') is None, reply)
    for wrong in ({'Name': '../x', 'PathName': '/bin/true'}, {'Name': 'x', 'PathName': 'true'}, {'Name': 'x', 'PathName': '/bin/true\nUser=root'},
                  {'Name': 'x', 'PathName': '/bin/true', 'DisplayName': 'a\nrm -rf'}):
        check(f'Create refuses {wrong}', status(create(**wrong)) == 'INVALID_PARAMETER')
    check('Create of a kind that it has not', status(create(Name='x', PathName='/bin/true', Type='forking')) == 'NOT_SUPPORTED')
    check('a policy that it has not', status(create(Name='x', PathName='/bin/true', RestartPolicy='on-abort')) == 'NOT_SUPPORTED')
    reply = x.do('lab-good', 'StartService')
    pid = x.get('lab-good', 'MainPID')
    check('Start', hostlib.good(reply) and pid and x.tools.runs('lab-good'), reply)
    check('it runs as its user', x.get('lab-good', 'User') == 'alice' and x.m.run(f'ps -o user=,args= -p {pid}').stdout.split() == ['alice', '/bin/sleep', '1000'])
    check('Kill', hostlib.good(x.do('lab-good', 'Kill', Signal='KILL', Whom='main')))
    if x.tools.name == 'runit':
        check('runsv starts it again', wait(lambda: x.get('lab-good', 'MainPID') not in (None, pid)))
    else:
        check('it has failed', wait(lambda: x.get('lab-good', 'ActiveState') == 'failed') and x.get('lab-good', 'State') == 'Stopped', x.ask.one('Service', {'Name': 'lab-good'}))
        if x.tools.name == 'OpenRC':  # with dpkg's start-stop-daemon, as in Debian, OpenRC itself does not notice
            check('its process has gone', not x.m.run(f'ps -o pid= -p {pid}').stdout)
        else:
            check('the tools say that it does not run', not x.tools.runs('lab-good'))
        check('no process to signal', status(x.do('lab-good', 'Kill', Signal='HUP')) == 'FAILED')
        if x.tools.resets:
            check('ResetFailed', hostlib.good(x.do('lab-good', 'ResetFailed')) and x.get('lab-good', 'ActiveState') == 'inactive')
        check('and starts again', hostlib.good(x.do('lab-good', 'StartService')) and x.tools.runs('lab-good'))
    reply = x.do('lab-good', 'Delete')
    check('Delete', hostlib.good(reply) and x.get('lab-good', 'Name') is None and not x.m.run('pgrep -x sleep -u alice').stdout, reply)
    check('nothing of it is left', not x.m.run('ls -d /etc/init.d/lab-good /etc/sv/lab-good /etc/service/lab-good /etc/rc?.d/*lab-good /etc/runlevels/*/lab-good').stdout)
    create(Name='lab-dies', PathName='/bin/sh -c "echo my last words; sleep 0.1; exit 3"')
    reply = x.do('lab-dies', 'StartService')
    check('one that dies after its start has failed', status(reply) == 'FAILED' and 'right after its start' in reply['error']['message'], reply)
    check('its last words are told', 'my last words' in reply['error']['data']['Hint'], reply)
    check('LastLogLines', any('my last words' in line for line in x.get('lab-dies', 'LastLogLines') or []))
    check('it can be deleted', hostlib.good(x.do('lab-dies', 'Delete')) and x.get('lab-dies', 'Name') is None)
    create(Name='lab-none', PathName='/bin/no-such-program')
    reply = x.do('lab-none', 'StartService')
    check('one without its program has failed', status(reply) == 'FAILED', reply)
    x.do('lab-none', 'Delete')
    if x.tools.name != 'runit':
        x.m.run("printf '#!/bin/sh\\ncase $1 in start) echo it is broken >&2; exit 6;; status) exit 3;; esac\\n' > /etc/init.d/lab-bad; chmod +x /etc/init.d/lab-bad")
        reply = x.do('lab-bad', 'StartService')
        check('a script that fails', status(reply) == 'FAILED' and 'status 6' in reply['error']['message'] and 'it is broken' in reply['error']['data']['Hint'], reply)
        check('Reload of one that cannot', status(x.do('lab-bad', 'Reload')) == 'NOT_SUPPORTED')
        x.m.run("printf '#!/bin/sh\\ncase $1 in start) sleep 30;; status) exit 3;; esac\\n' > /etc/init.d/lab-bad")
        begun = time.monotonic()
        reply = x.ask.peer.call('InvokeMethod', {'ClassName': 'Service', 'InstanceName': {'Name': 'lab-bad'}, 'MethodName': 'StartService', 'Timeout': 1})
        check('a script that hangs', status(reply) == 'TIMED_OUT' and time.monotonic() - begun < 10, reply)
        x.m.run('rm /etc/init.d/lab-bad')


def events(x):
    target = lambda p: (p or {}).get('Indication', {}).get('TargetInstance', {})
    name = 'lab-evented'
    x.do(None, 'Create', Name=name, PathName='/bin/sleep 999')
    every = "SELECT * FROM __InstanceOperationEvent WHERE TargetInstance ISA 'Service'"
    pushed = wait(lambda: Reader(agentlib.Peer(x.path), Query=every).result.get('Push'), 10)
    if not pushed and ctypes.CDLL(None).inotify_init() < 0:  # counted over all containers of the host, 128 for root
        check.skip(f'push of {x.tools.name}', 'other programs of this host hold all inotify instances; the events below are polled for')
    else:
        check('pushed', pushed)
    states = Reader(agentlib.Peer(x.path), Query="SELECT * FROM __InstanceModificationEvent WHERE TargetInstance ISA 'Service' AND TargetInstance.State <> PreviousInstance.State")
    names = Reader(agentlib.Peer(x.path), Query="SELECT TargetInstance.Name FROM __InstanceOperationEvent WHERE TargetInstance ISA 'Service' AND TargetInstance.Name LIKE 'lab-%'")
    check('the baseline', states.until(lambda p: p['Kind'] == 'Sync')[-1])
    names.until(lambda p: p['Kind'] == 'Sync')
    seen = lambda state: states.until(lambda p: target(p).get('Name') == name and target(p).get('State') == state)
    for _ in range(2):
        x.m.run(x.tools.start(name))
        check('its start is told', seen('Running')[-1])
        x.m.run(x.tools.stop(name))
        check('its end is told', seen('Stopped')[-1])
    if x.tools.name != 'runit':
        x.m.run(x.tools.start(name))
        seen('Running')
        x.m.run(f"kill -KILL {x.get(name, 'MainPID')}")
        check('its death is told', seen('Stopped')[-1])
    x.do(None, 'Create', Name='lab-another', PathName='/bin/sleep 998')
    check('a new one is told', names.until(lambda p: p['Kind'] == 'Create' and target(p).get('Name') == 'lab-another')[-1])
    x.do('lab-another', 'Delete')
    check('and that it goes', names.until(lambda p: p['Kind'] == 'Delete' and target(p).get('Name') == 'lab-another')[-1])
    x.do(name, 'Delete')


KINDS = {'sysv': Sysv, 'runit': Runit, 'openrc': OpenRC}


def one(kind, machine):
    tools = KINDS[kind](machine.wait())
    check(f'{kind} is up', wait(tools.booted), tools.out('ps ax'))
    x = Machine(machine, tools)
    for part in (properties, methods, life, events):
        before = check.failed
        try:
            part(x)
        except Exception as error:
            check(f'{part.__name__} on {kind}', False, traceback.format_exc()[-600:] + str(error))
        if check.failed > before:
            print(f'     ({kind}: {part.__name__})', open(os.path.join(x.m.share, 'agent.log')).read()[-500:])


def nobody(lab):
    """Where none of them is PID 1 (the lab's own init is a shell): an outcome with the reason, and no crash."""
    path = os.path.join(lab.dir, 'nobody.sock')
    agent = subprocess.Popen(lab.enter('-m', '-n', '-p', '-u', '-i') + [os.path.join(lablib.BUILD, 'bin/reeve-agent'), '--socket', path], stdin=subprocess.DEVNULL,
                             stderr=subprocess.DEVNULL, env={'PATH': '/usr/sbin:/usr/bin:/sbin:/bin', 'HOME': '/root', 'STATE_DIRECTORY': lab.dir + '/nobody.state'})
    check('an agent without a service manager', wait(lambda: lablib.answers(path)))
    ask = hostlib.Asked(path)
    for reply in (ask.rows('Service'), ask.do('Service', {'Name': 'cron'}, 'StartService'), ask.do('Service', None, 'Create', Name='x', PathName='/bin/true')):
        check('no service manager, and why', status(reply) == 'NOT_SUPPORTED' and "PID 1 is 'sh'" in reply['error']['message'] and 'runsvdir' in reply['error']['data']['Hint'], reply)
    agent.terminate()
    agent.wait(20)


def main():
    with lablib.Lab() as lab:
        nobody(lab)
        machines = {}
        for kind in KINDS:
            try:
                machines[kind] = lab.start(kind, kind)
            except SystemExit:
                check.skip(kind, 'its image cannot be made here')
        # Beside one another: most of the time is spent in waiting for runsvdir and for what is slept.
        with concurrent.futures.ThreadPoolExecutor(len(KINDS)) as pool:
            for done in [pool.submit(one, kind, machine) for kind, machine in machines.items()]:
                done.result()
    check.end()


main()
