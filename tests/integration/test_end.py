#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The agent's end by SIGTERM: calls under way are answered, none is begun, and what does not end has five seconds."""
import os, shutil, signal, sys, tempfile, textwrap, time
sys.path.insert(0, os.path.dirname(__file__))
from agentlib import Agent, Cases, until

case = Cases()
work = tempfile.mkdtemp(prefix='reeve-end.')
os.chmod(work, 0o777)


def put(name, text, mode=0o644):
    with open(os.path.join(work, name), 'w') as f:
        f.write(textwrap.dedent(text).lstrip())
    os.chmod(os.path.join(work, name), mode)


put('slow.mof', '''
    [Description("What takes its time."), Version("1.0.0")]
    class Slow {
        [Key, Description("Name.")] string Name;
        [Description("Ends when a file is there."), Static] uint32 Wait([In, Description("Its name.")] string File);
    };
''')
put('slow.py', f'''
    #!/usr/bin/python3
    import json, os, sys, time
    for line in sys.stdin:
        m = json.loads(line)
        if m['method'] == 'InvokeMethod':
            file = m['params']['InParameters']['File']
            open(file + '.begun', 'w').close()
            while not os.path.exists(file):
                time.sleep(0.02)
        if 'id' in m:
            print(json.dumps({{'jsonrpc': '2.0', 'id': m['id'], 'result': {{'ReturnValue': 0}}}}), flush=True)
''', 0o755)
put('slow.provider', '[Provider]\nSchema = slow.mof\nExec = ./slow.py\nTimeout = 100\nPrograms = 2\n')
there = lambda name: os.path.exists(os.path.join(work, name))


def begin(peer, name, number):
    peer.send('{"jsonrpc":"2.0","id":%d,"method":"InvokeMethod","params":{"ClassName":"Slow","MethodName":"Wait","Timeout":60,"InParameters":{"File":"%s/%s"}}}\n'
              % (number, work, name))
    case(f'{name} is under way', until(lambda: there(name + '.begun')))


try:
    agent = Agent(more=['--providers', work], folder=tempfile.mkdtemp(prefix='reeve-end.state.'))
    with agent.open() as one, agent.open() as idle:
        case('it answers', 'result' in idle.call('EnumerateInstances', {'ClassName': 'Process', 'PropertyList': ['Name']}))
        begin(one, 'first', 1)
        agent.proc.send_signal(signal.SIGTERM)
        late = None
        for _ in range(600):   # the signal may be a moment on its way
            try:
                idle.sock.settimeout(0.1)
                late = idle.call('EnumerateInstances', {'ClassName': 'Process', 'PropertyList': ['Name'], 'Filter': 'ProcessId = 1'})
            except TimeoutError:
                break
        case('calls that come later are not begun', late is None or 'result' in late, late)
        case('it waits for those under way', agent.proc.poll() is None)
        put('first', '')
        one.sock.settimeout(20)
        reply = one.line()
        case('the call under way is answered', reply and reply.get('result', {}).get('ReturnValue') == 0, reply)
        case('then the connection ends', one.line() is None)
        idle.sock.settimeout(20)
        while idle.line():   # what it still began before the signal
            pass
        case('the agent ends well', agent.proc.wait(20) == 0, agent.proc.returncode)
        case('its socket is gone', not os.path.exists(agent.path))

    agent = Agent(more=['--providers', work], folder=agent.dir)
    with agent.open() as one:
        begin(one, 'never', 1)
        sent = time.monotonic()
        agent.proc.send_signal(signal.SIGTERM)
        case('what does not end is left', agent.proc.wait(30) == 0 and 4.5 < time.monotonic() - sent < 25, time.monotonic() - sent)
        case('its caller sees the end', one.line() is None)
        case('the log tells', 'did not end in time' in open(agent.log.name).read(), open(agent.log.name).read())
    shutil.rmtree(agent.dir)

    agent = Agent()
    sent = time.monotonic()
    with agent.open() as idle:
        idle.call('EnumerateInstances', {'ClassName': 'Process', 'PropertyList': ['Name']})
        case('with nothing under way it ends at once', agent.stop() == 0 and time.monotonic() - sent < 4, time.monotonic() - sent)
finally:
    put('never', '')
    shutil.rmtree(work)
case.end()
