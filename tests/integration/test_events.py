#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Indications: what is told, in which order, and what happens to readers that stall, go, and come back."""
import json, os, random, signal, socket, sys, tempfile, time

sys.path.insert(0, os.path.dirname(__file__))
from agentlib import Agent, Cases, BUILD

case = Cases()
MODES = 'tests/bin/reeve-agent-modes'
SMALL = 'address' in BUILD or 'thread' in BUILD   # sanitized: fewer of everything, and nothing is said of costs
BURST, KILLS, READERS = (20000, 5, 200) if SMALL else (100000, 20, 900)


class Reader:
    """A subscription on a connection of its own."""
    def __init__(self, agent, **params):
        self.peer, self.agent, self.seen = agent.open(), agent, []
        r = self.peer.call('Subscribe', params)
        self.result, self.error = r.get('result'), r.get('error')

    def call(self, method, **params):
        self.peer.id += 1
        self.peer.send(json.dumps({'jsonrpc': '2.0', 'id': self.peer.id, 'method': method, 'params': params}) + '\n')
        while True:
            m = self.peer.line()
            if m.get('id') == self.peer.id:
                return m
            self.seen.append(m['params'])

    def read(self, n=None, timeout=5, until=None):
        """The next n indications, or those up to one that fits, or what comes within the time."""
        got, end = [], time.monotonic() + timeout
        while (n is None or len(got) < n) and not (until and got and until(got[-1])):
            if self.seen:
                got.append(self.seen.pop(0))
                continue
            left = end - time.monotonic()
            if left <= 0:
                break
            self.peer.sock.settimeout(left)
            try:
                m = self.peer.line()
            except (socket.timeout, OSError):
                break
            if m is None:
                break
            got.append(m['params'])
        self.peer.sock.settimeout(20)
        return got

    def sync(self):
        return self.read(until=lambda p: p['Kind'] == 'Sync')

    def quiet(self, timeout=0.3):
        return self.read(timeout=timeout) == []

    def close(self):
        self.peer.sock.close()


def kinds(got):
    return [p['Kind'] for p in got]


def numbers(got):
    return [p['Indication']['Number'] for p in got if p['Kind'] == 'Event']


def call(agent, method, **params):
    r = agent.call(method, params)
    return r.get('result', r)


def item(agent, do, name, **properties):
    key = {'Name': name, 'Generation': 1}
    if do == 'Create':
        return call(agent, 'CreateInstance', ClassName='T_Item', Properties=dict(properties, Name=name))
    if do == 'Modify':
        return call(agent, 'ModifyInstance', ClassName='T_Item', InstanceName=key, Properties=properties)
    return call(agent, 'DeleteInstance', ClassName='T_Item', InstanceName=key)


def invoke(agent, class_name, method, **args):
    return call(agent, 'InvokeMethod', ClassName=class_name, MethodName=method, InParameters=args)


def fire(agent, first, count):
    invoke(agent, 'T_Tick', 'Fire', First=first, Count=count)


def contiguous(got, after=0):
    """Numbers without holes: each event's follows, or a gap tells which are missing. None when they do not."""
    events, lost = [], 0
    for p in got:
        if p['Kind'] in ('Sync', 'Snapshot', 'Heartbeat'):
            continue
        if p['Kind'] == 'Gap':
            if p['Lost']['From'] != after + 1 or p['Lost']['To'] != p['Sequence']:
                return None, p
            lost += p['Lost']['To'] - p['Lost']['From'] + 1
        elif p['Sequence'] != after + 1:
            return None, (p, after)
        else:
            events.append(p)
        after = p['Sequence']
    return events, lost


