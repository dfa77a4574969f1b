#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Permanent subscriptions: filters, consumers and bindings that the agent keeps, over the indications of the test agent."""
import glob, http.server, json, os, re, shutil, signal, socket, sqlite3, subprocess, sys, tempfile, threading, time

sys.path.insert(0, os.path.dirname(__file__))
from agentlib import BUILD, Agent, Cases, Reader

case = Cases()
SHELL = os.environ['REEVE_SHELL'] = next(os.path.abspath(b + '/bin/reeve') for b in (BUILD, 'build') if os.path.exists(b + '/bin/reeve'))
AGENT, TICKS = 'tests/bin/reeve-agent-modes', 'SELECT * FROM T_Tick'
PATIENCE = 30   # seconds that anything may take on a busy machine
home = tempfile.mkdtemp(prefix='reeve-sub.')
os.chmod(home, 0o755)


def at(name):
    return os.path.join(home, name)


def wait(good, seconds=PATIENCE):
    end = time.monotonic() + seconds
    while True:
        got = good()
        if got or time.monotonic() > end:
            return got
        time.sleep(0.02)


def events(name):
    """The events that a consumer wrote to a file, a line each."""
    try:
        return [json.loads(line) for line in open(at(name)) if line.strip()]
    except FileNotFoundError:
        return []


def numbers(name):
    return [e['Indication']['Number'] for e in events(name) if 'Indication' in e]


def new(agent, name, call='call', query=TICKS, **parameters):
    return agent.call('InvokeMethod', dict(ClassName='FilterToConsumerBinding', MethodName='New', InParameters=dict(Name=name, Query=query, **parameters)))


def make(agent, cls, **properties):
    return agent.call('CreateInstance', dict(ClassName=cls, Properties=properties))


def key(name, kind):
    return {'Filter': f'EventFilter.Name="{name}"', 'Consumer': f'{kind}.Name="{name}"'}


def look(agent, name):
    r = agent.call('EnumerateInstances', dict(ClassName='FilterToConsumerBinding', Filter=f"Name = '{name}'"))['result']['Instances']
    return r[0] if r else None


def remove(agent, name, kind):
    return agent.call('InvokeMethod', dict(ClassName='FilterToConsumerBinding', MethodName='Remove', InstanceName=key(name, kind)))


def fire(agent, first, count=1):
    agent.call('InvokeMethod', {'ClassName': 'T_Tick', 'MethodName': 'Fire', 'InParameters': {'First': first, 'Count': count}})


def code(r):
    return r.get('error', {}).get('code')


def delivered(agent, name, n):
    return wait(lambda: look(agent, name)['Delivered'] >= n)


def test_consumers(agent):
    sh = ['sh', '-c', 'cat >> "$0"; echo >> "$0"; echo "$REEVE_SUBSCRIPTION $REEVE_SEQUENCE $1" >> "$0.env"; test "$REEVE_EVENT" = "$(tail -n 1 "$0")" || exit 3']
    case('a log file', 'result' in new(agent, 'log', LogFile=at('log')))
    case('a command', 'result' in new(agent, 'cmd', Command=[*sh, at('cmd'), '%Number%/%Parity%']))
    fire(agent, 1, 3)
    case('each event is a line', wait(lambda: numbers('log') == [1, 2, 3]), events('log'))
    case('with its number, time and name', [(e['Subscription'], e['Sequence'], e['Kind']) for e in events('log')] == [('log', n, 'Event') for n in (1, 2, 3)], events('log'))
    case('a command gets each event', delivered(agent, 'cmd', 3) and numbers('cmd') == [1, 2, 3], look(agent, 'cmd'))
    case('and values of it as arguments', open(at('cmd.env')).read().split('\n')[:3] == ['cmd 1 1/odd', 'cmd 2 2/even', 'cmd 3 3/odd'], open(at('cmd.env')).read())
    delivered(agent, 'log', 3)
    b = look(agent, 'log')
    case('a binding tells of itself', (b['State'], b['Delivered'], b['Failed'], b['Waiting'], b['Sequence'], b['Creator'], b['Query']) == ('Active', 3, 0, 0, 3, 'root' if not os.geteuid() else b['Creator'], TICKS), b)


