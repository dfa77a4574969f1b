#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Hostile input: processes whose names and arguments hold whatever bytes there are, and peers that send whatever bytes there are."""
import json, os, random, signal, socket, subprocess, sys, tempfile, time

sys.path.insert(0, os.path.dirname(__file__))
from agentlib import Agent, Cases

case = Cases()
conf = tempfile.NamedTemporaryFile('w', suffix='.conf')
conf.write('[history]\nkeep = none\n')   # whose watches hold sockets of their own
conf.flush()
agent = Agent(more=['--config', conf.name])
children = []


def start(argv, program='/bin/sleep'):
    """A process that sleeps under the given arguments."""
    pid = os.fork()
    if pid == 0:
        try:
            os.execv(program, argv)
        finally:
            os._exit(1)
    children.append(pid)
    want = b''.join(os.fsencode(a) + b'\0' for a in argv)
    deadline = time.monotonic() + 10
    while open(f'/proc/{pid}/cmdline', 'rb').read() != want and time.monotonic() < deadline:
        time.sleep(0.01)
    return pid


def raw(pid, *properties):
    with agent.open() as p:
        p.send(json.dumps({'jsonrpc': '2.0', 'id': 1, 'method': 'GetInstance', 'params': {
            'ClassName': 'Process', 'InstanceName': {'ProcessId': pid}, 'PropertyList': list(properties)}}) + '\n')
        data = b''
        while not data.endswith(b'\n'):
            data += p.sock.recv(1 << 20)
    return data[:-1]