def polled(agent):
    r = Reader(agent, Query="SELECT * FROM __InstanceOperationEvent WITHIN 0.05 WHERE TargetInstance ISA 'T_Item'")
    mod = Reader(agent, Query="SELECT * FROM __InstanceModificationEvent WITHIN 0.05 WHERE TargetInstance ISA 'T_Item' AND TargetInstance.Amount > PreviousInstance.Amount")
    colour = Reader(agent, ClassName='T_Item', Filter="Name LIKE 'a%'", PropertyList=['Colour'], Interval=0.05)
    case('polled', r.result and not r.result['Push'] and r.result['Interval'] == 0.05, (r.result, r.error))
    case('a sync mark first', kinds(r.sync() + mod.sync() + colour.sync()) == ['Sync'] * 3)
    item(agent, 'Create', 'apple', Amount=1)
    got = r.read(1)
    case('creation', kinds(got) == ['Create'] and got[0]['Sequence'] == 1 and got[0]['Indication']['__CLASS'] == '__InstanceCreationEvent' and got[0]['Indication']['TargetInstance']['Amount'] == 1
         and 'PreviousInstance' not in got[0]['Indication'] and 'Password' not in json.dumps(got), got)
    item(agent, 'Modify', 'apple', Amount=5)
    got = r.read(1)
    case('modification with what was', kinds(got) == ['Modify'] and [got[0]['Indication'][k]['Amount'] for k in ('PreviousInstance', 'TargetInstance')] == [1, 5] and got[0]['Sequence'] == 2, got)
    item(agent, 'Modify', 'apple', Amount=2)
    r.read(1)
    item(agent, 'Modify', 'apple', Colour='red')
    r.read(1)
    item(agent, 'Create', 'box', Amount=1)
    r.read(1)
    item(agent, 'Delete', 'apple')
    got = r.read(1)
    case('deletion', kinds(got) == ['Delete'] and got[0]['Indication']['TargetInstance']['Colour'] == 'red', got)
    got = mod.read(timeout=0.3)
    case('a condition over before and after', [g['Indication']['TargetInstance']['Amount'] for g in got] == [5], got)
    got = colour.read(3, 1)
    case('only what was asked for counts', [(g['Kind'], g['Indication']['TargetInstance']['Colour']) for g in got] == [('Create', None), ('Modify', 'red'), ('Delete', 'red')] and set(got[0]['Indication']['TargetInstance']) == {'Colour'} and colour.quiet(), got)
    snap = Reader(agent, ClassName='T_Many', Filter='Id <= 5', Snapshot=True, Interval=0.5)
    got = snap.sync()
    case('snapshot, then the mark', kinds(got) == ['Snapshot'] * 5 + ['Sync'] and sorted(g['Indication']['TargetInstance']['Id'] for g in got[:-1]) == [1, 2, 3, 4, 5], kinds(got))
    before = call(agent, 'GetInstance', ClassName='T_Many', InstanceName={'Id': 1}, PropertyList=['Costly'])['Costly']
    time.sleep(0.3)
    after = call(agent, 'GetInstance', ClassName='T_Many', InstanceName={'Id': 1}, PropertyList=['Costly'])['Costly']
    case('what is expensive is not polled', after == before + 1, (before, after))
    view = Reader(agent, Query="SELECT * FROM __InstanceCreationEvent WITHIN 0.05 WHERE TargetInstance ISA 'Win32_TestItem' AND TargetInstance.Tens >= 2", IncludeSystemProperties=True)
    view.sync()
    item(agent, 'Create', 'crab', Amount=9)
    item(agent, 'Create', 'duck', Amount=20)
    got = view.read(1)
    case('a view', kinds(got) == ['Create'] and got[0]['Indication']['TargetInstance']['Handle'] == 'duck' and got[0]['Indication']['TargetInstance']['__CLASS'] == 'Win32_TestItem' and view.quiet(), got)
    base = Reader(agent, Query="SELECT * FROM __InstanceCreationEvent WITHIN 0.1 WHERE TargetInstance ISA 'T_Shape'")
    case('a base class', kinds(base.sync())[-1:] in (['Sync'], ['Error']), base.error)
    group = Reader(agent, Query="SELECT * FROM __InstanceModificationEvent WITHIN 0.05 WHERE TargetInstance ISA 'T_Item' GROUP WITHIN 0.6 BY TargetInstance.Name HAVING NumberOfEvents >= 2")
    group.sync()
    for i in range(3):
        item(agent, 'Modify', 'duck', Amount=30 + i)
        if i == 0:
            item(agent, 'Modify', 'crab', Amount=30)
        time.sleep(0.12)
    got = group.read(timeout=1)
    case('grouped', kinds(got) == ['Aggregate'] and got[0]['Indication']['NumberOfEvents'] == 3 and got[0]['Indication']['Representative']['TargetInstance']['Name'] == 'duck', got)
    beat = Reader(agent, ClassName='T_Item', Interval=10, Heartbeat=0.1)
    got = beat.read(4, 2)
    case('heartbeat', kinds(got) == ['Sync'] + ['Heartbeat'] * 3 and got[-1]['Sequence'] == 0, got)
    sample = Reader(agent, ClassName='T_Item', Mode='Sample', Interval=0.2, PropertyList=['Name', 'Amount'])
    got = sample.read(6, 3)
    case('samples', kinds(got) == ['Sample', 'Sample', 'Sample', 'Sync'] + ['Sample'] * 2 and got[4]['Sequence'] == 4, got)
    fewer = Reader(agent, ClassName='T_Item', Mode='Sample', Interval=0.2, SuppressRedundant=True, PropertyList=['Name', 'Amount'])
    fewer.sync()
    item(agent, 'Modify', 'box', Amount=77)
    got = fewer.read(until=lambda p: p['Kind'] == 'Sample', timeout=2)
    got += fewer.read(timeout=0.5)
    case('samples of what changed', [g['Indication']['TargetInstance'] for g in got if g['Kind'] == 'Sample'] == [{'Name': 'box', 'Amount': 77}], got)
    flaky = Reader(agent, ClassName='T_Flaky', Interval=0.05)
    flaky.sync()
    invoke(agent, 'T_Flaky', 'Break', On=True)
    got = flaky.read(1)
    case('a failed poll is told, and nothing is thought gone', kinds(got) == ['Error'] and got[0]['Error']['code'] == -32061 and flaky.quiet(), got)
    invoke(agent, 'T_Flaky', 'Break', On=False)
    got = flaky.read(1, 8)
    case('well again', kinds(got) == ['Recovered'] and flaky.quiet(), got)
    view.close()
    r = [Reader(agent, ClassName='T_Many', Filter='Id = 3', PropertyList=['Costly'], Interval=0.2) for _ in range(20)]
    for x in r:
        x.sync()
    time.sleep(1)
    got = [x.read(timeout=0.02) for x in r]
    costly = [g['Indication']['TargetInstance']['Costly'] for g in got[0]]
    case('polls are shared', 2 <= len(costly) <= 7 and [g['Indication']['TargetInstance']['Costly'] for g in got[19]][:len(costly)] == costly, costly)
    case('unsubscribed', 'result' in r[0].call('Unsubscribe', Subscription=r[0].result['Subscription']) and r[0].call('Unsubscribe', Subscription=r[0].result['Subscription'])['error']['code'] == -32006)
    case('not another session\'s', r[1].call('Unsubscribe', Subscription=r[2].result['Subscription'])['error']['code'] == -32006)
    for x in r + [mod, colour, snap, base, group, beat, sample, fewer, flaky]:
        x.close()


