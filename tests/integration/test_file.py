#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The class File: read beside stat(1), made, changed and removed, idempotent, one key for one object, links not followed."""
import grp, hashlib, json, os, pwd, socket, sys, tempfile
sys.path.insert(0, os.path.dirname(__file__))
from agentlib import Agent, Cases

case = Cases()
agent = Agent()
top = os.path.realpath(tempfile.mkdtemp(prefix='reeve-file.'))
ME, MINE = pwd.getpwuid(os.getuid()).pw_name, grp.getgrgid(os.getgid()).gr_name


def call(op, path=None, **more):
    key = {} if path is None else {'InstanceName': {'Name': path if path.startswith('/') or not path else f'{top}/{path}'}}
    return agent.call(op, {'ClassName': 'File', **key, **more})


def get(path, *properties):
    return call('GetInstance', path, **({'PropertyList': list(properties)} if properties else {})).get('result')


def put(path, ensure=None, **properties):
    more = {'Properties': properties} if properties else {}
    r = call('SetInstance', path, **more, **({'Ensure': ensure} if ensure else {}))
    return sorted(c['Property'] for c in r['result']['Changed']) if 'result' in r else r['error']['data']['Name']


def read(path):
    with open(f'{top}/{path}', 'rb') as f:
        return f.read()


