#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Associations: as classes (rows, SQL), walked by Associators, References, ASSOCIATORS OF and Get-CimAssociatedInstance;
each against a plain loop over the instances."""
import json, os, pwd, socket, subprocess, sys, time

sys.path.insert(0, os.path.dirname(__file__))
from agentlib import Agent, Cases, BUILD

case = Cases()
agent = Agent()
child = subprocess.Popen(['sleep', '60'])
me = os.getpid()


def call(method, to=None, **params):
    r = (to or agent).call(method, params)
    return r['result'] if 'result' in r else r


def ids(r):
    return sorted(x['ProcessId'] for x in r['Instances']) if 'Instances' in r else r


try:
    r = call('Associators', ClassName='Process', InstanceName={'ProcessId': child.pid}, AssocClass='ProcessParent')
    case('parent of a process', ids(r) == [me] and 'CommandLine' in r['Instances'][0] and 'HandleCount' not in r['Instances'][0], r)
    r = call('Associators', ClassName='Process', InstanceName={'ProcessId': me}, AssocClass='ProcessParent', ResultRole='child')
    case('children of a process', ids(r) == sorted([child.pid, agent.proc.pid]), r)
    r = call('Associators', ClassName='Process', InstanceName={'ProcessId': me}, AssocClass='ProcessParent', Role='Child')
    case('role', ids(r) == [os.getppid()], r)
    r = call('Associators', ClassName='Process', InstanceName={'ProcessId': me}, AssocClass='ProcessParent', PropertyList=['Name'], Filter="Name LIKE 'slee_'", IncludeSystemProperties=True)
    case('filter, property list', [(x['Name'], x['__CLASS'], 'ProcessId' in x) for x in r['Instances']] == [('sleep', 'Process', False)], r)
    r = call('Associators', ClassName='Process', InstanceName={'ProcessId': me}, AssocClass='ProcessParent', Limit=1)
    case('limit', len(r['Instances']) == 1, r)
    r = call('Associators', ClassName='Process', InstanceName={'ProcessId': me}, ResultClass='Win32_Process', Role='Parent')
    case('as a view', {x['Handle'] for x in r['Instances']} == {str(child.pid), str(agent.proc.pid)} and r['Instances'][0]['CSCreationClassName'] == 'Win32_ComputerSystem', r)
    r = call('Associators', ClassName='Win32_Process', InstanceName={'Handle': str(child.pid)}, AssocClass='ProcessParent')
    case('from a view', ids(r) == [me], r)

    r = call('References', ClassName='Process', InstanceName={'ProcessId': child.pid}, ResultClass='ProcessParent')
    case('references', len(r['Instances']) == 1 and r['Instances'][0]['Parent'].startswith(f'Process.ProcessId={me},') and f'={child.pid},' in r['Instances'][0]['Child'], r)
    path = r['Instances'][0]['Child']
    r = call('ExecQuery', Query='ASSOCIATORS OF {%s} WHERE AssocClass=ProcessParent' % path)
    case('ASSOCIATORS OF a whole path', ids(r) == [me], r)
    r = call('ExecQuery', Query='associators of {Win32_Process.Handle="%d"} where ResultClass = Win32_Process Role = Child' % child.pid)
    case('ASSOCIATORS OF a view', [x['ProcessId'] for x in r.get('Instances', [])] == [me], r)
    r = call('ExecQuery', Query='REFERENCES OF {Process.ProcessId=%d} WHERE ResultClass=ProcessParent Role=Child' % child.pid)
    case('REFERENCES OF', [x['Child'] for x in r['Instances']] == [path], r)
    r = call('ExecQuery', Query='ASSOCIATORS OF {Process.ProcessId=%d} WHERE AssocClass=ProcessParent KeysOnly' % child.pid)
    case('KeysOnly', [sorted(x) for x in r['Instances']] == [['CreationDate', 'ProcessId']], r)
    r = call('EnumerateInstances', ClassName='ProcessParent', Filter="Child = '%s'" % path)
    case('the association by a key', [x['Child'] for x in r['Instances']] == [path], r)
    r = call('GetInstance', ClassName='ProcessParent', InstanceName={'Child': f'Process.ProcessId={child.pid}'})
    case('a path with some of the keys', r.get('Child') == path, r)

    # A whole association is what a plain loop finds.
    for attempt in range(50):
        all_ = call('EnumerateInstances', ClassName='Process', PropertyList=['ProcessId', 'ParentProcessId'])['Instances']
        pairs = {(p['ParentProcessId'], p['ProcessId']) for p in all_ if any(q['ProcessId'] == p['ParentProcessId'] for q in all_)}
        r = call('EnumerateInstances', ClassName='ProcessParent')['Instances']
        got = {tuple(int(x[k].split('ProcessId=')[1].split(',')[0]) for k in ('Parent', 'Child')) for x in r}
        if got == pairs and len(r) == len(got):
            break
    case('the whole association', got == pairs and len(r) == len(got), (got ^ pairs))
    r = call('ExecQuery', QueryLanguage='SQL', Query='SELECT count(*) AS n FROM ProcessParent')
    case('as a table', abs(r['Instances'][0]['n'] - len(pairs)) < 10, (r, len(pairs)))

    adapters = call('EnumerateInstances', ClassName='NetAdapter')['Instances']
    addresses = call('EnumerateInstances', ClassName='NetIPAddress')['Instances']
    for a in adapters:
        r = call('Associators', ClassName='NetAdapter', InstanceName={'InterfaceIndex': a['InterfaceIndex']}, ResultClass='NetIPAddress')
        want = [x['IPAddress'] for x in addresses if x['InterfaceIndex'] == a['InterfaceIndex']]
        case(f"addresses of {a['Name']}", [x['IPAddress'] for x in r['Instances']] == want, (r, want))
    mounts = call('EnumerateInstances', ClassName='Mount', PropertyList=['Name', 'MountId', 'ParentMountId'])['Instances']
    inner = next(m for m in mounts if any(o['MountId'] == m['ParentMountId'] for o in mounts))
    r = call('Associators', ClassName='Mount', InstanceName={'Name': inner['Name'], 'MountId': inner['MountId']}, AssocClass='MountParent', ResultRole='Parent', PropertyList=['MountId'])
    case('a mount within a mount', [x['MountId'] for x in r['Instances']] == [inner['ParentMountId']], r)

    with socket.socket() as listening:
        listening.bind(('127.0.0.1', 0))
        listening.listen()
        port = listening.getsockname()[1]
        r = call('Associators', ClassName='Process', InstanceName={'ProcessId': me}, ResultClass='NetTCPConnection', PropertyList=['LocalPort', 'State'])
        case('sockets of a process', {'LocalPort': port, 'State': 'Listen'} in r['Instances'], r)
        c = call('EnumerateInstances', ClassName='NetTCPConnection', Filter=f'LocalPort = {port}')['Instances'][0]
        r = call('Associators', ClassName='NetTCPConnection', InstanceName={k: c[k] for k in ('LocalAddress', 'LocalPort', 'RemoteAddress', 'RemotePort', 'Inode')}, AssocClass='ProcessTCPConnection')
        case('process of a socket', ids(r) == [me], r)
        r = call('ExecQuery', QueryLanguage='SQL', Query=f"SELECT p.ProcessId AS Id FROM NetTCPConnection c JOIN Process p ON p.ProcessId = c.OwningProcess WHERE c.LocalPort = {port}")
        case('the same by SQL', r.get('Instances') == [{'Id': me}], r)
        out = subprocess.run([f'{BUILD}/bin/reeve', '-NoProfile', '-Command', f'Get-NetTCPConnection -LocalPort {port} | gcai -ResultClassName Process | gcai -ResultClassName LocalUser | % Name'],
                             capture_output=True, text=True, env=dict(os.environ, REEVE_SOCKET=agent.path), timeout=30)
        case('from a socket to its user', out.stdout.split() == [pwd.getpwuid(os.getuid()).pw_name], (out.stdout, out.stderr))

    services = call('EnumerateInstances', ClassName='Service', PropertyList=['Name', 'State', 'MainPID'])
    running = [s for s in services.get('Instances', []) if s.get('MainPID')]
    if running:
        s = running[0]
        r = call('Associators', ClassName='Service', InstanceName={'Name': s['Name']}, AssocClass='ServiceProcess')
        case('processes of a service', s['MainPID'] in ids(r), r)
        r = call('Associators', ClassName='Process', InstanceName={'ProcessId': s['MainPID']}, AssocClass='ServiceProcess')
        case('service of a process', [x['Name'] for x in r['Instances']] == [s['Name']], r)
    else:
        case.skip('processes of a service', 'systemd runs no service here')

    # Every Join in the schema was understood.
    for c in call('EnumerateClasses')['Classes']:
        if 'Join' in c.get('Qualifiers', {}):
            r = call('EnumerateInstances', ClassName=c['ClassName'], Limit=1)
            case(f"{c['ClassName']} can be read", 'Instances' in r or r['error']['code'] in (-32007, -32061), r)   # no systemd here

    for what, params, code, word in [
        ('no such object', dict(ClassName='Process', InstanceName={'ProcessId': 4194300}), -32006, 'there is no Process'),
        ('no key', dict(ClassName='Process'), -32004, 'InstanceName'),
        ('no such association', dict(ClassName='Process', InstanceName={'ProcessId': 1}, AssocClass='ProcesParent'), -32005, 'ProcessParent'),
        ('what is no association', dict(ClassName='Process', InstanceName={'ProcessId': 1}, AssocClass='Service'), -32004, 'no association'),
        ('a key that is none', dict(ClassName='Process', InstanceName={'Name': 'x'}), -32004, 'no key'),
    ]:
        r = call('Associators', **params)
        case(f'refused: {what}', r.get('error', {}).get('code') == code and word in json.dumps(r), r)
    for text, word in [('ASSOCIATORS OF', 'braces'), ('ASSOCIATORS OF {Process.ProcessId=1', '}'), ('ASSOCIATORS OF {Process.ProcessId=1} WHERE Colour=red', 'ResultClass'),
                       ('ASSOCIATORS {Process.ProcessId=1}', 'OF'), ('REFERENCES OF {Process.ProcessId=1} WHERE AssocClass=x', 'ResultClass'), ('ASSOCIATORS OF {Process.ProcessId=1} WHERE Role=', 'name')]:
        r = call('ExecQuery', Query=text)
        case(f'refused: {text}', r.get('error', {}).get('code') == -32015 and word in json.dumps(r), r)

    env = dict(os.environ, REEVE_SOCKET=agent.path)
    def shell(text):
        return subprocess.run([f'{BUILD}/bin/reeve', '-NoProfile', '-Command', text], capture_output=True, text=True, env=env, timeout=30)
    out = shell(f'(Get-Process -Id {child.pid} | Get-CimAssociatedInstance -Association ProcessParent).Id')
    case('Get-CimAssociatedInstance', out.stdout.strip() == str(me), (out.stdout, out.stderr))
    out = shell(f'Get-Process -Id {me} | gcai -ResultClassName Process | gcai -Association ProcessParent | % Id | Sort-Object -Unique')
    case('two steps', str(me) in out.stdout.split() and not out.stderr, (out.stdout, out.stderr))
    out = shell('(Invoke-CimQuery "SELECT 1 AS a, 2 AS b" -QueryDialect SQL).b')
    case('SQL in the shell', out.stdout.strip() == '2', (out.stdout, out.stderr))
    out = shell(f'Get-CimInstance Win32_Process -Filter "ProcessId={child.pid}" | gcai -ResultClassName Win32_Process | % ProcessId')
    case('from a view to a view', out.stdout.strip() == str(me), (out.stdout, out.stderr))
    case('the agent is well', agent.call('Ping')['result'] == {})
finally:
    child.kill()
    child.wait()
    rc = agent.stop()
    case('ends cleanly', rc == 0 and 'Join' not in agent.said, (rc, agent.said))
case.end()