def refused(agent):
    for params, code, word in [
        (dict(Query="SELECT * FROM __InstanceCreationEvent WHERE TargetInstance ISA 'T_Item'"), -32015, 'WITHIN'),
        (dict(Query="SELECT * FROM __InstanceCreationEvent WITHIN 1"), -32015, 'ISA'),
        (dict(Query="SELECT * FROM __InstanceCreationEvent WITHIN 0 WHERE TargetInstance ISA 'T_Item'"), -32015, 'seconds'),
        (dict(Query="SELECT * FROM __InstanceCreationEvent WITHIN 1 WHERE TargetInstance ISA 'T_Itm'"), -32005, 'T_Item'),
        (dict(Query="SELECT * FROM __InstanceCreationEvent WITHIN 1 WHERE TargetInstance ISA 'T_Item' AND TargetInstance.Amont = 1"), -32012, 'Amount'),
        (dict(Query="SELECT * FROM __InstanceCreationEvent WITHIN 1 WHERE TargetInstance ISA 'T_Item' AND Amount = 1"), -32015, 'TargetInstance.NAME'),
        (dict(Query="SELECT * FROM T_Item WITHIN 1"), -32015, 'no event'),
        (dict(Query="SELECT * FROM __InstanceCreationEvent WITHIN 1 WHERE TargetInstance ISA 'T_Tick'"), -32015, 'an event itself'),
        (dict(Query="SELECT * FROM T_Tick GROUP BY Number"), -32015, 'WITHIN'),
        (dict(Query='SELECT * FROM T_Tick WHERE Nmber = 1'), -32012, 'Number'),
        (dict(), -32004, 'Query or ClassName'),
        (dict(ClassName='T_Item', Query='SELECT * FROM T_Tick'), -32004, 'not both'),
        (dict(ClassName='T_Item', Mode='Often'), -32004, 'OnChange'),
        (dict(ClassName='T_Item', Mode='Sample'), -32004, 'Interval'),
        (dict(ClassName='T_Item', Interval=0.001), -32004, 'Interval'),
        (dict(ClassName='T_Item', Credit=-1), -32004, 'Credit'),
        (dict(ClassName='T_Item', PropertyList=['Nme']), -32012, 'Nme'),
        (dict(Subscription='nowhere'), -32006, 'nowhere'),
    ]:
        r = agent.call('Subscribe', params)
        case(f'refused: {list(params.values())}', r.get('error', {}).get('code') == code and word in json.dumps(r), r)


    r = agent.call('ExecQuery', {'Query': "SELECT * FROM __InstanceCreationEvent WITHIN 1 WHERE TargetInstance ISA 'T_Item'"})
    case('an event query that is executed', r['error']['code'] == -32015 and 'Subscribe' in r['error']['data']['Hint'], r)


