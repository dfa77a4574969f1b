#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Permanent subscriptions under roles: they act as who made them, may no more than he may by other ways, and end when he
may not any more."""
import ctypes, json, os, re, shutil, subprocess, sys, tempfile, time

sys.path.insert(0, os.path.dirname(__file__))
from agentlib import BUILD, Cases, Reader
from rolelib import RoleAgent, need_root

need_root()
case = Cases()
PATIENCE = 30
place = tempfile.mkdtemp(prefix='reeve-subroles.')
os.chmod(place, 0o711)
for name in 'mine', 'other', 'bin':
    os.mkdir(os.path.join(place, name))
    os.chmod(os.path.join(place, name), 0o777)
shutil.copy(next(p for p in (BUILD + '/bin/reeve', 'build/bin/reeve') if os.path.exists(p)), os.path.join(place, 'bin'))
os.environ['REEVE_SHELL'] = os.path.join(place, 'bin', 'reeve')   # where others may enter, wherever the build lies
TICKS = 'SELECT * FROM T_Tick'


def role(user='daemon', head='', tail='', classes=('EventFilter', 'EventConsumer', 'FilterToConsumerBinding'), read='T_Tick', where=''):
    rules = ''.join(f'[Allow make{i}]\nClass = {c}\nOperation = Read, Create, Modify, Delete\n' for i, c in enumerate(classes))
    return (f'[Role]\n{head}\n[Who]\nUser = {user}\n{rules}[Allow new]\nClass = FilterToConsumerBinding\nOperation = Invoke\nMethod = New, Remove\n'
            f'[Allow look]\nClass = {read}\nOperation = Read\n{where}\n{tail}\n')


def wait(good, seconds=PATIENCE):
    end = time.monotonic() + seconds
    while True:
        got = good()
        if got or time.monotonic() > end:
            return got
        time.sleep(0.02)


def at(*names):
    return os.path.join(place, *names)


def lines(*names):
    try:
        return [line for line in open(at(*names)).read().split('\n') if line]
    except FileNotFoundError:
        return []


def new(name, user='daemon', query=TICKS, **parameters):
    return agent.call_as(user, 'InvokeMethod', ClassName='FilterToConsumerBinding', MethodName='New', InParameters=dict(Name=name, Query=query, **parameters))


def fire(first, count=1):
    agent.call('InvokeMethod', {'ClassName': 'T_Tick', 'MethodName': 'Fire', 'InParameters': {'First': first, 'Count': count}})


def look(name):
    r = agent.call('EnumerateInstances', dict(ClassName='FilterToConsumerBinding', Filter=f"Name = '{name}'"))['result']['Instances']
    return r[0] if r else {}


def denied(r):
    return r.get('error', {}).get('code') == -32002


def roles(text):
    """Puts one role in place of another; seen by its new name."""
    user = text.split('User = ')[1].split('\n')[0]
    old, roles.n = f'web{roles.n}', roles.n + 1
    agent.write(f'web{roles.n}', text)
    os.unlink(os.path.join(agent.roles, old + '.role'))
    said = lambda: agent.call_as(user, 'Hello').get('result', {}).get('Roles')
    case('the roles change', wait(lambda: said() == f'web{roles.n}'), (said(), agent.logged()[-500:]))


roles.n = 0


def test_making():
    """What cannot be made, because it could not be done otherwise."""
    case('somebody without roles', denied(new('x', 'bin', LogFile=at('mine', 'x'))))
    case('a class that he may not read', denied(new('x', query="SELECT * FROM __InstanceCreationEvent WITHIN 1 WHERE TargetInstance ISA 'T_Item'", LogFile=at('mine', 'x'))))
    case('a file that his shell may not write', denied(new('x', LogFile=at('other', 'x'))))
    case('a way around by ..', new('x', LogFile=at('mine', '..', 'other', 'x')).get('error', {}).get('code') == -32004)
    case('a program that his shell may not run', denied(new('x', Command=['id'])))
    case('a script, where his language has none', denied(new('x', Script='1')) )
    case('a method that he may not invoke', denied(new('x', Method='T_Item.Add', InstanceName='{"Name":"a","Generation":1}', InParameters='{"By":1}')))
    case('a socket that he may not write to', denied(new('x', Target='unix:' + at('other', 'sock'))))
    case('a host that he may not reach', denied(new('x', Target='http://127.0.0.1:9/')))
    case('nothing was made', agent.call('EnumerateInstances', dict(ClassName='EventFilter'))['result']['Instances'] == [])
    r = new('log', LogFile=at('mine', 'log'))
    case('what he may', 'result' in r, r)
    fire(1, 2)
    case('is done as he', wait(lambda: len(lines('mine', 'log')) == 2) and os.stat(at('mine', 'log')).st_uid == 1, look('log'))
    case('and says so', (look('log')['Creator'], look('log')['State']) == ('daemon', 'Active'), look('log'))
    os.mkdir(at('mine', 'real'), 0o777)
    os.chmod(at('mine', 'real'), 0o777)
    os.symlink(at('other'), at('mine', 'way'))
    r = new('way', LogFile=at('mine', 'way', 'log'), MaximumRetries=0)
    fire(3)
    case('a link does not lead out of his folder', wait(lambda: look('way')['Dropped']) and os.listdir(at('other')) == [], (r, look('way')))
    root_only = at('mine', 'rootonly')
    open(root_only, 'w').close()
    os.chmod(root_only, 0o600)
    new('rootonly', LogFile=root_only, MaximumRetries=0)
    fire(4)
    case('nor may he write what is not his', wait(lambda: look('rootonly')['Dropped']) and os.path.getsize(root_only) == 0, look('rootonly'))


def test_others():
    """Objects of somebody else are not his to use."""
    agent.call('CreateInstance', dict(ClassName='CommandLineEventConsumer', Properties={'Name': 'root', 'Command': ['id']}))
    bind = lambda user, f, c: agent.call_as(user, 'CreateInstance', ClassName='FilterToConsumerBinding', Properties={'Filter': f, 'Consumer': c})
    case("root's consumer", denied(bind('daemon', 'log', 'CommandLineEventConsumer.Name="root"')))
    agent.call('CreateInstance', dict(ClassName='EventFilter', Properties={'Name': 'root', 'Query': TICKS}))
    r = bind('root', 'root', 'LogFileEventConsumer.Name="log"')
    case('his consumer is not run by root', denied(r), r)
    for op, more in ('ModifyInstance', {'Properties': {'Command': ['sh']}}), ('DeleteInstance', {}):
        r = agent.call_as('daemon', op, ClassName='CommandLineEventConsumer', InstanceName={'Name': 'root'}, **more)
        case(f"{op} of root's", denied(r), r)
    r = agent.call('ModifyInstance', dict(ClassName='LogFileEventConsumer', InstanceName={'Name': 'log'}, Properties={'Filename': at('other', 'x')}))
    case('root changes his, but his rights stay his', denied(r), r)
    r = agent.call_as('daemon', 'Subscribe', Subscription=[row for row in kept() if row[0] == 'log'][0][1], From=0)
    case('its events are not read by a session', r.get('error', {}).get('code') == -32006, r)


def kept():
    import sqlite3
    db = sqlite3.connect(f'file:{agent.dir}/state.db?mode=ro', uri=True, timeout=20)
    try:
        return [(json.loads(t)['Values']['Name'], json.loads(t)['Id']) for t, in db.execute("SELECT text FROM kept WHERE class = 'FilterToConsumerBinding'")]
    finally:
        db.close()


def test_rows():
    """He is told what he may see."""
    roles(role(head=f'WriteFiles = {at("mine")}', where='Where = Number < 100'))
    fire(99, 3)
    case('of the events those that he may see', wait(lambda: '99' in ''.join(lines('mine', 'log'))) and not any('"Number":100' in x for x in lines('mine', 'log')), lines('mine', 'log'))


def ends(name, why):
    with agent.open() as p:
        r = Reader(p, Query='SELECT * FROM ConsumerFailureEvent')
        r.patience = PATIENCE
        r.sync()
        yield
        fire(5)
        got = r.until(lambda i: i['Kind'] == 'Event' and i['Indication']['Outcome'] == 'Denied' and f'"{name}"' in i['Indication']['Filter'])[-1]
        case(f'{why}: it ends, with an event', got and got['Indication']['Creator'] == 'daemon' and look(name)['State'] == 'Denied', (got, look(name)))


def test_taken_away():
    good = role(head=f'WriteFiles = {at("mine")}')
    for why, text in {'he may not read the class any more': role(head=f'WriteFiles = {at("mine")}', read='T_Item'), 'he may not write there any more': role(),
                      'he may not have such consumers any more': role(head=f'WriteFiles = {at("mine")}', classes=('EventFilter', 'FilterToConsumerBinding')),
                      'he has no role any more': role(user='bin')}.items():
        roles(good)
        name = 'taken' + str(len(lines('count')))
        open(at('count'), 'a').write('x\n')
        case(f'{why}: made', 'result' in new(name, LogFile=at('mine', name)))
        fire(1)
        wait(lambda: len(lines('mine', name)) == 1)
        end = ends(name, why)
        next(end)
        roles(text)
        next(end, None)
        case(f'{why}: nothing more is done', len(lines('mine', name)) == 1, lines('mine', name))
    roles(good)
    on = agent.call_as('daemon', 'ModifyInstance', ClassName='FilterToConsumerBinding', InstanceName={'Filter': f'EventFilter.Name="{name}"', 'Consumer': f'LogFileEventConsumer.Name="{name}"'}, Properties={'Enabled': True})
    case('with his rights again he has it begin again', 'result' in on and look(name)['State'] == 'Active', on)
    fire(6)
    case('and it does', wait(lambda: any('"Number":6' in x for x in lines('mine', name))), lines('mine', name))


def test_shell():
    """Programs and scripts by the shell, which knows the limits."""
    roles(role(head=f'Language = Constrained\nNativeCommand = tee, id, reeve\nWriteFiles = {at("mine")}', tail='[Allow add]\nClass = T_Item\nOperation = Read\n'))
    r = new('cmd', Command=['tee', at('mine', 'tee')])
    case('a program of his role', 'result' in r, r)
    new('out', Command=['tee', at('other', 'tee')], MaximumRetries=0)
    r = new('script', Script=f"$EventArgs.NewEvent.Number | Set-Content {at('mine', 'script')}")
    case('a script of his language', 'result' in r, r)
    new('free', Script=f"[IO.File]::WriteAllText('{at('mine', 'free')}', 'x')", MaximumRetries=0)
    new('deny', Script=f"Invoke-CimMethod T_Tick Fire @{{First=1000;Count=1}} -ErrorAction Stop", MaximumRetries=0)
    fire(8)
    case('runs as he', wait(lambda: look('cmd')['Delivered']) and '"Number":8' in ''.join(lines('mine', 'tee')) and os.stat(at('mine', 'tee')).st_uid == 1, look('cmd'))
    case('may write where his shell may, not elsewhere', wait(lambda: look('out')['Dropped']) and not os.path.exists(at('other', 'tee')), look('out'))
    case('a script runs as he', wait(lambda: lines('mine', 'script') == ['8']) and os.stat(at('mine', 'script')).st_uid == 1, look('script'))
    case('in his language', wait(lambda: look('free')['Dropped']) and not os.path.exists(at('mine', 'free')), look('free'))
    case('and the agent knows it as his', wait(lambda: look('deny')['Dropped']), look('deny'))


KEYED = """[Role]
Language = Constrained
WriteFiles = {mine}
[Allow timers]
Class = TimerEvent
Operation = Read
[Allow look]
Class = Process
Operation = Read
[Allow filters]
Class = EventFilter
Operation = Read, Create, Modify, Delete
[Allow consumers]
Class = EventConsumer
Operation = Read, Create, Modify, Delete
[Allow bind]
Class = FilterToConsumerBinding
Operation = Read, Create, Modify, Delete
[Allow new]
Class = FilterToConsumerBinding
Operation = Invoke
Method = New, Remove
"""


def test_key():
    """Whoever logs in with a key that has a role is root no more, nor is what he leaves behind, also after a restart."""
    from sshhost import Host
    os.mkdir(at('roles.d'))
    open(at('roles.d', 'keyed.role'), 'w').write(KEYED.format(mine=at('mine')))
    open(at('reeve.conf'), 'w').write(f'[roles]\ndir = {at("roles.d")}\n')
    host = Host(more=('--config', at('reeve.conf')))
    keys = os.path.join(host.dir, 'keys.d', host.user + '.keys')
    plain = open(keys).read()
    stamp = lambda: [line for line in lines('mine', 'key') if line]
    try:
        open(keys, 'w').write('role="keyed" ' + plain)
        script = f"Get-Process -Id 1 | Select-Object -ExpandProperty Id | Add-Content {at('mine', 'key')}; Get-CimInstance AuditRecord -ErrorAction Stop | Add-Content {at('mine', 'key')}"
        r = host.ssh("New-CimSubscription key 'SELECT * FROM TimerEvent' -Script '" + script.replace("'", "''") + "' -MaximumRetries 1000")
        case('a login key with a role makes one', r.returncode == 0, (r.stdout, r.stderr))
        r = host.ssh("New-CimSubscription cmd 'SELECT * FROM TimerEvent' -Command id")
        case('but none that runs programs', r.returncode == 1 and 'NativeCommand' in r.stderr, (r.stdout, r.stderr))
        open(keys, 'w').write(plain)
        host.ssh("New-CimInstance IntervalTimerInstruction -Property @{ TimerId = 'k'; IntervalBetweenEvents = 500 }")
        b = lambda: host.ssh('Get-CimSubscription key | % { $_.Role + "/" + $_.State + "/" + $_.LastError }').stdout.strip()
        case('its script has that role only', wait(lambda: 'may not read AuditRecord' in b()) and set(stamp()) == {'1'}, (b(), stamp()))
        r = host.ssh("New-CimInstance FilterToConsumerBinding -Property @{ Filter = 'key'; Consumer = 'ScriptEventConsumer.Name=\"key\"' } -ErrorAction Stop")
        case('the same user without the role does not run it either', r.returncode == 1, (r.stdout, r.stderr))
        before = len(stamp())
        pid = int(host.ssh("(Get-Process -Name reeve-agent | ? ParentProcessId -eq " + str(host.proc.pid) + ").Id").stdout.split()[0])
        os.kill(pid, 9)
        case('after kill -9 of the agent as before', wait(lambda: len(stamp()) > before) and wait(lambda: 'may not read AuditRecord' in b()) and set(stamp()) == {'1'} and b().startswith('keyed/'), (b(), stamp()))
    finally:
        host.stop()


def test_doc():
    """The role of docs/events.md is understood."""
    docs = open(os.path.join(os.path.dirname(os.path.abspath(__file__)), '../../docs/events.md')).read()
    os.mkdir(at('docroles'))
    for name, text in re.findall(r'```role (\w+)\n(.*?)```', docs, re.S):
        open(at('docroles', name + '.role'), 'w').write(text)
    r = subprocess.run([f'{BUILD}/bin/reeve-agent', '--check', '--roles', at('docroles')], capture_output=True, text=True)
    case('the role of docs/events.md', r.returncode == 0 and r.stdout.startswith('1 role'), r)


agent = RoleAgent('tests/bin/reeve-agent-modes', {'web0': role(head=f'Language = None\nWriteFiles = {at("mine")}')})
try:
    test_making()
    test_others()
    test_rows()
    test_taken_away()
    if ctypes.CDLL(None).syscall(444, None, 0, 1) < 1:
        case.skip('shell', 'this kernel has no Landlock')
    else:
        test_shell()
    test_doc()
    if shutil.which('ssh') and shutil.which('ssh-keygen') and os.path.exists(BUILD + '/bin/reeved'):
        test_key()
    else:
        case.skip('key', 'no ssh client, or no reeved in this build')
finally:
    case('the agent ends well', agent.stop() == 0, agent.said[-2000:])
    shutil.rmtree(place)
case.end()