def test_more_consumers(agent):
    case('a script', 'result' in new(agent, 'script', Script=f"$EventArgs.NewEvent.Number | Add-Content {at('script')}; $Event.SourceIdentifier | Add-Content {at('script')}"))
    fire(agent, 7)
    case('a script has $Event and $EventArgs', delivered(agent, 'script', 1) and open(at('script')).read().split() == ['7', 'script'], look(agent, 'script'))
    agent.call('CreateInstance', dict(ClassName='T_Item', Properties={'Name': 'apple', 'Amount': 1}))
    r = new(agent, 'method', Method='T_Item.Add', InstanceName='{"Name":"apple","Generation":1}', InParameters='{"By":"%Number%"}')
    case('a method', 'result' in r, r)
    fire(agent, 4, 2)
    amount = lambda: agent.call('GetInstance', dict(ClassName='T_Item', InstanceName={'Name': 'apple', 'Generation': 1}))['result']['Amount']
    case('a method is called with values of the event', wait(lambda: amount() == 10), (amount(), look(agent, 'method')))
    r = new(agent, 'nomethod', Method='T_Item.Nothing', InstanceName='{"Name":"apple"}')
    case('a method that is not there is refused', code(r) == -32017, r)
    for name, kind in ('script', 'ScriptEventConsumer'), ('method', 'MethodEventConsumer'):
        case(f'{name} is taken away', 'result' in remove(agent, name, kind) and look(agent, name) is None)