def pushed(agent):
    r = Reader(agent, Query="SELECT * FROM T_Tick WHERE Parity = 'odd'")
    case('an indication', r.result and r.result['Push'] and kinds(r.sync()) == ['Sync'], (r.result, r.error))
    fire(agent, 1, 6)
    got = r.read(3)
    case('told as they come', numbers(got) == [1, 3, 5] and got[0]['Indication'] == {'__CLASS': 'T_Tick', 'Number': 1, 'Parity': 'odd'} and r.quiet(), got)
    took = []
    for i in range(50):
        start = time.monotonic()
        agent_peer.call('InvokeMethod', {'ClassName': 'T_Tick', 'MethodName': 'Fire', 'InParameters': {'First': 2 * i + 1, 'Count': 1}})
        r.read(1)
        took.append(time.monotonic() - start)
    case('within 5 ms', sorted(took)[47] < 0.1, [round(t * 1000, 2) for t in sorted(took)[-5:]])
    print(f'from call to event: median {sorted(took)[25] * 1e6:.0f} us, 96th percentile {sorted(took)[47] * 1e6:.0f} us')

    told = Reader(agent, Query="SELECT * FROM __InstanceOperationEvent WHERE TargetInstance ISA 'T_Told'")
    case('no WITHIN where the system tells', told.result and told.result['Push'] and kinds(told.sync()) == ['Sync'], told.error)
    reads = lambda: call(agent, 'GetInstance', ClassName='T_Told', InstanceName={'Id': 1})['Reads']
    invoke(agent, 'T_Told', 'Set', Id=1, Value=7, Count=3)
    got = told.read(3)
    case('creation is pushed', sorted((g['Kind'], g['Indication']['TargetInstance']['Id']) for g in got) == [('Create', i) for i in (1, 2, 3)], got)
    a = reads()
    time.sleep(0.4)
    case('nothing is polled', reads() == a + 1, (a, reads()))
    invoke(agent, 'T_Told', 'Set', Id=2, Value=8)
    invoke(agent, 'T_Told', 'Set', Id=3, Value=0)
    got = told.read(2)
    case('modification, deletion', [(g['Kind'], g['Indication']['TargetInstance']['Id']) for g in got] == [('Modify', 2), ('Delete', 3)] and got[0]['Indication']['PreviousInstance']['Value'] == 7, got)
    invoke(agent, 'T_Told', 'Lose')
    got = told.read(1)
    case('what the system lost is found', [(g['Kind'], g['Indication']['TargetInstance']['Id']) for g in got] == [('Delete', 1)], got)
    invoke(agent, 'T_Told', 'Set', Id=0, Value=9, Count=1000)
    got = told.read(1000, 10)
    case('a thousand at once', len(got) == 1000 and contiguous(got, told_last := 6)[0] is not None, (len(got), contiguous(got, 6)))
    invoke(agent, 'T_Told', 'Set', Id=0, Value=0, Count=1000)
    told.read(1000, 10)
    r.close()
    told.close()


