#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""QueueJob: a provider in Python, whole. reeve starts it when the class is first asked for and speaks JSON-RPC 2.0 with it, a
message a line (docs/external-providers.md). Objects are files in $QUEUE_FOLDER; a held job's file is not readable by its group."""
import ctypes, datetime, json, os, select, struct, sys

FOLDER = os.environ.get('QUEUE_FOLDER', '/var/spool/queue')


class Fault(Exception):
    """Answered with a CIM status: 6 NOT_FOUND, 4 INVALID_PARAMETER, 11 ALREADY_EXISTS, ..."""
    def __init__(self, status, message, hint=None):
        super().__init__(message)
        self.answer = {'code': -32000 - status, 'message': message, 'data': {'Hint': hint} if hint else {}}


def path_of(name):
    if not name or '/' in name or name.startswith('.'):
        raise Fault(4, f"'{name}' is no name of a job")
    path = os.path.join(FOLDER, name)
    if not os.path.isfile(path):
        raise Fault(6, f'there is no job {name}', 'Get-QueueJob lists them.')
    return path


def instance(name, wanted):
    st = os.stat(os.path.join(FOLDER, name))
    job = {'Name': name, 'Size': st.st_size, 'State': 'Ready' if st.st_mode & 0o040 else 'Held',
           'Submitted': datetime.datetime.fromtimestamp(st.st_mtime, datetime.timezone.utc).strftime('%Y-%m-%dT%H:%M:%S.%fZ')}
    if 'Lines' in wanted:  # [Expensive]: only where it is asked for
        with open(os.path.join(FOLDER, name), 'rb') as f:
            job['Lines'] = sum(1 for _ in f)
    return job


def enumerate_instances(p, send):
    names = [p['Equals']['Name']] if 'Name' in p['Equals'] else sorted(os.listdir(FOLDER))
    for name in names:
        if not name.startswith('.') and os.path.isfile(os.path.join(FOLDER, name)):
            send([instance(name, p['PropertyList'])])
    return {}


def set_state(path, state, what_if):
    before = 'Ready' if os.stat(path).st_mode & 0o040 else 'Held'
    if before == state:
        return []
    if not what_if:
        os.chmod(path, 0o640 if state == 'Ready' else 0o600)
    return [{'Property': 'State', 'From': before, 'To': state}]


def modify(p):
    return {'Changed': set_state(path_of(p['InstanceName'].get('Name')), p['Properties']['State'], p['WhatIf'])}


def create(p):
    name = p['Properties'].get('Name', '')
    if os.path.exists(os.path.join(FOLDER, name)):
        raise Fault(11, f'there is a job {name} already')
    if not name or '/' in name or name.startswith('.'):
        raise Fault(4, f"'{name}' is no name of a job")
    if not p['WhatIf']:
        open(os.path.join(FOLDER, name), 'x').close()
        set_state(os.path.join(FOLDER, name), p['Properties'].get('State', 'Ready'), False)
    return {'Changed': [{'Property': 'Name', 'From': None, 'To': name}]}


def delete(p):
    path = path_of(p['InstanceName'].get('Name'))
    if not p['WhatIf']:
        os.unlink(path)
    return {'Changed': [{'Property': 'Name', 'From': os.path.basename(path), 'To': None}]}


def invoke(p):
    path = path_of(p['InstanceName'].get('Name'))
    if p['MethodName'] != 'Run':
        raise Fault(17, f"there is no method {p['MethodName']}")
    if not os.stat(path).st_mode & 0o040 and not p['InParameters'].get('Force'):
        raise Fault(1, f'{os.path.basename(path)} is held', 'Say Force, or set its State to Ready.')
    size = os.path.getsize(path)
    if not p['WhatIf']:
        with open(path, 'rb') as job, open(os.path.join(FOLDER, '.log'), 'ab') as log:
            log.write(job.read())
        os.unlink(path)
    return {'ReturnValue': 0, 'OutParameters': {'Added': size}, 'Changed': [{'Property': 'State', 'From': 'Ready', 'To': None}]}


def watch(call):
    """Tells of each file that comes, goes or changes, until reeve closes our input: the program runs once more for it."""
    libc = ctypes.CDLL(None, use_errno=True)
    CREATED, DELETED, MODIFIED = 0x100 | 0x80, 0x200 | 0x40, 0x4 | 0x8   # of inotify(7)
    fd = libc.inotify_init()
    if fd < 0 or libc.inotify_add_watch(fd, os.fsencode(FOLDER), CREATED | DELETED | MODIFIED) < 0:
        raise OSError(ctypes.get_errno(), f'{FOLDER} cannot be watched')
    say({'id': call, 'result': {}})
    while sys.stdin not in select.select([sys.stdin, fd], [], [])[0]:
        buf = os.read(fd, 65536)
        while buf:
            _, mask, _, n = struct.unpack_from('iIII', buf)
            name, buf = os.fsdecode(buf[16:16 + n].rstrip(b'\0')), buf[16 + n:]
            if not name.startswith('.'):
                kind = 'Created' if mask & CREATED else 'Deleted' if mask & DELETED else 'Modified'
                say({'method': 'Changed', 'params': {'ClassName': 'QueueJob', 'Kind': kind, **({'InstanceName': {'Name': name}} if name else {})}})
    sys.exit()


def answer(message):
    call, p = message.get('id'), message.get('params', {})
    send = lambda rows: say({'method': 'Instances', 'params': {'Id': call, 'Instances': rows}})
    try:
        if message['method'] == 'Watch':
            return watch(call)
        todo = {'Hello': lambda: {'Version': 1}, 'EnumerateInstances': lambda: enumerate_instances(p, send), 'ModifyInstance': lambda: modify(p),
                'CreateInstance': lambda: create(p), 'DeleteInstance': lambda: delete(p), 'InvokeMethod': lambda: invoke(p)}.get(message['method'])
        if not todo:
            return say({'id': call, 'error': {'code': -32601, 'message': 'not offered'}})
        say({'id': call, 'result': todo()})
    except Fault as f:
        say({'id': call, 'error': f.answer})
    except OSError as e:
        say({'id': call, 'error': {'code': -32001, 'message': str(e)}})


def say(message):
    print(json.dumps({'jsonrpc': '2.0', **message}), flush=True)


for line in sys.stdin:  # ends when reeve closes it
    message = json.loads(line)
    if 'id' in message:
        answer(message)