class Web(http.server.BaseHTTPRequestHandler):
    got = []

    def do_POST(self):
        q = json.loads(self.rfile.read(int(self.headers['Content-Length'])))
        self.got.append((self.path, q))
        body = json.dumps({'jsonrpc': '2.0', 'id': q['id'], 'result': True}).encode()
        self.send_response(200)
        self.send_header('Content-Length', str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


def serve_lines(path, got, refuse):
    """A JSON-RPC server on a Unix socket that refuses the first requests."""
    s = socket.socket(socket.AF_UNIX)
    s.bind(path)
    s.listen(5)

    def run():
        while True:
            try:
                c = s.accept()[0]
            except OSError:
                return
            with c, c.makefile('r') as f:
                for line in f:
                    q = json.loads(line)
                    answer = {'error': {'code': 1, 'message': 'not yet'}} if refuse else {'result': True}
                    if refuse:
                        refuse.pop()
                    else:
                        got.append(q)
                    c.sendall((json.dumps(dict(jsonrpc='2.0', id=q['id'], **answer)) + '\n').encode())
    threading.Thread(target=run, daemon=True).start()
    return s


def test_forward(agent):
    got = []
    server = serve_lines(at('rpc.sock'), got, [1])
    web = http.server.HTTPServer(('127.0.0.1', 0), Web)
    threading.Thread(target=web.serve_forever, daemon=True).start()
    r = new(agent, 'rpc', Target='unix:' + at('rpc.sock'), Options='{"MethodName":"Happened"}'), new(agent, 'http', Target=f'http://127.0.0.1:{web.server_port}/in')
    case('forwards', all('result' in x for x in r), r)
    fire(agent, 1, 5)
    case('a socket gets each event, also when it refused first', wait(lambda: len(got) == 5), (got, look(agent, 'rpc')))
    case('as a request', [(q['method'], q['params']['Indication']['Number']) for q in got] == [('Happened', n) for n in range(1, 6)], got)
    case('a URL gets each event', wait(lambda: len(Web.got) == 5) and {p for p, _ in Web.got} == {'/in'} and {q['method'] for _, q in Web.got} == {'Indication'}, Web.got)
    b = look(agent, 'rpc')
    case('what was refused is told', b['Failed'] == 1 and 'not yet' in b['LastError'], b)
    for name in 'rpc', 'http':
        remove(agent, name, 'RpcEventConsumer')
    server.close()
    web.shutdown()
    for bad in 'unix:relative', 'https://host/', 'http://user@host/', 'file:/x':
        case(f'no such target: {bad}', code(new(agent, 'bad', Target=bad)) == -32004)


def test_log_rotates(agent):
    os.mkdir(at('logs'))
    new(agent, 'rotate', LogFile=at('logs/small'), Options='{"MaximumFileSize": 1024, "MaximumFiles": 2, "Text": "%Number% is %Parity% in %Subscription%, 100%%"}')
    fire(agent, 1, 200)
    case('all are written', delivered(agent, 'rotate', 200), look(agent, 'rotate'))
    files = sorted(os.listdir(at('logs')))
    lines = [line for f in ('small.2', 'small.1', 'small') for line in open(at('logs/' + f)).read().split('\n') if line]
    case('files are put aside', files == ['small', 'small.1', 'small.2'] and all(os.path.getsize(at('logs/' + f)) <= 1024 for f in files), files)
    case('the lines are as asked', lines[-1] == '200 is even in rotate, 100%' and len(lines) == len(set(lines)), lines[-3:])
    os.symlink(at('elsewhere'), at('logs/link'))
    new(agent, 'link', LogFile=at('logs/link'), MaximumRetries=0)
    fire(agent, 1)
    case('a link is not followed', wait(lambda: look(agent, 'link')['Dropped']) == 1 and not os.path.exists(at('elsewhere')), look(agent, 'link'))
    for name in 'rotate', 'link':
        remove(agent, name, 'LogFileEventConsumer')


def test_classes(agent):
    """The three objects one by one, also under WMI's names."""
    for cls, more in ('__EventFilter', dict(Name='wmi', Query=TICKS, QueryLanguage='WQL')), ('LogFileEventConsumer', dict(Name='wmi', Filename=at('wmi'))):
        r = make(agent, cls, **more)
        case(f'{cls} is made', 'result' in r, r)
    r = make(agent, '__FilterToConsumerBinding', Filter='\\\\.\\root\\subscription:__EventFilter.Name="wmi"', Consumer='LogFileEventConsumer.Name="wmi"')
    case('and bound', 'result' in r and look(agent, 'wmi')['Filter'] == 'EventFilter.Name="wmi"', r)
    case('WMI names show them', [f['Name'] for f in agent.call('EnumerateInstances', dict(ClassName='__EventFilter', Filter="Name = 'wmi'"))['result']['Instances']] == ['wmi'])
    case('twice is an error', code(make(agent, 'EventFilter', Name='wmi', Query=TICKS)) == -32011)
    for bad, why in {'SELECT': 'no query', 'SELECT * FROM Nothing': 'no class', "SELECT * FROM __InstanceCreationEvent WHERE TargetInstance ISA 'T_Item'": 'no WITHIN'}.items():
        case(f'a filter is checked: {why}', code(make(agent, 'EventFilter', Name='bad', Query=bad)) in (-32005, -32015))
    case('a consumer is checked', code(make(agent, 'LogFileEventConsumer', Name='bad', Filename='relative')) == -32004)
    case('nothing to be bound', code(make(agent, 'FilterToConsumerBinding', Filter='wmi', Consumer='LogFileEventConsumer.Name="none"')) == -32006)
    r = agent.call('DeleteInstance', dict(ClassName='EventFilter', InstanceName={'Name': 'wmi'}))
    case('what is in use stays', code(r) == -32001 and 'in use' in r['error']['message'], r)
    fire(agent, 1)
    case('it works', wait(lambda: numbers('wmi') == [1]))
    r = agent.call('ModifyInstance', dict(ClassName='EventFilter', InstanceName={'Name': 'wmi'}, Properties={'Query': TICKS + ' WHERE Number > 10'}))
    case('the query is changed', 'result' in r and look(agent, 'wmi')['Query'].endswith('> 10'), r)
    fire(agent, 9, 3)
    case('and counts', wait(lambda: numbers('wmi')[1:] == [11]), numbers('wmi'))
    off = lambda on: agent.call('ModifyInstance', dict(ClassName='FilterToConsumerBinding', InstanceName=key('wmi', 'LogFileEventConsumer'), Properties={'Enabled': on}))
    case('it is switched off', 'result' in off(False) and look(agent, 'wmi')['State'] == 'Disabled')
    fire(agent, 20)
    case('and on', 'result' in off(True) and look(agent, 'wmi')['State'] == 'Active')
    fire(agent, 30)
    case('what happened meanwhile is told as lost, not made up', wait(lambda: numbers('wmi')[1:] == [11, 30]) and any(e['Kind'] == 'Gap' for e in events('wmi')), events('wmi'))
    r = agent.call('InvokeMethod', dict(ClassName='FilterToConsumerBinding', MethodName='New', WhatIf=True, InParameters=dict(Name='whatif', Query=TICKS, LogFile='/x')))
    case('what-if makes nothing', 'result' in r and look(agent, 'whatif') is None, r)
    r = remove(agent, 'wmi', 'LogFileEventConsumer')
    left = [o for c in ('EventFilter', 'EventConsumer') for o in agent.call('EnumerateInstances', dict(ClassName=c, Filter="Name = 'wmi'"))['result']['Instances']]
    case('all three go', 'result' in r and left == [], (r, left))
    for bad in dict(Journal='*', LogFile='/x'), dict(), dict(LogFile='/x', Options='{"Nothing": 1}'), dict(LogFile='/x', Options='{"MaximumFiles": 1000}'), dict(Method='Fire'), dict(Command=[]):
        case(f'no subscription: {bad}', 'error' in new(agent, 'bad', **bad))


def state_of(path):
    """State, parent, process group, ... of a process; None when it is gone."""
    try:
        return open(path).read().rsplit(') ', 1)[1].split()
    except OSError:
        return None


def test_failures(agent):
    with agent.open() as p, agent.open() as q:
        fails = Reader(p, Query="SELECT * FROM ConsumerFailureEvent")
        fails.patience = PATIENCE
        wmi = Reader(q, Query="SELECT * FROM __ConsumerFailureEvent")
        wmi.patience = PATIENCE
        case('failures can be watched', fails.sync() and wmi.sync(), fails.error)
        new(agent, 'fails', Command=['sh', '-c', 'printf "oh\\377\\n" >&2; exit 4'], MaximumRetries=1)
        new(agent, 'beside', LogFile=at('beside'))
        fire(agent, 1)
        got = [fails.until(lambda i: i['Kind'] == 'Event')[-1]['Indication'] for _ in range(2)]
        case('a failure is an event', [(g['Outcome'], g['Attempts'], g['Sequence']) for g in got] == [('Retry', 1, 1), ('GivenUp', 2, 1)] and 'oh? (exit status 4)' in got[0]['ErrorDescription'] and json.loads(got[0]['Event'])['Indication']['Number'] == 1, got)
        case('also under WMI\'s name', wmi.until(lambda i: i['Kind'] == 'Event')[-1]['Indication']['Filter'] == 'EventFilter.Name="fails"')
        b = look(agent, 'fails')
        case('it is counted', (b['Failed'], b['Dropped'], b['Delivered']) == (2, 1, 0) and 'oh' in b['LastError'], b)
        remove(agent, 'fails', 'CommandLineEventConsumer')
        new(agent, 'hangs', Command=['sh', '-c', f'echo $$ > {at("pid")}; sleep 1000 & wait'], MaximumRetries=0, Options='{"KillTimeout": 1}')
        new(agent, 'notthere', Command=['/no/such/program'], MaximumRetries=0)
        fire(agent, 2)
        got = [fails.until(lambda i: i['Kind'] == 'Event')[-1]['Indication'] for _ in range(2)]
        texts = ' '.join(g['ErrorDescription'] for g in got)
        case('what hangs is killed, what is not there is told', 'more than 1 s' in texts and 'cannot run' in texts, texts)
        pid = int(open(at('pid')).read())
        gone = lambda: not [st for st in map(state_of, glob.glob('/proc/[0-9]*/stat')) if st and st[2] == str(pid) and st[0] not in 'ZX']
        case('with all that it started', wait(gone))
        fire(agent, 3)
        case('a stuck one hurts nobody else', wait(lambda: numbers('beside') == [1, 2, 3]), numbers('beside'))
        for name, kind in ('hangs', 'CommandLineEventConsumer'), ('notthere', 'CommandLineEventConsumer'), ('beside', 'LogFileEventConsumer'):
            remove(agent, name, kind)


def test_bounded(agent):
    """A consumer that is down while more happens than may wait."""
    with agent.open() as p:
        lost = Reader(p, Query='SELECT * FROM EventDroppedEvent')
        lost.patience = PATIENCE
        lost.sync()
        gate = at('gate')
        new(agent, 'bounded', Command=['sh', '-c', 'test -e "$0" && cat >> "$1" && echo >> "$1"', gate, at('bounded')], MaximumRetries=1000, Options='{"MaximumQueueSize": 10}')
        for i in range(10):
            fire(agent, 1 + 10 * i, 10)
        case('it waits', wait(lambda: look(agent, 'bounded')['Failed']), look(agent, 'bounded'))
        open(gate, 'w').close()
        case('the newest are delivered', wait(lambda: numbers('bounded')[-1:] == [100], 60), look(agent, 'bounded'))
        got = lost.until(lambda i: i['Kind'] == 'Event')[-1]['Indication']
        seen = numbers('bounded')
        case('what was lost is told, with its numbers', sorted(seen + list(range(got['FirstSequence'], got['Sequence'] + 1))) == list(range(1, 101)) and len(seen) <= 22, (got, seen))
        whole = lambda: (lambda b: b['Delivered'] + b['Dropped'] == 100 and b['Waiting'] == 0)(look(agent, 'bounded'))
        case('and counted', wait(whole), look(agent, 'bounded'))
        remove(agent, 'bounded', 'CommandLineEventConsumer')


def test_damping(agent):
    new(agent, 'flaps', LogFile=at('flaps'), DampingCount=2, DampingSeconds=1)
    fire(agent, 1, 20)
    case('what flaps is told as one', wait(lambda: [e['Kind'] for e in events('flaps')] == ['Event', 'Event', 'Suppressed']), events('flaps'))
    last = events('flaps')[-1]
    case('with how many, and the last', last['Suppressed']['NumberOfEvents'] == 18 and last['Indication']['Number'] == 20 and last['Sequence'] == 20, last)
    counted = lambda: (lambda b: (b['Suppressed'], b['Delivered'], b['Waiting']) == (18, 3, 0))(look(agent, 'flaps'))
    case('and counted', wait(counted), look(agent, 'flaps'))
    calm = lambda: (time.sleep(0.3), fire(agent, 50), time.sleep(0.1), 50 in numbers('flaps'))[-1]
    case('when it is calm again each is told', wait(calm))
    remove(agent, 'flaps', 'LogFileEventConsumer')


def rows(agent, sql):
    db = sqlite3.connect(f'file:{agent.dir}/state.db?mode=ro', uri=True, timeout=20)
    try:
        return db.execute(sql).fetchall()
    finally:
        db.close()


def again(agent, how=signal.SIGTERM):
    """The agent ends, and another begins with what it has kept."""
    agent.proc.send_signal(how)
    agent.proc.wait(20)
    return Agent(AGENT, folder=agent.dir)


def test_restart(agent):
    new(agent, 'stays', LogFile=at('stays'))
    fire(agent, 1, 3)
    wait(lambda: numbers('stays') == [1, 2, 3] and rows(agent, 'SELECT acked FROM subscription') == [(3,)])
    agent = again(agent)
    b = look(agent, 'stays')
    case('it is there after a restart', b and b['State'] == 'Active', b)
    fire(agent, 4)
    case('and alive', wait(lambda: numbers('stays')[-1:] == [4]), events('stays'))
    case('no number twice', [e['Sequence'] for e in events('stays')] == [1, 2, 3, 4, 5] and events('stays')[3]['Lost']['Reason'] == 'Restarted', events('stays'))
    remove(agent, 'stays', 'LogFileEventConsumer')
    gate = at('gate2')
    new(agent, 'killed', Command=['sh', '-c', 'test -e "$0" && sleep 0.02 && cat >> "$1" && echo >> "$1"', gate, at('killed')], MaximumRetries=1000)
    fire(agent, 1, 100)
    case('all are on disk', wait(lambda: rows(agent, 'SELECT count(*) FROM event') == [(100,)]), rows(agent, 'SELECT count(*) FROM event'))
    agent = again(agent, signal.SIGKILL)
    open(gate, 'w').close()
    for n in 10, 40, 70:
        case(f'it goes on behind what was delivered ({n})', wait(lambda: len(set(numbers('killed'))) >= n, 60), look(agent, 'killed'))
        agent = again(agent, signal.SIGKILL)
    case('every event is delivered, whatever happened', wait(lambda: set(numbers('killed')) == set(range(1, 101)), 60), look(agent, 'killed'))
    first = list(dict.fromkeys(numbers('killed')))
    case('in order, hardly any twice', first == sorted(first) and len(numbers('killed')) < 110, numbers('killed'))
    case('nothing stays behind', wait(lambda: rows(agent, 'SELECT count(*) FROM event WHERE seq <= 100') == [(0,)]))
    remove(agent, 'killed', 'CommandLineEventConsumer')
    case('nor when it is taken away', rows(agent, 'SELECT count(*) FROM subscription') == [(0,)] and rows(agent, 'SELECT count(*) FROM kept') == [(0,)])
    return agent


def test_timers(agent):
    case('an interval', 'result' in make(agent, '__IntervalTimerInstruction', TimerId='often', IntervalBetweenEvents=200))
    case('needs its interval', code(make(agent, 'IntervalTimerInstruction', TimerId='bad')) == -32004)
    with agent.open() as p:
        r = Reader(p, Query="SELECT * FROM __TimerEvent WHERE TimerId = 'often'")
        r.patience = PATIENCE
        got = [r.until(lambda i: i['Kind'] == 'Event')[-1]['Indication'] for _ in range(3)]
        case('fires again and again', all(g['TimerId'] == 'often' and g['NumFirings'] >= 1 for g in got), got)
    soon = lambda seconds: time.strftime('%Y-%m-%dT%H:%M:%SZ', time.gmtime(time.time() + seconds))
    new(agent, 'timed', query='SELECT * FROM TimerEvent', Command=['sh', '-c', 'echo "$0" >> "$1"', '%TimerId%', at('timed')])
    said = lambda: open(at('timed')).read().split() if os.path.exists(at('timed')) else []
    case('a permanent subscription to it', wait(lambda: len(said()) >= 2))
    agent.call('DeleteInstance', dict(ClassName='IntervalTimerInstruction', InstanceName={'TimerId': 'often'}))
    for name, more in ('once', dict(EventDateTime=soon(2))), ('skipped', dict(EventDateTime=soon(-100), SkipIfPassed=True)), ('past', dict(EventDateTime=soon(-100))):
        r = make(agent, 'AbsoluteTimerInstruction', TimerId=name, **more)
        case(f'an absolute timer: {name}', 'result' in r, r)
    case('fires at its time, and what was missed', wait(lambda: {'once', 'past'} <= set(said())), said())
    fired = lambda: rows(agent, "SELECT count(*) FROM kept WHERE class = 'AbsoluteTimerInstruction' AND text LIKE '%\"Fired\":true%'") == [(3,)]
    case('that it has is kept', wait(fired))
    make(agent, 'AbsoluteTimerInstruction', TimerId='meanwhile', EventDateTime=soon(1))
    agent.proc.kill()
    agent.proc.wait(20)
    time.sleep(2)
    agent = Agent(AGENT, folder=agent.dir)
    case('one that was due while the agent did not run', wait(lambda: 'meanwhile' in said()), said())
    case('the others once only', [said().count(n) for n in ('once', 'past', 'skipped')] == [1, 1, 0], said())
    remove(agent, 'timed', 'CommandLineEventConsumer')
    return agent


def test_journal():
    """A journal of our own in a mount namespace of the agent's, then syslog alone."""
    if os.geteuid():
        case.skip('journal', 'only root mounts')
        return
    for what, mount in ('journal', f'mkdir -p /run/systemd/journal && mount --bind {home}/sockets /run/systemd/journal'), \
                       ('syslog', f'mkdir -p /run/systemd/journal && mount -t tmpfs none /run/systemd/journal && mount --rbind /dev {home}/dev && mount --rbind {home}/newdev /dev'):
        os.makedirs(at('sockets'), exist_ok=True)
        os.makedirs(at('dev'), exist_ok=True)
        os.makedirs(at('newdev'), exist_ok=True)
        for node in 'null', 'urandom', 'random', 'zero':
            if not os.path.lexists(at('newdev/' + node)):
                os.symlink(at('dev/' + node), at('newdev/' + node))
        s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        s.settimeout(PATIENCE)
        s.bind(at('sockets/socket' if what == 'journal' else 'newdev/log'))
        try:
            agent = Agent(AGENT, under=('unshare', '-m', '--propagation', 'private', 'sh', '-ec', mount + ' && exec "$@"', 'sh'))
        except SystemExit as e:
            case.skip(what, f'no mount namespace: {e}'[:100])
            continue
        new(agent, 'says', Journal='%Number% is %Parity%', Options='{"Priority": 4, "Identifier": "ticks"}')
        fire(agent, 5)
        try:
            got = s.recv(65536).decode()
        except OSError as e:
            got = f'{e} {look(agent, "says")}'
        if what == 'journal':
            fields = dict(line.split('=', 1) for line in got.split('\n') if '=' in line)
            case('the journal', (fields.get('MESSAGE'), fields.get('PRIORITY'), fields.get('SYSLOG_IDENTIFIER'), fields.get('REEVE_SUBSCRIPTION'), fields.get('REEVE_SEQUENCE')) == ('5 is odd', '4', 'ticks', 'says', '1')
                 and json.loads(fields['REEVE_EVENT'])['Indication']['Number'] == 5, got)
        else:
            case('syslog, where there is no journal', got.startswith('<28>ticks[') and got.endswith(']: 5 is odd'), got)
        s.close()
        agent.stop()


def test_cmdlets():
    agent = Agent()
    env = dict(os.environ, REEVE_SOCKET=agent.path)
    run = lambda text: subprocess.run([SHELL, '-NoProfile', '-Command', text], env=env, capture_output=True, text=True, timeout=60)
    names = lambda: run('Get-CimSubscription | % Name').stdout.split()
    timer = "SELECT * FROM __TimerEvent WHERE TimerId = ''shell''"
    try:
        r = run(f"New-CimSubscription -Name shell -Query '{timer}' -Command tee,-a,{at('shell')} -WhatIf")
        case('-WhatIf tells', 'What if' in r.stdout and names() == [], r)
        r = run(f"New-CimSubscription -Name shell -Query '{timer}' -Command tee,-a,{at('shell')}")
        case('New-CimSubscription', r.returncode == 0 and names() == ['shell'], r)
        r = run("New-CimInstance __IntervalTimerInstruction -Property @{ TimerId = 'shell'; IntervalBetweenEvents = 100 } | % TimerId")
        case('a timer by New-CimInstance', r.stdout.strip() == 'shell', r)
        case('it works', wait(lambda: os.path.exists(at('shell')) and '"TimerId":"shell"' in open(at('shell')).read()))
        r = run('Get-CimSubscription sh* | % { $_.State + $_.Consumer }')
        case('Get-CimSubscription', r.stdout.strip() == 'ActiveCommandLineEventConsumer.Name="shell"', r)
        r = run('Set-CimSubscription shell -Enabled $false; (Get-CimSubscription shell).State; Set-CimSubscription shell -Enabled $true; (Get-CimSubscription shell).State')
        case('Set-CimSubscription', r.stdout.split() == ['Disabled', 'Active'], r)
        r = run('Remove-CimSubscription shell -WhatIf; Remove-CimSubscription shell')
        case('Remove-CimSubscription', r.returncode == 0 and r.stdout.count('What if') >= 1 and names() == [], r)
        for verb in 'New', 'Get', 'Remove':
            r = run(f'Get-Help {verb}-CimSubscription -Examples')
            case(f'help of {verb}-CimSubscription has examples', r.stdout.count('PS> ') >= 2 and 'Example 2: ' in r.stdout, r)
        r = run('Remove-CimSubscription none')
        case('one that is not there', r.returncode == 1 and 'There is no subscription none' in r.stderr, r)
        r = run("New-CimSubscription a 'SELECT' -LogFile /x")
        case('a query that is none', r.returncode == 1 and 'New-CimSubscription' in r.stderr, r)
        docs = open(os.path.join(os.path.dirname(os.path.abspath(__file__)), '../../docs/events.md')).read()
        for text in re.findall(r'```powershell\n(.*?)```', docs, re.S):
            r = run(text)
            case('the how-to of docs/events.md', r.returncode == 0 and sorted(names()) == ['pager', 'pager-log'], (r, names()))
        run('Get-CimInstance IntervalTimerInstruction | Remove-CimInstance')
        audit = run("Get-CimInstance AuditRecord | ? Operation -eq Deliver | select -First 1 | % { $_.ClassName + ' ' + $_.User + ' ' + $_.Result }").stdout
        case('what was run is in the audit', audit.split()[0] == 'CommandLineEventConsumer' and audit.split()[-1] == 'Succeeded', audit)
        quiet = lambda: (switches(agent), time.sleep(1), switches(agent))
        make(agent, 'IntervalTimerInstruction', TimerId='unheard', IntervalBetweenEvents=100)
        run('Get-CimSubscription | Remove-CimSubscription')
        new(agent, 'idle', query="SELECT * FROM ConsumerFailureEvent", LogFile=at('idle'))
        case('while nothing happens nothing wakes', wait(lambda: (lambda q: q[0] == q[2])(quiet())), quiet())
    finally:
        case('it ends well', agent.stop() == 0, agent.said)


def switches(agent):
    """How often its threads have slept and woken."""
    n = 0
    for status in glob.glob(f'/proc/{agent.proc.pid}/task/*/status'):
        try:
            n += sum(int(line.split()[1]) for line in open(status) if line.startswith('voluntary'))
        except OSError:
            pass
    return n


agent = None
try:
    agent = Agent(AGENT)
    state = agent.dir
    for test in test_consumers, test_more_consumers, test_forward, test_log_rotates, test_classes, test_failures, test_bounded, test_damping:
        began = time.monotonic()
        test(agent)
        if os.environ.get('TIMES'):
            print(test.__name__, round(time.monotonic() - began, 2))
    agent.stop()
    shutil.rmtree(state, ignore_errors=True)
    agent = Agent(AGENT)
    state = agent.dir
    agent = test_restart(agent)
    agent = test_timers(agent)
    test_journal()
    test_cmdlets()
finally:
    if agent:
        case('the agent ends well', agent.stop() == 0, agent.said)
        shutil.rmtree(state, ignore_errors=True)
    shutil.rmtree(home)
case.end()