def credit(agent):
    r = Reader(agent, Query='SELECT * FROM T_Tick', Credit=3)
    fire(agent, 1, 10)
    got = r.read(timeout=0.4)
    case('no more than the credit', kinds(got) == ['Sync', 'Event', 'Event'], kinds(got))
    a = r.call('Acknowledge', Subscription=r.result['Subscription'], Credit=4)
    got = r.read(timeout=0.4)
    case('more credit', a['result']['Queued'] == 8 and numbers(got) == [3, 4, 5, 6], (a, got))
    r.call('Acknowledge', Subscription=r.result['Subscription'], Credit=100)
    case('the rest', numbers(r.read(4)) == [7, 8, 9, 10])
    r.close()


def stalled(agent):
    r = Reader(agent, Query='SELECT * FROM T_Tick')
    other = Reader(agent, Query=f'SELECT * FROM T_Tick WHERE Number = {BURST}')
    r.sync(), other.sync()
    rss = lambda: int(next(l for l in open(f'/proc/{agent.proc.pid}/status') if l.startswith('VmRSS')).split()[1])
    before = rss()
    fire(agent, 1, BURST)
    got = other.read(1, 20)
    case('a stalled reader stalls nobody', numbers(got) == [BURST], got)
    case('and costs little', rss() - before < 16000 or SMALL, (before, rss()))
    got = r.read(until=lambda p: p['Sequence'] == BURST, timeout=20)
    events, lost = contiguous(got)
    case('it is told exactly what it lost', events is not None and lost > 0 and len(events) + lost == BURST and numbers(events)[-1] == BURST and all(e['Indication']['Number'] == e['Sequence'] for e in events), (lost, len(got)))
    d = Reader(agent, Query='SELECT * FROM T_Tick', Durable=True)
    d.sync()
    fire(agent, 1, BURST)
    other.read(1, 60)
    got = d.read(until=lambda p: p['Sequence'] == BURST, timeout=150)   # as the disk allows
    events, lost = contiguous(got)
    case('a durable one loses nothing', events is not None and lost == 0 and numbers(events) == list(range(1, BURST + 1)), (lost, len(got), got[-1:], events and len(events)))
    d.call('Unsubscribe', Subscription=d.result['Subscription'])
    r.close(), other.close(), d.close()


def disconnected(agent):
    d = Reader(agent, Query='SELECT * FROM T_Tick', Durable=True)
    case('durable', d.result and d.result['Durable'] and not d.result['Resumed'], (d.result, d.error))
    d.sync()
    fire(agent, 1, 10)
    got = d.read(10)
    d.close()
    time.sleep(0.2)
    fire(agent, 11, 500)
    time.sleep(0.5)
    e = Reader(agent, Subscription=d.result['Subscription'], From=7)
    got = e.read(503)
    case('goes on where it was', e.result and e.result['Resumed'] and numbers(got) == list(range(8, 511)) and contiguous(got, 7)[1] == 0, (e.error, numbers(got)[:3], len(got)))
    e.call('Acknowledge', Subscription=d.result['Subscription'], Sequence=505)
    e.close()
    time.sleep(0.2)
    f = Reader(agent, Subscription=d.result['Subscription'], From=500)
    got = f.read(6)
    case('what was acknowledged is gone, and told', kinds(got) == ['Gap'] + ['Event'] * 5 and got[0]['Lost'] == {'From': 501, 'To': 505, 'Reason': 'Expired'}, got)
    g = Reader(agent, Subscription=d.result['Subscription'], From=510)
    fire(agent, 1000, 1)
    case('the last to come has it', numbers(g.read(1)) == [1000] and f.quiet(0.1))
    g.call('Unsubscribe', Subscription=d.result['Subscription'])
    case('and then it is forgotten', agent.call('Subscribe', {'Subscription': d.result['Subscription']}).get('error', {}).get('code') == -32006)
    f.close(), g.close()


