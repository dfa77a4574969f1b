#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The agent from outside: every operation, framing and limit, on real processes."""
import json, os, re, shutil, signal, socket, subprocess, sys, time

sys.path.insert(0, os.path.dirname(__file__))
from agentlib import BUILD, Agent, Cases

case = Cases()
agent = Agent()
try:
    r = agent.call('Ping')
    case('Ping', r == {'jsonrpc': '2.0', 'id': 1, 'result': {}}, r)
    r = agent.call('Hello')
    case('Hello', r['result']['Agent'] == 'reeve' and r['result']['User'], r)
    r = agent.call('rpc.discover')['result']
    case('rpc.discover', r['openrpc'] == '1.2.6' and {'GetInstance', 'InvokeMethod'} <= {m['name'] for m in r['methods']}, r)

    def untitled(x):
        if isinstance(x, dict):
            if 'type' in x and 'title' not in x and 'name' not in x:
                return x
            return next((u for u in (untitled(v) for k, v in x.items() if k != 'info') if u), None)
        return next((u for u in (untitled(v) for v in x) if u), None) if isinstance(x, list) else None
    case('every schema has a title', untitled(r['components']) is None, untitled(r['components']))

    r = agent.call('EnumerateClasses', {'NamesOnly': True})
    case('EnumerateClasses', 'Process' in r['result']['Classes'], r)
    r = agent.call('GetClass', {'ClassName': 'PROCESS'})['result']
    case('GetClass', r['ClassName'] == 'Process' and {p['Name'] for p in r['Properties'] if p.get('Key')} == {'ProcessId', 'CreationDate'}, r)

    # One process, beside what /proc says.
    child = subprocess.Popen(['sleep', '300'])
    while True:  # it has begun to sleep
        if open(f'/proc/{child.pid}/stat').read().rsplit(')', 1)[1].split()[0] == 'S' and open(f'/proc/{child.pid}/comm').read() == 'sleep\n':
            break
    me = agent.call('GetInstance', {'ClassName': 'Process', 'InstanceName': {'ProcessId': child.pid}})['result']
    stat = open(f'/proc/{child.pid}/stat').read().rsplit(')', 1)[1].split()
    case('GetInstance', me['Name'] == 'sleep' and me['CommandLine'] == 'sleep 300' and me['ParentProcessId'] == os.getpid() and
         me['VirtualSize'] == int(stat[20]) and me['Uid'] == os.getuid(), me)
    exact = {'ProcessId': child.pid, 'CreationDate': me['CreationDate']}
    r = agent.call('GetInstance', {'ClassName': 'Process', 'InstanceName': exact, 'PropertyList': ['name', 'WS', 'ExecutablePath']})['result']
    case('PropertyList with an alias', list(r) == ['Name', 'ExecutablePath', 'WorkingSetSize'] and r['ExecutablePath'] == os.readlink(f'/proc/{child.pid}/exe'), r)
    r = agent.call('GetInstance', {'ClassName': 'Process', 'InstanceName': f'Process.ProcessId={child.pid},CreationDate="{me["CreationDate"]}"'})
    case('an object path', r['result']['Name'] == 'sleep', r)
    r = agent.call('GetInstance', {'ClassName': 'Process', 'InstanceName': exact, 'IncludeSystemProperties': True})['result']
    case('system properties', r['__CLASS'] == 'Process' and r['__PATH'].startswith(f'Process.ProcessId={child.pid},') and r['__SERVER'] == socket.gethostname(), r)
    stale = dict(exact, CreationDate='2001-01-01T00:00:00Z')
    r = agent.call('GetInstance', {'ClassName': 'Process', 'InstanceName': stale})
    case('a stale key finds nothing', r['error']['code'] == -32006, r)

    # All of them.
    r = agent.call('EnumerateInstances', {'ClassName': 'Process', 'PropertyList': ['ProcessId']})['result']['Instances']
    pids = {int(d) for d in os.listdir('/proc') if d.isdigit()}
    seen = {i['ProcessId'] for i in r}
    case('EnumerateInstances', child.pid in seen and os.getpid() in seen and len(seen ^ pids) < 40, len(seen ^ pids))
    r = agent.call('EnumerateInstanceNames', {'ClassName': 'Process', 'Filter': f'ProcessId = {child.pid}'})['result']['InstanceNames']
    case('EnumerateInstanceNames', r == [{'ClassName': 'Process', 'Keys': exact}], r)
    r = agent.call('EnumerateInstances', {'ClassName': 'Process', 'Filter': "Name LIKE 'sl%p' AND NOT ProcessId <> %d" % child.pid, 'PropertyList': ['Name']} if False else
                   {'ClassName': 'Process', 'Filter': f"name like 'SL[a-f]_p' and not ProcessId <> {child.pid}", 'PropertyList': ['Name']})
    case('Filter', r['result']['Instances'] == [{'Name': 'sleep'}], r)
    r = agent.call('ExecQuery', {'Query': f'SELECT Name, ProcessId FROM Process WHERE {child.pid} = ProcessId'})
    case('ExecQuery', r['result']['Instances'] == [{'ProcessId': child.pid, 'Name': 'sleep'}], r)
    r = agent.call('EnumerateInstances', {'ClassName': 'Process', 'OrderBy': ['WorkingSetSize DESC', 'ProcessId'], 'Limit': 5, 'PropertyList': ['WorkingSetSize']})
    sizes = [i['WorkingSetSize'] for i in r['result']['Instances']]
    case('OrderBy and Limit', len(sizes) == 5 and sizes == sorted(sizes, reverse=True), sizes)
    with agent.open() as p:
        p.send('{"jsonrpc":"2.0","id":7,"method":"EnumerateInstances","params":{"ClassName":"Process","PropertyList":["ProcessId"],"partialResultToken":"t"}}\n')
        rows, message = [], p.line()
        while 'method' in message:
            case.passed += message['method'] == '$/progress' and message['params']['token'] == 't'
            rows += message['params']['value']
            message = p.line()
        case('partialResultToken', child.pid in {x['ProcessId'] for x in rows} and message == {'jsonrpc': '2.0', 'id': 7, 'result': {'Instances': []}}, message)

    # Methods.
    r = agent.call('InvokeMethod', {'ClassName': 'Process', 'MethodName': 'getowner', 'InstanceName': exact})['result']
    case('GetOwner', r['ReturnValue'] == 0 and r['Domain'] == socket.gethostname(), r)
    r = agent.call('InvokeMethod', {'ClassName': 'Process', 'MethodName': 'SetPriority', 'InstanceName': exact, 'InParameters': {'Priority': 7}, 'WhatIf': True})['result']
    case('WhatIf', r['WhatIf'] and r['Changed'] == [{'Property': 'Nice', 'From': '0', 'To': '7'}] and os.getpriority(os.PRIO_PROCESS, child.pid) == 0, r)
    r = agent.call('InvokeMethod', {'ClassName': 'Process', 'MethodName': 'SetPriority', 'InstanceName': exact, 'InParameters': {'Priority': 7}})
    case('SetPriority', os.getpriority(os.PRIO_PROCESS, child.pid) == 7, r)
    r = agent.call('InvokeMethod', {'ClassName': 'Process', 'MethodName': 'SetPriority', 'InstanceName': exact, 'InParameters': {'Priority': 77}})
    case('out of range', r['error']['code'] == -32004 and 'from -20 to 19' in r['error']['message'] and r['error']['data']['Property'] == 'Priority', r)
    r = agent.call('InvokeMethod', {'ClassName': 'Process', 'MethodName': 'Terminate', 'InstanceName': stale})
    case('a stale key is refused', r['error']['code'] == -32062 and child.poll() is None, r)
    r = agent.call('InvokeMethod', {'ClassName': 'Process', 'MethodName': 'SendSignal', 'InstanceName': exact, 'InParameters': {'Signal': 'SIGNOPE'}})
    case('an unknown signal', r['error']['code'] == -32004, r)
    r = agent.call('InvokeMethod', {'ClassName': 'Process', 'MethodName': 'Terminate', 'InstanceName': exact})
    case('Terminate', r['result'] == {'ReturnValue': 0} and child.wait(10) == -signal.SIGTERM, r)
    other = subprocess.Popen(['sleep', '100'])
    r = agent.call('InvokeMethod', {'ClassName': 'Win32_Process', 'MethodName': 'Terminate', 'InstanceName': {'Handle': str(other.pid)}, 'InParameters': {'Reason': 1}})
    case("a view's method, by the view's key", r['result'] == {'ReturnValue': 0} and other.wait(10) == -signal.SIGTERM, r)
    r = agent.call('InvokeMethod', {'ClassName': 'Process', 'MethodName': 'Create', 'InParameters': {'CommandLine': 'sh -c "sleep 200; exit"', 'CurrentDirectory': '/usr'}})['result']
    pid = r['ProcessId']
    case('Create', r['ReturnValue'] == 0 and os.readlink(f'/proc/{pid}/cwd') == '/usr' and open(f'/proc/{pid}/cmdline').read().split('\0')[:3] == ['sh', '-c', 'sleep 200; exit'], r)
    os.killpg(os.getpgid(pid), 9)
    r = agent.call('InvokeMethod', {'ClassName': 'Process', 'MethodName': 'Create', 'InParameters': {'CommandLine': '/no/such/program'}})
    case('Create of nothing', r['error']['code'] == -32006 and '/no/such/program' in r['error']['message'], r)

    # The words of Microsoft's Nano Server example, unchanged.
    r = agent.call('ExecQuery', {'Query': "SELECT * from Win32_Process WHERE name LIKE 'p%'"})['result']['Instances']
    case("Microsoft's query", r and all(i['Name'].lower().startswith('p') for i in r) and f'{os.getpid()}' in {i['Handle'] for i in r}, r)
    one = next(i for i in r if i['ProcessId'] == os.getpid())
    ticks = open('/proc/self/stat').read().rsplit(')', 1)[1].split()
    case('WMI units', list(one)[:3] == ['CreationClassName', 'Caption', 'CommandLine'] and re.fullmatch(r'\d{14}\.\d{6}\+000', one['CreationDate']) and
         0 <= int(ticks[11]) * 100000 - one['UserModeTime'] < 10 ** 8 and one['QuotaPagedPoolUsage'] is None, one)
    r = agent.call('GetInstance', {'ClassName': 'Win32_Process', 'InstanceName': {'Handle': '1'}, 'PropertyList': ['ProcessId']})
    case('a view by its key', r['result'] == {'ProcessId': 1}, r)

    # The host and the agent itself.
    r = agent.call('GetInstance', {'ClassName': 'OperatingSystem'})['result']
    mem = dict(l.split(':') for l in open('/proc/meminfo').read().splitlines())
    case('OperatingSystem', r['KernelRelease'] == os.uname().release and r['TotalVisibleMemorySize'] == int(mem['MemTotal'].split()[0]) * 1024 and
         r['BootId'] == open('/proc/sys/kernel/random/boot_id').read().strip() and 'NumberOfProcesses' not in r, r)
    r = {p['Name']: p for p in agent.call('EnumerateInstances', {'ClassName': 'Provider'})['result']['Instances']}
    case('Provider', r['Process']['Calls'] > 10 and r['Process']['P99'] >= r['Process']['P50'] > 0 and r['Process']['LastError'], r)

    # Wrong input: the exact error, with what to do.
    for params, code, words in [
        ({'ClassName': 'Proces'}, -32005, 'Process'), ({}, -32004, 'ClassName'), ({'ClassName': 'Process', 'Filtre': '1'}, -32004, 'Filter'),
        ({'ClassName': 'Process', 'PropertyList': ['Nmae']}, -32012, 'Name'), ({'ClassName': 'Process', 'Filter': 'Name LIKE'}, -32015, 'position'),
        ({'ClassName': 'Process', 'Filter': 'ProcessId = 99999999999'}, -32004, 'range'), ({'ClassName': 'Process', 'Limit': 0}, -32004, 'Limit'),
        ({'ClassName': 'Process', 'Timeout': 0}, -32022, '0.001'), ({'ClassName': 7}, -32004, 'string'), ({'ClassName': 'Process', 'OrderBy': 'Name SIDEWAYS'}, -32004, 'DESC'),
        ({'ClassName': 'Process', 'Namespace': 'root/nowhere'}, -32003, 'root/nowhere'), (['Process'], -32004, 'by name'),
    ]:
        r = agent.call('EnumerateInstances', params)
        case(f'{params}', r.get('error', {}).get('code') == code and words in json.dumps(r), r)
    case('no such operation', agent.call('Enumerate')['error']['code'] == -32601)
    case('Missing key', agent.call('GetInstance', {'ClassName': 'Process'})['error']['code'] == -32004)
    case('not there', agent.call('GetInstance', {'ClassName': 'Process', 'InstanceName': {'ProcessId': 4194305}})['error']['code'] == -32006)

    # JSON-RPC 2.0 as its specification has it.
    for text, expected in [
        ('{"jsonrpc": "2.0", "method": "foobar, "params": "bar", "baz]', -32700), ('[1,2', -32700), ('{"jsonrpc": "2.0", "method": 1, "params": "bar"}', -32600),
        ('[]', -32600), ('{"jsonrpc":"1.0","id":1,"method":"Ping"}', -32600), ('{"id":1,"method":"Ping"}', -32600), ('1', -32600), ('"x"', -32600),
        ('{"jsonrpc":"2.0","id":{},"method":"Ping"}', -32600), ('{"jsonrpc":"2.0","id":1,"method":"Ping","id":2}', -32700),
    ]:
        with agent.open() as p:
            p.send(text + '\n')
            r = p.line()
            case(text, r['error']['code'] == expected and p.call('Ping')['result'] == {}, r)
    with agent.open() as p:
        p.send('[1,2,3]\n')
        r = p.line()
        case('an invalid batch', [x['error']['code'] for x in r] == [-32600] * 3, r)
        p.send('[{"jsonrpc":"2.0","method":"Ping"},{"jsonrpc":"2.0","method":"Hello"}]\n{"jsonrpc":"2.0","method":"Ping"}\n{"jsonrpc":"2.0","id":"x","method":"Ping"}\n')
        case('notifications are not answered', p.line()['id'] == 'x')
        p.send('[{"jsonrpc":"2.0","id":"1","method":"Ping"},{"jsonrpc":"2.0","id":null,"method":"Ping"},{"jsonrpc":"2.0","id":9007199254740993,"method":"Nope"},{"foo":"boo"}]\n')
        r = {json.dumps(x['id']): x for x in p.line()}
        case('a batch', '"1"' in r and r['9007199254740993']['error']['code'] == -32601 and 'null' in r, r)

    # Framings.
    with agent.open() as p:
        body = b'{"jsonrpc":"2.0","id":1,"method":"Ping"}'
        p.send(b'Content-Length: %d\r\nContent-Type: x\r\n\r\n%s' % (len(body), body) * 2)
        want = b'Content-Length: 36\r\n\r\n{"jsonrpc":"2.0","id":1,"result":{}}' * 2
        got = b''
        while len(got) < len(want):
            got += p.sock.recv(4096)
        case('Content-Length', got == want, got)
    if shutil.which('curl'):
        def curl(*args):
            return subprocess.run(['curl', '-s', '--max-time', '10', '--unix-socket', agent.path, *args], capture_output=True, text=True).stdout
        out = curl('http://x/rpc', '-d', '{"jsonrpc":"2.0","id":1,"method":"Ping"}', '--next', '-s', '--unix-socket', agent.path, 'http://x/rpc', '-d', '{"jsonrpc":"2.0","id":2,"method":"Ping"}')
        case('HTTP', out == '{"jsonrpc":"2.0","id":1,"result":{}}{"jsonrpc":"2.0","id":2,"result":{}}', out)
        case('GET /metrics', 'reeve_provider_calls_total{name="Process"}' in curl('http://x/metrics?timeout=30'))
        case('404', curl('-o', '/dev/null', '-w', '%{http_code}', 'http://x/nothing') == '404')
        case('204', curl('-o', '/dev/null', '-w', '%{http_code}', 'http://x/rpc', '-d', '{"jsonrpc":"2.0","method":"Ping"}') == '204')
    else:
        case.skip('HTTP', 'curl is not installed')

    # Bounds.
    with agent.open() as p:
        p.send(b'{"x":"' + b'a' * (1 << 20) + b'"}\n')
        r = p.line()
        case('1 MiB', r['error']['code'] == -32027 and p.line() is None, r)
    with agent.open() as p:
        p.send('[' * 65 + ']' * 65 + '\n')
        case('depth', p.line()['error']['code'] == -32027)
        p.send(b'{"jsonrpc":"2.0",\0"id":1,"method":"Ping"}\n')
        case('NUL', p.line()['error']['code'] == -32700)
    slow = agent.open()
    for _ in range(3000):    # never reads: credit stops the agent from taking more
        try:
            slow.sock.settimeout(0.2)
            slow.send('{"jsonrpc":"2.0","id":1,"method":"rpc.discover"}\n' * 50)
        except OSError:
            break
    else:
        case('a peer that never reads is not read', False)
    rss = int(re.search(r'VmRSS:\s+(\d+)', open(f'/proc/{agent.proc.pid}/status').read()).group(1))
    case('a peer that never reads costs little', rss < (200000 if 'address' in BUILD else 60000), rss)   # the sanitizer keeps what was freed
    start = time.monotonic()
    case('and others are served', agent.call('Ping')['result'] == {} and time.monotonic() - start < 1)
    slow.sock.close()
    many = [agent.open() for _ in range(300)]
    case('300 connections', all(p.call('Ping')['result'] == {} for p in many))
    for p in many:
        p.sock.close()
    with agent.open() as p:  # goes away in mid-call
        p.send('{"jsonrpc":"2.0","id":1,"method":"EnumerateInstances","params":{"ClassName":"Process"}}\n' * 20)
    case('after a disconnect', agent.call('Ping')['result'] == {})

    # Idle: nothing wakes it. (Worker threads end after two seconds without work.)
    def switches():
        total = 0
        for t in os.listdir(f'/proc/{agent.proc.pid}/task'):
            total += sum(int(x) for x in re.findall(r'ctxt_switches:\s+(\d+)', open(f'/proc/{agent.proc.pid}/task/{t}/status').read()))
        return total
    deadline = time.monotonic() + 15
    while len(os.listdir(f'/proc/{agent.proc.pid}/task')) > 1 and time.monotonic() < deadline:
        time.sleep(0.1)
    before = switches()
    time.sleep(3)
    case('idle: no wakeups in three seconds', switches() == before, switches() - before)
finally:
    rc = agent.stop()
    case('ends cleanly', rc == 0, (rc, agent.said))
case.end()