try:
    pid = start([b'\x1b]0;owned\x07\xff\xfe\xc3\x28 caf\xc3\xa9 \xe2\x80\xae\n"\\', b'1000'])
    data = raw(pid, 'CommandLine', 'Arguments', 'Name')
    text = data.decode('utf-8')
    r = json.loads(text)['result']
    case('no control character leaves raw', not any(c < 0x20 or c == 0x7f for c in data), data)
    case('bytes that are no UTF-8 are shown', r['Arguments'][0] == '\x1b]0;owned\x07\\xff\\xfe\\xc3( café \u202e\n"\\' and r['Arguments'][1] == '1000' and
         r['CommandLine'] == r['Arguments'][0] + ' 1000', r)
    for size in (4096, 4095, 4094, 4093, 100000):
        pid = start(['sleep', '1000'] + ['0' * (size - 11)])
        for again in range(2):
            r = json.loads(raw(pid, 'CommandLine', 'Arguments'))['result']
            case(f'{size} bytes of arguments', r['Arguments'] == ['sleep', '1000', '0' * (size - 11)] and len(r['CommandLine']) == size, len(r['CommandLine'] or ''))
    pid = start([sys.executable, '-c', 'import time; time.sleep(1000)', '', 'x', ''], sys.executable)
    r = json.loads(raw(pid, 'Arguments', 'CommandLine'))['result']
    case('empty arguments', r['Arguments'][3:5] == ['', 'x'], r)
    pid = start([sys.executable, '-c', 'import time; open("/proc/self/comm", "wb").write(b"a\\x1b)\\n(\\xff S 1"); time.sleep(1000)'], sys.executable)
    deadline = time.monotonic() + 10
    while b'\x1b' not in open(f'/proc/{pid}/comm', 'rb').read() and time.monotonic() < deadline:
        time.sleep(0.01)
    r = json.loads(raw(pid, 'Name', 'State', 'ParentProcessId'))['result']
    case('a name with everything', r['Name'] == 'a\x1b)\n(\\xff S 1' and r['ParentProcessId'] == os.getpid() and r['State'] in 'SR', r)
    r = agent.call('EnumerateInstances', {'ClassName': 'Process', 'Filter': f'ParentProcessId = {os.getpid()}'})
    case('in a list, too', {x['ProcessId'] for x in r['result']['Instances']} >= set(children), r)
    # exec in place: the command line that was kept is not shown for the new program
    pid = os.fork()
    if pid == 0:
        time.sleep(1.5)
        os.execv('/bin/sleep', ['sleep', '777'])
    children.append(pid)
    first = json.loads(raw(pid, 'CommandLine'))['result']['CommandLine']
    case('kept', json.loads(raw(pid, 'CommandLine'))['result']['CommandLine'] == first and 'test_agent_hostile' in first, first)
    deadline = time.monotonic() + 10
    while open(f'/proc/{pid}/comm').read() != 'sleep\n' and time.monotonic() < deadline:
        time.sleep(0.01)
    case('exec is seen at once', json.loads(raw(pid, 'CommandLine'))['result']['CommandLine'] == 'sleep 777')
    os.kill(pid, 9)
    os.waitpid(pid, 0)
    children.remove(pid)
    case('and its end', agent.call('GetInstance', {'ClassName': 'Process', 'InstanceName': {'ProcessId': pid}})['error']['code'] == -32006)
    zombie = os.fork()
    if zombie == 0:
        os._exit(0)
    time.sleep(0.1)
    r = json.loads(raw(zombie, 'State', 'CommandLine', 'ExecutablePath'))['result']
    case('a zombie', r['State'] == 'Z' and r['CommandLine'] is None and r['ExecutablePath'] is None, r)
    os.waitpid(zombie, 0)

    # Peers.
    def talk(data, half=True):
        """What comes back; the connection ends from our side."""
        s = socket.socket(socket.AF_UNIX)
        s.settimeout(10)
        s.connect(agent.path)
        try:
            s.sendall(data)
            if half:
                s.shutdown(socket.SHUT_WR)
            got = b''
            while True:
                more = s.recv(1 << 16)
                if not more:
                    return got
                got += more
        except (BrokenPipeError, ConnectionResetError):
            return got if 'got' in dir() else b''
        finally:
            s.close()

    ping = b'{"jsonrpc":"2.0","id":1,"method":"Ping"}'
    pong = {'jsonrpc': '2.0', 'id': 1, 'result': {}}
    for name, data, want in [
        ('half-closed', ping + b'\n', -1), ('no newline at the end', ping, None), ('nothing', b'', b''), ('blanks', b'   \n\n \n', None),
        ('Content-Length without a number', b'Content-Length: x\r\n\r\n', None), ('negative', b'Content-Length: -5\r\n\r\n', None),
        ('2 GiB', b'Content-Length: 2147483648\r\n\r\n', None), ('overflow', b'Content-Length: 99999999999999999999999\r\n\r\n', None),
        ('endless headers', b'Content-Length: 5\r\nX: ' + b'a' * 9000, None), ('HTTP nonsense', b'GET\r\n\r\n', None),
        ('HTTP chunked', b'POST /rpc HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n', None),
        ('two lengths', b'POST /rpc HTTP/1.1\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\n{}', None),
        ('lone surrogate', b'{"jsonrpc":"2.0","id":1,"method":"\\ud800"}\n', None), ('bad UTF-8', b'{"jsonrpc":"2.0","id":1,"method":"\xff"}\n', -32700),
        ('a huge number', b'{"jsonrpc":"2.0","id":1' + b'0' * 400 + b',"method":"Ping"}\n', -32700), ('NaN', b'{"jsonrpc":"2.0","id":NaN,"method":"Ping"}\n', -32700),
        ('a comment', b'{"jsonrpc":"2.0",/* */"id":1,"method":"Ping"}\n', -32700), ('a BOM', b'\xef\xbb\xbf' + ping + b'\n', None),
        ('50,001 values', b'[' + b'1,' * 50000 + b'1]\n', -32027), ('a key twice', b'{"jsonrpc":"2.0","id":1,"id":1,"method":"Ping"}\n', -32700),
    ]:
        got = talk(data)
        codes = [json.loads(x).get('error', {}).get('code') for x in got.splitlines() if x.startswith(b'{')]
        good = want is None or (want == -1 and json.loads(got) == pong) or got == want or want in codes
        case(name, good and agent.call('Ping')['result'] == {}, got[:300])
    with agent.open() as p:
        for i in range(len(ping)):
            p.send(ping[i:i + 1])
        p.send('\n' + (ping.decode() + '\n') * 500)
        case('byte by byte, then 500 at once', all(p.line() == pong for _ in range(501)))
    r = random.Random(7)
    words = [b'{', b'}', b'[', b']', b'"', b':', b',', b'jsonrpc', b'"2.0"', b'"id"', b'1', b'null', b'"method"', b'"Ping"', b'"params"', b'\n', b'\\u0000', b'\xff', b'Content-Length: 3\r\n\r\n',
             b'POST /rpc HTTP/1.1\r\n', b'\r\n', b'"ClassName"', b'"Process"', b'"Filter"', b'"EnumerateInstances"', b'-1e999', b' ', b'\x00']
    def check(got):
        """JSON texts, and in HTTP's framing heads before them."""
        while b'{' in got or b'[' in got:
            at = min(x for x in (got.find(b'{'), got.find(b'[')) if x >= 0)
            _, end = json.JSONDecoder().raw_decode(got[at:].decode())
            got = got[at:][end:]
    for i in range(300):
        data = b''.join(r.choice(words) for _ in range(r.randrange(1, 60))) if i % 2 else bytes(r.randrange(256) for _ in range(r.randrange(1, 400)))
        check(talk(data))
    case('300 random messages', agent.call('Ping')['result'] == {})
    good = json.dumps({'jsonrpc': '2.0', 'id': 1, 'method': 'EnumerateInstances', 'params': {
        'ClassName': 'Process', 'Filter': "Name LIKE 'a%' AND ProcessId = 7", 'PropertyList': ['Name'], 'OrderBy': ['Name DESC'], 'Limit': 3, 'Timeout': 1}}).encode()
    for i in range(400):
        data = bytearray(good)
        for _ in range(r.randrange(1, 5)):
            data[r.randrange(len(data))] = r.choice(b'{}[]",:0aA\'%_\\ -9')
        check(talk(bytes(data) + b'\n'))
    case('400 damaged requests', agent.call('Ping')['result'] == {})
    deadline = time.monotonic() + 30
    while True:
        left = [os.readlink(f'/proc/{agent.proc.pid}/fd/{d}') for d in os.listdir(f'/proc/{agent.proc.pid}/fd') if os.path.islink(f'/proc/{agent.proc.pid}/fd/{d}')]
        if sum(x.startswith('socket:') for x in left) <= 3 or time.monotonic() > deadline:
            break
        time.sleep(0.1)
    case('no connection is left open', sum(x.startswith('socket:') for x in left) <= 3, [x for x in left if x.startswith('socket:')])
finally:
    for pid in children:
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
    rc = agent.stop()
    case('ends cleanly', rc == 0, (rc, agent.said))
case.end()