def killed():
    folder = tempfile.mkdtemp(prefix='reeve-events.')
    rnd = random.Random(5)
    agent = Agent(MODES, folder)
    d = Reader(agent, Query='SELECT * FROM T_Tick', Durable=True)
    name, last, fired, got = d.result['Subscription'], 0, 0, []
    try:
        for i in range(KILLS):
            fire(agent, fired + 1, 3000)
            fired += 3000
            end = time.monotonic() + rnd.random() * 0.15
            while time.monotonic() < end:
                got += d.read(timeout=max(0.001, end - time.monotonic()))
            agent.proc.send_signal(signal.SIGKILL)
            agent.proc.wait()
            try:
                got += d.read(timeout=1)   # what the kernel still holds
            except (ConnectionError, json.JSONDecodeError, ValueError):
                pass
            d.close()
            numbered = [p for p in got if p['Kind'] in ('Event', 'Gap')]
            last = numbered[-1]['Sequence'] if numbered else 0
            agent = Agent(MODES, folder)
            d = Reader(agent, Subscription=name, From=last)
            if not d.result:
                break
        case('it can be gone on with after each kill', d.result, d.error)
        fire(agent, fired + 1, 10)
        got += d.read(until=lambda p: p['Kind'] == 'Event' and p['Indication']['Number'] == fired + 10, timeout=10)
        events, lost = contiguous(got)
        n = numbers(got)
        case('each once, in order', events is not None and n == sorted(set(n)) and n[-1] == fired + 10, (lost, n[-3:], len(n)))
        case('each restart is told', events is not None and sum(p.get('Lost', {}).get('Reason') == 'Restarted' for p in got) == KILLS, [p for p in got if p['Kind'] == 'Gap'][-3:])
        print(f'{len(n)} of {fired + 10} events came, {len(got)} indications, {KILLS} kills')
    finally:
        d.close()
        rc = agent.stop()
        case('ends cleanly after it all', rc == 0, (rc, agent.said))
        os.system(f'rm -rf {folder}')


def conditional(agent):
    """Reads that name what they know."""
    p = agent.open()
    ask = {'ClassName': 'T_Told', 'PropertyList': ['Id', 'Value']}
    def read(since, **more):
        return p.call('EnumerateInstances', dict(ask, Since=since, **more))['result']
    invoke(agent, 'T_Told', 'Set', Id=10, Value=1, Count=3)
    reads = lambda: call(agent, 'GetInstance', ClassName='T_Told', InstanceName={'Id': 10})['Reads']
    a = read('')
    case('a revision', len(a['Instances']) == 3 and a['Revision'], a)
    time.sleep(0.1)
    b = read(a['Revision'])
    case('unchanged', b.get('Unchanged') and 'Instances' not in b and b['Revision'].startswith('w'), b)
    n = reads()
    for _ in range(50):
        c = read(b['Revision'])
    case('nothing is read for it', c == {'Unchanged': True, 'Revision': b['Revision']} and reads() == n + 1, (c, n, reads()))
    invoke(agent, 'T_Told', 'Set', Id=11, Value=5)
    d = read(b['Revision'])
    case('changed', [i['Value'] for i in d.get('Instances', [])] == [1, 5, 1] and d['Revision'] != b['Revision'], d)
    time.sleep(0.1)
    d = read(d['Revision'])
    case('unchanged again', d.get('Unchanged'), d)
    one = read('', Filter='Id = 10')
    time.sleep(0.1)
    one = read(one['Revision'], Filter='Id = 10')
    invoke(agent, 'T_Told', 'Set', Id=11, Value=6)
    time.sleep(0.1)
    case('a change that is not asked about', read(one['Revision'], Filter='Id = 10') == {'Unchanged': True, 'Revision': one['Revision']})
    case('another question\'s revision', 'Instances' in read(one['Revision']))
    case('not one at all', 'Instances' in read('w-x') and 'Instances' in read('h') and 'Instances' in read('nonsense'))
    g = p.call('GetInstance', dict(ask, InstanceName={'Id': 10}, Since=''))['result']
    h = p.call('GetInstance', dict(ask, InstanceName={'Id': 10}, Since=g['Revision']))['result']
    case('of one instance', g['Value'] == 1 and h.get('Unchanged'), (g, h))
    w = p.call('ExecQuery', {'Query': 'SELECT Id FROM T_Many WHERE Id < 4', 'Since': ''})['result']
    x = p.call('ExecQuery', {'Query': 'SELECT Id FROM T_Many WHERE Id < 4', 'Since': w['Revision']})['result']
    case('of what nobody tells of: by its sum', len(w['Instances']) == 3 and x == {'Unchanged': True, 'Revision': w['Revision']}, (w, x))
    text = (json.dumps({'jsonrpc': '2.0', 'id': 1, 'method': 'EnumerateInstances', 'params': dict(ask, Since=d['Revision'])}) + '\n').encode()
    d = read('')
    time.sleep(0.1)
    d = read(d['Revision'])
    text = (json.dumps({'jsonrpc': '2.0', 'id': 1, 'method': 'EnumerateInstances', 'params': dict(ask, Since=d['Revision'])}) + '\n').encode()
    cpu = lambda: sum(int(x) for x in open(f'/proc/{agent.proc.pid}/schedstat').read().split()[:1])
    before = cpu()
    for _ in range(1000):
        p.send(text)
        last = p.line()
    alone = (cpu() - before) / 1000 / 1000
    before = cpu()
    for _ in range(50):
        p.send(text * 50)
        for _ in range(50):
            last = p.line()
    took = (cpu() - before) / 2500 / 1000
    print(f'an unchanged poll: {took:.1f} us of agent CPU, with waking it up {alone:.1f} us; {len(json.dumps(last))} bytes')
    case('an unchanged poll costs little', last['result'].get('Unchanged') and (took < 20 or SMALL), (took, last))
    invoke(agent, 'T_Told', 'Set', Id=10, Value=0, Count=3)