try:
    # ---- reading ----
    with open(f'{top}/a', 'wb') as f:
        f.write('ä\r\n\ttext'.encode())
    os.chmod(f'{top}/a', 0o640)
    os.symlink('a', f'{top}/l')
    os.mkdir(f'{top}/d')
    os.mkfifo(f'{top}/p')
    with open(f'{top}/bin', 'wb') as f:
        f.write(bytes(range(256)))
    one = get('a', 'Type', 'Mode', 'Owner', 'Group', 'Size', 'Content', 'Sha256', 'Directory', 'Target')
    case('a file', one == {'Type': 'File', 'Mode': '0640', 'Owner': ME, 'Group': MINE, 'Size': 9, 'Content': 'ä\r\n\ttext', 'Directory': top, 'Target': None,
                           'Sha256': hashlib.sha256(read('a')).hexdigest()}, one)
    case('content only when it is asked for', 'Content' not in get('a') and 'Sha256' not in get('a'), get('a'))
    case('no text, no content', get('bin', 'Content', 'Sha256') == {'Content': None, 'Sha256': hashlib.sha256(bytes(range(256))).hexdigest()}, get('bin', 'Content', 'Sha256'))
    case('a link is itself', get('l', 'Type', 'Target', 'Content') == {'Type': 'Link', 'Target': 'a', 'Content': None}, get('l'))
    r = call('EnumerateInstances', Filter=f"Directory = '{top}'", PropertyList=['Name', 'Type', 'Content'])['result']['Instances']
    case('a folder; nobody waits for a pipe', {x['Name'][len(top) + 1:]: x['Type'] for x in r} == {'a': 'File', 'l': 'Link', 'd': 'Directory', 'p': 'Pipe', 'bin': 'File'}, r)
    r = agent.call('ExecQuery', {'Query': f"SELECT Name, Size FROM File WHERE Directory = '{top}' AND Size > 100 ORDER BY Name", 'QueryLanguage': 'SQL'})
    case('in SQL', [x['Name'] for x in r.get('result', {}).get('Instances', []) if x['Name'].endswith('bin')], r)
    r = call('EnumerateInstances')
    case('all files are not listed', r['error']['data']['Name'] == 'INVALID_PARAMETER' and 'Directory' in r['error']['data']['Hint'], r)
    case('the root', get('/', 'Type', 'Directory') == {'Type': 'Directory', 'Directory': None}, get('/'))
    for name in ('', 'a', './a', '/etc/../etc/hosts', '/etc//hosts', '/etc/hosts/', '/etc/./hosts', '/nix', '/etc/hosts/x', f'{top}/a\x00b', '/' + 'x' * 5000):
        case(f'no file {name[:30]!r}', 'error' in agent.call('GetInstance', {'ClassName': 'File', 'InstanceName': {'Name': name}}), name)

    # ---- making and changing ----
    case('made', {'Content', 'Mode'} <= set(put('n', Content='x=1\n', Mode='0600')), get('n'))
    case('as it was said', read('n') == b'x=1\n' and get('n', 'Mode') == {'Mode': '0600'}, get('n'))
    case('again: nothing', put('n', Content='x=1\n', Mode='0600') == [], get('n'))
    inode = os.stat(f'{top}/n').st_ino
    case('content', put('n', Content='x=2\n') == ['Content'] and read('n') == b'x=2\n' and os.stat(f'{top}/n').st_mode & 0o7777 == 0o600 and os.stat(f'{top}/n').st_ino != inode, get('n'))
    case('mode', put('n', Mode='4755') == ['Mode'] and os.stat(f'{top}/n').st_mode & 0o7777 == 0o4755, get('n'))
    if os.getuid() == 0:
        case('owner and group', put('n', Owner='daemon', Group='daemon') == ['Group', 'Owner'] and os.stat(f'{top}/n').st_uid == 1 and os.stat(f'{top}/n').st_mode & 0o7777 == 0o4755, get('n'))
        case('by number', put('n', Owner='54321') == ['Owner'] and put('n', Owner='54321') == [] and os.stat(f'{top}/n').st_uid == 54321, get('n'))
        case('a new file of somebody', put('o', Content='s', Owner='daemon', Mode='0400') and os.stat(f'{top}/o').st_uid == 1 and os.stat(f'{top}/o').st_mode & 0o7777 == 0o400)
    case('a folder', put('e', Type='Directory', Mode='1777') and os.stat(f'{top}/e').st_mode & 0o7777 == 0o1777 and put('e', Type='Directory', Mode='1777') == [])
    case('a link', put('k', Target='nowhere') and os.readlink(f'{top}/k') == 'nowhere' and put('k', Type='Link', Target='a') == ['Target'] and put('k', Target='a') == [] and os.readlink(f'{top}/k') == 'a')
    case('an empty file', put('z', Type='File') and read('z') == b'' and put('z', Content='') == [] and put('z', Content='ä"\\\n') == ['Content'] and read('z') == 'ä"\\\n'.encode())
    r = call('SetInstance', 'w', Properties={'Content': 'c'}, WhatIf=True)
    case('what-if', r['result']['Changed'] and not os.path.exists(f'{top}/w'), r)
    r = call('SetInstance', 'n', Properties={'Content': 'x=3\n'}, WhatIf=True)
    case('what-if says from what to what', {'Property': 'Content', 'From': 'x=2\n', 'To': 'x=3\n'} in r['result']['Changed'] and read('n') == b'x=2\n', r)
    case('nothing beside them', not [n for n in os.listdir(top) if n.startswith('.') or 'reeve' in n or '~' in n], os.listdir(top))

    # ---- what is refused ----
    for name, want, properties in (('q/r', 'FAILED', {'Content': 'x'}), ('n', 'INVALID_PARAMETER', {'Mode': '644'}), ('n', 'INVALID_PARAMETER', {'Mode': 'rw--'}), ('n', 'INVALID_PARAMETER', {'Owner': 'no-such-user'}),
                                   ('n', 'INVALID_PARAMETER', {'Group': '-1'}), ('l', 'FAILED', {'Content': 'x'}), ('d', 'FAILED', {'Content': 'x'}), ('d', 'FAILED', {'Type': 'File'}), ('l', 'INVALID_PARAMETER', {'Mode': '0600'}),
                                   ('v', 'INVALID_PARAMETER', {'Type': 'Pipe'}), ('v', 'INVALID_PARAMETER', {'Type': 'Link'}), ('v', 'INVALID_PARAMETER', {'Type': 'File', 'Target': 'x'}), ('../v', 'INVALID_PARAMETER', {'Content': 'x'})):
        case(f'{name} {properties}', put(name, **properties) == want and not os.path.exists(f'{top}/v'), put(name, **properties))
    case('what a link leads to is as before', read('a') == 'ä\r\n\ttext'.encode() and os.stat(f'{top}/a').st_mode & 0o7777 == 0o640)
    r = call('CreateInstance', None, Properties={'Name': f'{top}/a', 'Content': 'x'})
    case('what is there is not made', r['error']['data']['Name'] == 'ALREADY_EXISTS' and read('a') == 'ä\r\n\ttext'.encode(), r)
    r = call('ModifyInstance', 'gone', Properties={'Content': 'x'})
    case('what is not there is not changed', r['error']['data']['Name'] == 'NOT_FOUND' and not os.path.exists(f'{top}/gone'), r)

    # ---- removing ----
    case('removed, the link alone', put('l', 'Absent') and not os.path.lexists(f'{top}/l') and read('a') and put('l', 'Absent') == [])
    open(f'{top}/d/inside', 'w').close()
    os.symlink(f'{top}/e', f'{top}/d/out')
    open(f'{top}/e/kept', 'w').close()
    r = call('SetInstance', 'd', Ensure='Absent')
    case('a folder with something in it stays', 'Recurse' in r['error']['data']['Hint'] and os.path.exists(f'{top}/d/inside'), r)
    r = call('InvokeMethod', 'd', MethodName='Delete', InParameters={'Recurse': True})
    case('unless Recurse is said; links are not followed', 'result' in r and not os.path.exists(f'{top}/d') and os.path.exists(f'{top}/e/kept'), r)
    r = call('InvokeMethod', '/', MethodName='Delete', InParameters={'Recurse': True}, WhatIf=True)
    case('never the root', 'error' in r, r)

    # ---- the same twice at once: one look and its change after the other ----
    told, rounds = [], 20
    with agent.open() as p:
        for i in range(rounds):
            one = {'ClassName': 'File', 'InstanceName': {'Name': f'{top}/twin{i}'}, 'Properties': {'Content': f'{i}'}}
            p.send('\n'.join(json.dumps({'jsonrpc': '2.0', 'id': 100 + i * 4 + k, 'method': 'SetInstance', 'params': one}) for k in range(4)) + '\n')
            told.append([bool(p.line()['result']['Changed']) for _ in range(4)])
    case('SetInstance of one object, four at once: one of them changes it', all(t.count(True) == 1 for t in told), told)
    case('and it is as it should be', all(read(f'twin{i}') == str(i).encode() for i in range(rounds)))
finally:
    agent.stop()
    import shutil
    shutil.rmtree(top)
case.end()
