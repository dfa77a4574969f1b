#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Elevation: a role for a time, with a reason, when a second person agrees. Who may ask, who may agree and who may not, what is in force
where and until when, what the plan says and that it cannot be lied about, and what is on record of it all."""
import json, os, shutil, subprocess, sys, tempfile

sys.path.insert(0, os.path.dirname(__file__))
from agentlib import BUILD, Cases, Reader, rows_of, until
from rolelib import RoleAgent, need_root

need_root()
case = Cases()

PAINTER = '''[Role]
Description = Paints
Language = Full
[Elevate]
User = daemon
Minutes = 30
[Elevate]
User = games
Plan = Only
[Approve]
User = bin
[Allow all]
Class = T_Item
Operation = Read
[Allow paint]
Class = T_Item
Operation = Modify, Create
[Allow add]
Class = T_Item
Operation = Invoke
Method = Add
Arguments = By < 100
'''
LOOKER = '[Role]\n[Who]\nUser = daemon\n[Allow names]\nClass = T_Item\nOperation = Read\nProperty = Name\n'
# Some library calls answer what the test says: the clocks cannot be set for one process otherwise.
SHIFT = r'''
#define _GNU_SOURCE
#include <stdio.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>
int clock_gettime(clockid_t id, struct timespec *t)
{
        int r = (int)syscall(SYS_clock_gettime, id, t);
        const char *path = getenv("SHIFT");
        long real = 0, boot = 0;
        FILE *f = (id == CLOCK_REALTIME || id == CLOCK_BOOTTIME) && path ? fopen(path, "r") : NULL;
        if (f && fscanf(f, "%ld %ld", &real, &boot) != 2)
                real = boot = 0;
        if (f)
                fclose(f);
        t->tv_sec += id == CLOCK_REALTIME ? real : id == CLOCK_BOOTTIME ? boot : 0;
        return r;
}
'''
place = tempfile.mkdtemp(prefix='reeve-elevation.')
os.chmod(place, 0o755)
shutil.copy(f'{BUILD}/bin/reeve', place)   # where the plan's process may enter, wherever the build lies
os.environ['REEVE_SHELL'] = f'{place}/reeve'
open(f'{place}/shift', 'w').write('0 0')
open(f'{place}/shift.c', 'w').write(SHIFT)
sanitized = any(k.endswith('SAN_OPTIONS') for k in os.environ)
can_shift = not sanitized and subprocess.run(['cc', '-shared', '-fPIC', '-o', f'{place}/shift.so', f'{place}/shift.c'], capture_output=True).returncode == 0
more = {'env': dict(os.environ, LD_PRELOAD=f'{place}/shift.so', SHIFT=f'{place}/shift')} if can_shift else {}
agent = RoleAgent('tests/bin/reeve-agent-modes', {'painter': PAINTER, 'looker': LOOKER}, **more)


def shift(real, boot):
    with open(f'{place}/shift.new', 'w') as f:
        f.write(f'{real} {boot}')
    os.rename(f'{place}/shift.new', f'{place}/shift')


def method(user, name, id=None, **arguments):
    p = {'ClassName': 'Elevation', 'MethodName': name, 'InParameters': arguments}
    if id:
        p['InstanceName'] = {'Id': id}
    return agent.call('InvokeMethod', p) if user == 'root' else agent.call_as(user, 'InvokeMethod', **p)


def ask(user='daemon', role='painter', **more):
    return method(user, 'Request', Role=role, **dict({'Reason': 'ticket 7'}, **more))


def asked(user='daemon', **more):
    r = ask(user, **more)
    return r['result']['Id'] if 'result' in r else r


def seen(user, id=None):
    p = {'ClassName': 'Elevation'}
    r = agent.call('EnumerateInstances', p) if user == 'root' else agent.call_as(user, 'EnumerateInstances', **p)
    rows = {e['Id']: e for e in r.get('result', {}).get('Instances', [])}
    return rows.get(id) if id else rows


def paint(amount, user='daemon', peer=None):
    p = {'ClassName': 'T_Item', 'InstanceName': {'Name': 'apple', 'Generation': 1}, 'Properties': {'Amount': amount}}
    return peer.call('ModifyInstance', p) if peer else agent.call_as(user, 'ModifyInstance', **p)


def denied(r, *words):
    e = r.get('error', {})
    return e.get('code') == -32002 and all(w in e['message'] for w in words)


def code(r):
    return r.get('error', {}).get('code', 0)


def well(r):
    return 'result' in r


def state(id):
    return seen('root', id)['State']


NOT_FOUND, INVALID, LIMITS, EXISTS = -32006, -32004, -32027, -32011
try:
    agent.call('CreateInstance', {'ClassName': 'T_Item', 'Properties': {'Name': 'apple', 'Colour': 'red', 'Amount': 1}})

    # ---- asking ----
    case('without it: denied', denied(paint(5)))
    case('who has no section may not even knock', denied(ask('man'), 'man'))
    case('a role without sections', denied(ask(role='looker')), ask(role='looker'))
    case('a role that is not there is answered alike', denied(ask(role='nothing'), 'may not ask'))
    case('root has all', code(ask('root')) == INVALID, ask('root'))
    case('too long', 'at most 30 minutes' in json.dumps(ask(Minutes=31)))
    case('no reason', 'say why' in json.dumps(ask(Reason=' ')))
    r = agent.call_as('daemon', 'InvokeMethod', ClassName='Elevation', MethodName='Request', InParameters={'Role': 'painter', 'Reason': 'x'}, WhatIf=True)
    case('what-if asks for nothing', well(r) and not seen('root'), r)

    # ---- who sees it, and is told of it ----
    watcher = agent.as_user('bin')
    events = Reader(watcher, Query="SELECT * FROM __InstanceCreationEvent WITHIN 1 WHERE TargetInstance ISA 'Elevation'")
    events.sync()
    stranger_peer = agent.as_user('games')
    strange = Reader(stranger_peer, Query="SELECT * FROM __InstanceCreationEvent WITHIN 1 WHERE TargetInstance ISA 'Elevation'")
    strange.sync()
    id = asked(Minutes=20)
    got = events.until(lambda p: p['Kind'] not in ('Sync', 'Snapshot'), 30)[-1]
    case('the approver is told at once', got and got['Indication']['TargetInstance']['Id'] == id and got['Indication']['TargetInstance']['Reason'] == 'ticket 7', got)
    e = seen('bin', id)
    case('the approver sees it', e and e['User'] == 'daemon' and e['Role'] == 'painter' and e['Minutes'] == 20 and e['State'] == 'Pending', e)
    case('who asked sees it', seen('daemon', id))
    case('who has nothing to do with it does not', seen('games') == {}, seen('games'))
    case('who has nothing to do with it is not told', strange.until(lambda p: p['Kind'] not in ('Sync', 'Snapshot'), 1)[-1] is None)
    case('nor by SQL', agent.call_as('games', 'ExecQuery', Query='SELECT Id FROM Elevation', QueryLanguage='SQL').get('result', {}).get('Instances') == [])
    stranger_peer.close() if hasattr(stranger_peer, 'close') else stranger_peer.sock.close()
    case('asked for twice', code(ask()) == EXISTS, ask())

    # ---- who decides ----
    case('not who asked', denied(method('daemon', 'Approve', id), 'yourself', 'second person'), method('daemon', 'Approve', id))
    case('nor denies it', denied(method('daemon', 'Deny', id), 'yourself'))
    case('who may not approve: it is not there', code(method('games', 'Approve', id)) == NOT_FOUND, method('games', 'Approve', id))
    case('who may nothing', denied(method('man', 'Approve', id)))
    case('a forged number', code(method('bin', 'Approve', id[:-1] + ('0' if id[-1] != '0' else '1'))) == NOT_FOUND)
    case('a forged number is answered as one that he may not know', method('games', 'Approve', id)['error']['message'].replace(id, 'X') ==
         method('games', 'Approve', '0' * 16)['error']['message'].replace('0' * 16, 'X'))
    case('more minutes than asked', 'fewer only' in json.dumps(method('bin', 'Approve', id, Minutes=21)))
    case('still denied', denied(paint(5)))
    open_session = agent.as_user('daemon')
    case('a session from before', denied(paint(5, peer=open_session)))
    r = agent.call_as('bin', 'InvokeMethod', ClassName='Elevation', MethodName='Approve', InstanceName={'Id': id}, WhatIf=True)
    case('what-if approves nothing', well(r) and r['result']['Changed'][0] == {'Property': 'State', 'From': 'Pending', 'To': 'Active'} and state(id) == 'Pending', r)
    r = method('bin', 'Approve', id, Minutes=10, Message='go ahead')
    case('approved', well(r), r)
    e = seen('daemon', id)
    case('in force', e['State'] == 'Active' and e['DecidedBy'] == 'bin' and e['Minutes'] == 10 and e['ValidUntil'], e)
    case('the session from before has it at once', well(paint(5, peer=open_session)))
    case('a new session has it', well(paint(6)))
    case('only what the role allows', denied(agent.call_as('daemon', 'DeleteInstance', ClassName='T_Item', InstanceName={'Name': 'apple', 'Generation': 1})))
    case('the schema shows it', 'Amount' in json.dumps(agent.call_as('daemon', 'GetClass', ClassName='T_Item')))
    case('SQL shows it', agent.call_as('daemon', 'ExecQuery', Query='SELECT Amount FROM T_Item', QueryLanguage='SQL').get('result', {}).get('Instances') == [{'Amount': 6}])
    case('nobody else has it', denied(paint(7, user='games')))
    case('Hello gives its language', agent.call_as('daemon', 'Hello')['result']['Language'] == 'Full')
    case('approved twice', 'Active' in json.dumps(method('bin', 'Approve', id)) and code(method('bin', 'Approve', id)) == INVALID, method('bin', 'Approve', id))
    case('asked for again while in force', 'already' in json.dumps(ask()))
    by = rows_of(agent.dir, "SELECT elevation, roles FROM audit WHERE operation = 'ModifyInstance' AND result = 'Intent' AND user = 'daemon'")
    case('what is done with it carries its number', len(by) == 2 and all(e == id and 'painter' in r for e, r in by), by)
    one = rows_of(agent.dir, "SELECT user, changed, key FROM audit WHERE method = 'Approve' AND result = 'Succeeded'")
    case('the approval names both', len(one) == 1 and one[0][0] == 'bin' and 'daemon' in one[0][1] and 'painter' in one[0][1] and id in one[0][2], one)
    case('the asking is on record', rows_of(agent.dir, f"SELECT 1 FROM audit o, audit i ON i.seq = o.intent WHERE o.method = 'Request' AND o.result = 'Succeeded' AND o.changed LIKE '%{id}%' "
                                                       "AND i.arguments LIKE '%ticket 7%'"))
    case('tries to approve are, too', rows_of(agent.dir, "SELECT 1 FROM audit WHERE method = 'Approve' AND user = 'daemon' AND result IN ('Failed', 'Denied')"))

    # ---- the end: a subscription, a session from before, the next request ----
    reader_peer = agent.as_user('daemon')
    painted = Reader(reader_peer, Query="SELECT * FROM __InstanceModificationEvent WITHIN 0.2 WHERE TargetInstance ISA 'T_Item' AND TargetInstance.Amount > 0")
    painted.sync()
    agent.call('ModifyInstance', {'ClassName': 'T_Item', 'InstanceName': {'Name': 'apple', 'Generation': 1}, 'Properties': {'Amount': 50}})
    case('a subscription by it is told', painted.until(lambda p: 'Amount": 50' in json.dumps(p), 30)[-1])
    case('whoever may not cannot end it', code(method('games', 'End', id)) == NOT_FOUND)
    case('who has it ends it', well(method('daemon', 'End', id, Message='done')))
    case('over at once, in the session from before, too', denied(paint(8, peer=open_session)) and denied(paint(8)))
    agent.call('ModifyInstance', {'ClassName': 'T_Item', 'InstanceName': {'Name': 'apple', 'Generation': 1}, 'Properties': {'Amount': 60}})
    last = painted.until(lambda p: p['Kind'] == 'Error' or '60' in json.dumps(p), 30)[-1]
    case('the subscription ends without another event', last and last['Kind'] == 'Error' and 'Amount' in json.dumps(last['Error']), last)
    reader_peer.sock.close()
    case('ended is ended', state(id) == 'Ended' and 'Ended' in json.dumps(method('bin', 'Approve', id)))
    open_session.sock.close()

    # ---- refused, withdrawn; the same request again ----
    id = asked()
    case('denied', well(method('bin', 'Deny', id, Message='not today')) and state(id) == 'Denied' and seen('daemon', id)['Message'] == 'not today')
    case('denied stays denied', code(method('bin', 'Approve', id)) == INVALID and denied(paint(9)))
    id = asked()
    case('withdrawn', well(method('daemon', 'End', id)) and state(id) == 'Ended')
    p = {'ClassName': 'Elevation', 'MethodName': 'Request', 'InParameters': {'Role': 'painter', 'Reason': 'again'}, 'RequestKey': 'k1'}
    first, second = agent.call_as('daemon', 'InvokeMethod', **p), agent.call_as('daemon', 'InvokeMethod', **p)
    case('a request sent again asks once', well(first) and first['result'] == second['result'] and len([e for e in seen('root').values() if e['State'] == 'Pending']) == 1, second)
    id = first['result']['Id']
    p = {'ClassName': 'Elevation', 'MethodName': 'Approve', 'InstanceName': {'Id': id}, 'RequestKey': 'k2'}
    case('an approval sent again approves once', well(agent.call_as('bin', 'InvokeMethod', **p)) and well(agent.call_as('bin', 'InvokeMethod', **p)) and state(id) == 'Active')
    method('daemon', 'End', id)
    case('nor gives it back what has ended', well(agent.call_as('bin', 'InvokeMethod', **p)) and state(id) == 'Ended' and denied(paint(9)))

    # ---- a flood ----
    agent.write('second', PAINTER)
    agent.write('third', PAINTER)
    agent.write('fourth', PAINTER)
    case('more roles', agent.wait_log('roles: 5 from', seconds=30))
    ids = [asked(role=r) for r in ('painter', 'second', 'third')]
    r = [ask(role='fourth') for _ in range(20)]
    case('at most three wait', all(isinstance(i, str) for i in ids) and all(code(x) == LIMITS for x in r), (ids, r[0]))
    case('others still ask', isinstance(other := asked('games', Script='1'), str), other)
    for i in ids:
        method('daemon', 'End', i)
    method('root', 'Deny', other)
    for _ in range(60):
        method('daemon', 'End', asked())
    case('of those that are over some are kept', 50 <= len(seen('root')) <= 51, len(seen('root')))

    # ---- the plan ----
    id = asked(Script='Get-CimInstance T_Item | Set-CimInstance -Property @{ Amount = 77 }\nGet-CimInstance T_Item | Invoke-CimMethod -MethodName Add -Arguments @{ By = 3 }')
    e = seen('bin', id)
    case('the approver sees what it would change', e.get('Plan') and 'Amount: 60 -> 77' in e['Plan'][0] and 'apple' in e['Plan'][0] and any('T_Item.Add' in p and '"By":3' in p for p in e['Plan']), e)
    case('nothing has happened', agent.call('EnumerateInstances', {'ClassName': 'T_Item'})['result']['Instances'][0]['Amount'] == 60)
    case('who asked sees no plan before: he may not read all of it', seen('daemon', id).get('Plan') is None and seen('daemon', id)['Script'])
    method('root', 'Approve', id)
    case('afterwards he does', seen('daemon', id).get('Plan'))
    method('daemon', 'End', id)
    leak = f'{place}/leak'
    id = asked(Script='Write-Output "Nothing will be changed"\nGet-CimInstance T_Item | Invoke-CimMethod -MethodName Add -Arguments @{ By = 500 }\n'
                      f'Set-Content {leak} x\n& touch {leak}\nGet-Content /etc/shadow\nInvoke-WebRequest http://127.0.0.1:9/')
    e = seen('bin', id)
    case('what the role does not allow is not in the plan, and that is told', not [p for p in e['Plan'] if 'not done' not in p] and 'may not' in (e['PlanErrors'] or '') + ''.join(e['Plan']), e)
    case('its process can do nothing by itself', not os.path.exists(leak) and 'root:' not in json.dumps(e), e)
    case('what it prints is no plan', 'Nothing will' not in json.dumps(e['Plan']) + (e['PlanErrors'] or ''), e)
    method('daemon', 'End', id)

    # ---- nothing but the plan ----
    case('a role that wants a plan', 'Plan' in json.dumps(ask('games')))
    SCRIPT = 'Get-CimInstance T_Item | Set-CimInstance -Property @{ Amount = 42 }'
    id = asked('games', Script=SCRIPT)
    case('the plan', (seen('bin', id) or {}).get('PlanOnly') is True and 'Amount: 60 -> 42' in json.dumps(seen('bin', id)), id)
    method('bin', 'Approve', id)
    case('anything else is denied', denied(paint(43, 'games')) and denied(agent.call_as('games', 'CreateInstance', ClassName='T_Item', Properties={'Name': 'plum', 'Colour': 'red'})), paint(43, 'games'))
    case('reading is not', well(agent.call_as('games', 'EnumerateInstances', ClassName='T_Item')))

    def shell(user, text):
        peer = agent.as_user(user)

        def become():
            import pwd
            os.dup2(peer.sock.fileno(), 3)
            os.set_inheritable(3, True)
            os.setgroups([])
            os.setgid(pwd.getpwnam(user).pw_gid)
            os.setuid(pwd.getpwnam(user).pw_uid)
        r = subprocess.run([f'{place}/reeve', '-Command', text], stdin=subprocess.DEVNULL, capture_output=True, text=True, preexec_fn=become, close_fds=False, timeout=30,
                           env={'PATH': '/usr/bin:/bin', 'HOME': '/nonexistent', 'REEVE_SOCKET': agent.path, 'REEVE_AGENT_FD': '3'})
        peer.sock.close()
        return r
    r = shell('games', SCRIPT)
    case('the script itself runs', r.returncode == 0 and agent.call('EnumerateInstances', {'ClassName': 'T_Item'})['result']['Instances'][0]['Amount'] == 42, r)
    r = shell('games', SCRIPT.replace('42', '44'))
    case('another does not', r.returncode and 'may not' in r.stderr, r)
    method('bin', 'End', id)

    # ---- by the shell, as people do it ----
    r = shell('daemon', "(Request-Elevation -Role painter -Minutes 5 -Reason 'by the shell' -Plan { Get-CimInstance T_Item | Set-CimInstance -Property @{ Amount = 11 } }).Id")
    case('Request-Elevation needs a cmdlet let through', r.returncode and 'not' in r.stderr, r)   # language None: of its own role
    agent.write('looker', LOOKER.replace('[Role]', '[Role]\nLanguage = Constrained'))
    case('a role for the shell', until(lambda: agent.call_as('daemon', 'Hello')['result']['Language'] == 'Constrained'))
    r = shell('daemon', "(Request-Elevation -Role painter -Minutes 5 -Reason 'by the shell' -Plan { Get-CimInstance T_Item | Set-CimInstance -Property @{ Amount = 11 } }).Id")
    id = r.stdout.strip()
    case('Request-Elevation', seen('bin', id) and 'Amount: 42 -> 11' in json.dumps(seen('bin', id)), (r, seen('bin', id)))
    r = subprocess.run([f'{place}/reeve', '-Command', f'Get-Elevation | Where-Object State -eq Pending | Approve-Elevation; (Get-Elevation {id}).State; Remove-Elevation {id}; (Get-Elevation {id}).State'],
                       capture_output=True, text=True, env=dict(os.environ, REEVE_SOCKET=agent.path), timeout=30)
    case('Approve-Elevation, Get-Elevation, Remove-Elevation', r.stdout.split()[-2:] == ['Active', 'Ended'], r)

    # ---- time ----
    if can_shift:
        id = asked(Minutes=5)
        method('bin', 'Approve', id)
        case('before', well(paint(21)))
        shift(-86400, 0)
        case('the clock set back gives nobody more', state(id) == 'Active' and well(paint(22)))
        shift(-86400, 299)
        case('it holds to the end', well(paint(23)))
        session = agent.as_user('daemon')
        case('in an open session', well(paint(24, peer=session)))
        shift(-86400, 301)
        case('the clock set back does not keep it', denied(paint(25)) and denied(paint(25, peer=session)) and state(id) == 'Expired')
        session.sock.close()
        shift(86400, 301)
        longer = asked('games', Script='1', Minutes=60)   # in force while another one's end is recorded
        method('bin', 'Approve', longer)
        short = asked(Minutes=1)
        method('bin', 'Approve', short)
        shift(86400, 301 + 90)
        id = asked()
        case('one ends while another is in force', state(short) == 'Expired' and state(longer) == 'Active')
        method('bin', 'End', longer)
        shift(86400, 301 + 90 + 3601)
        case('what nobody decides lapses', state(id) == 'Lapsed' and 'Lapsed' in json.dumps(method('bin', 'Approve', id)))
        shift(0, 301 + 90 + 3601)
        id = asked()   # whereupon the agent looks at what is over
        case('the end is on record', until(lambda: {('Expire',), ('Lapse',)} <= set(rows_of(agent.dir, "SELECT method FROM audit WHERE operation = 'Elevation'"))))
        rows = rows_of(agent.dir, "SELECT user, message, elevation, key FROM audit WHERE method = 'Expire'")
        case('with who had it', rows and rows[-1][0] == 'daemon' and rows[-1][1] == 'painter' and rows[-1][2] in rows[-1][3], rows)
        method('daemon', 'End', id)
    else:
        case.skip('time', 'a sanitizer, or no compiler: no clock can be moved')

    # ---- the file changes while it is in force ----
    id = asked()
    method('bin', 'Approve', id)
    case('in force again', well(paint(31)))
    agent.write('painter', PAINTER.replace('User = daemon', 'User = man'))
    case('who may not ask any more has it no more', until(lambda: denied(paint(32))))
    agent.write('painter', PAINTER)
    case('and back', until(lambda: well(paint(33))))

    # ---- with the agent it ends ----
    def again(program):
        agent.proc.kill()
        agent.proc.wait()
        agent.proc = subprocess.Popen([f'{BUILD}/{program}', '--socket', agent.path, '--state', agent.dir, '--roles', agent.roles], stderr=agent.log)
        case('another agent', until(agent.connects))
    again('tests/bin/reeve-agent-modes')
    case('a new agent knows of none', seen('root') == {} and denied(paint(34)))
    again('bin/reeve-agent')
    r = agent.call('InvokeMethod', {'ClassName': 'AuditRecord', 'MethodName': 'Verify', 'InParameters': {}})['result']
    case('the chain fits', r['Valid'] is True, r)
    r = agent.call('InvokeMethod', {'ClassName': 'Role', 'MethodName': 'New', 'InParameters': {'Name': 'x', 'FromAudit': True, 'User': 'daemon'}})['result']['Text']
    case('a role made from the audit has nothing of it', 'under an elevation' in r and 'Elevation' not in r, r)
    r = agent.call('EnumerateInstances', {'ClassName': 'AuditRecord', 'Filter': "Method = 'Expire' OR Operation = 'ModifyInstance'"})['result']['Instances']
    case('AuditRecord has the number', r and any(a['Elevation'] for a in r), r[-1:])

    # ---- files that are wrong ----
    for text, want in ('[Elevate]\nMinutes = 5\n', '[Elevate] names nobody'), ('[Elevate]\nUser = bin\nMinutes = 0\n', '1 to 1440'), ('[Elevate]\nUser = bin\nPlan = Maybe\n', 'No, Required or Only'), \
            ('[Approve]\n', '[Approve] names nobody'), ('[Approve]\nUser = bin\nMinutes = 5\n', 'has no key'):
        wrong = tempfile.mkdtemp(dir=place)
        open(f'{wrong}/x.role', 'w').write('[Role]\n' + text)
        r = subprocess.run([f'{BUILD}/bin/reeve-agent', '--check', '--roles', wrong], capture_output=True, text=True)
        case(f'wrong: {text!r}', r.returncode == 1 and want in r.stderr, r)
finally:
    agent.stop()
    shutil.rmtree(place)
case.end()
