#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Permanent subscriptions: filters, consumers and bindings that the agent keeps, over the indications of the test agent."""
import glob, http.server, json, os, shutil, signal, socket, sys, tempfile, threading, time

sys.path.insert(0, os.path.dirname(__file__))
from agentlib import Agent, Cases, Reader

case = Cases()
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
    b = look(agent, 'log')
    case('a binding tells of itself', (b['State'], b['Delivered'], b['Failed'], b['Waiting'], b['Sequence'], b['Creator'], b['Query']) == ('Active', 3, 0, 0, 3, 'root' if not os.geteuid() else b['Creator'], TICKS), b)


agent = None
try:
    agent = Agent(AGENT)
    test_consumers(agent)
finally:
    if agent:
        case('the agent ends well', agent.stop() == 0, agent.said)
    shutil.rmtree(home)
case.end()