def limits(agent):
    rss = lambda: int(next(l for l in open(f'/proc/{agent.proc.pid}/status') if l.startswith('VmRSS')).split()[1])
    r = Reader(agent, ClassName='T_Flood', Interval=100)
    got = r.read(1, 30)
    case('what is too large is told so', kinds(got) == ['Error'] and got[0]['Error']['code'] == -32027, got)
    case('and is not kept', rss() < 150000 or SMALL, rss())
    r.close()
    p = agent.open()
    ids = [p.call('Subscribe', {'Query': 'SELECT * FROM T_Tick', 'Durable': True, 'Credit': 0}) for _ in range(33)]
    case('so many durable ones', all('result' in i for i in ids[:32]) and ids[32]['error']['code'] == -32027, ids[31:])
    for i in ids[:32]:
        p.call('Unsubscribe', {'Subscription': i['result']['Subscription']})
    last = p.call('Subscribe', {'Query': 'SELECT * FROM T_Tick', 'Durable': True, 'Credit': 0})
    case('and then others', 'result' in last, last)
    p.call('Unsubscribe', {'Subscription': last['result']['Subscription']})
    p.sock.close()


def many(agent):
    import resource
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(4096, resource.getrlimit(resource.RLIMIT_NOFILE)[1]),) * 2)
    rss = lambda: int(next(l for l in open(f'/proc/{agent.proc.pid}/status') if l.startswith('VmRSS')).split()[1])
    before = rss()
    readers = [Reader(agent, Query="SELECT * FROM __InstanceOperationEvent WHERE TargetInstance ISA 'T_Told'") for _ in range(READERS)]
    case('many subscribers', all(r.result for r in readers), next((r.error for r in readers if not r.result), None))
    for r in readers:
        r.sync()
    per = (rss() - before) / READERS
    case('each costs little', per < 60 or SMALL, f'{per} KiB')
    time.sleep(2.5)   # worker threads linger two seconds
    def woken():
        n = 0
        for t in os.listdir(f'/proc/{agent.proc.pid}/task'):
            n += sum(int(l.split()[1]) for l in open(f'/proc/{agent.proc.pid}/task/{t}/status') if 'ctxt_switches' in l)
        return n
    a = woken()
    time.sleep(1.5)
    case('idle, they wake nobody', woken() == a or 'thread' in BUILD, woken() - a)
    start = time.monotonic()
    invoke(agent, 'T_Told', 'Set', Id=5, Value=1)
    got = [r.read(1) for r in readers]
    print(f'{READERS} readers told in {(time.monotonic() - start) * 1000:.0f} ms; {per:.1f} KiB each')
    case('all are told', all(kinds(g) == ['Create'] for g in got), [kinds(g) for g in got if kinds(g) != ['Create']][:3])
    invoke(agent, 'T_Told', 'Set', Id=5, Value=0)
    for r in readers:
        r.close()


agent = Agent(MODES)
try:
    agent_peer = agent.open()
    refused(agent)
    polled(agent)
    pushed(agent)
    credit(agent)
    disconnected(agent)
    conditional(agent)
    limits(agent)
    many(agent)
    stalled(agent)
    case('alive', agent.call('Ping')['result'] == {})
finally:
    rc = agent.stop()
    case('ends cleanly', rc == 0, (rc, agent.said))
killed()
case.end()
