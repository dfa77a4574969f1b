#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Cgroup and Pressure: beside the kernel's files, read here in another way; groups of the test's own are limited, frozen, killed and
removed in whichever versions this host has (as root)."""
import os, re, subprocess, sys, time

sys.path[:0] = [os.path.dirname(os.path.abspath(__file__))]
import agentlib

check = agentlib.Cases()


def read(*path):
    try:
        return open(os.path.join(*path)).read()
    except OSError:
        return None


def word(text, name):
    found = re.search(rf'^{name} (\d+)$', text or '', re.M)
    return int(found.group(1)) if found else None


def number(text):
    """A limit as the files have it; none is None."""
    return int(text) if text and text.strip().isdigit() and int(text) < 1 << 62 else None


def hierarchies():
    """names -> (version, where)"""
    found = {}
    for line in open('/proc/self/mountinfo'):
        left, right = line.rstrip('\n').split(' - ')
        kind, _, options = right.split(' ')
        if kind == 'cgroup2':
            found.setdefault('unified', (2, left.split(' ')[4]))
        elif kind == 'cgroup':
            found.setdefault(','.join(o for o in options.split(',') if o not in ('rw', 'ro', 'xattr', 'clone_children')), (1, left.split(' ')[4]))
    return found


def wait(good, seconds=30):
    end = time.monotonic() + seconds
    while not good() and time.monotonic() < end:
        time.sleep(0.02)
    return good()


class Group:
    """A group of the test's own."""
    def __init__(self, agent, hierarchy, version, top):
        self.agent, self.version, self.name = agent, version, f'/reeve-test.{os.getpid()}'
        self.key = {'Name': self.name, 'Hierarchy': hierarchy}
        self.dir = top + self.name
        os.makedirs(self.dir)

    def get(self, *properties):
        return self.agent.call('GetInstance', {'ClassName': 'Cgroup', 'InstanceName': self.key, **({'PropertyList': list(properties)} if properties else {})}).get('result')

    def do(self, method, what_if=False, **arguments):
        return self.agent.call('InvokeMethod', {'ClassName': 'Cgroup', 'InstanceName': self.key, 'MethodName': method, 'InParameters': arguments, **({'WhatIf': True} if what_if else {})})

    def sleeper(self):
        p = subprocess.Popen(['sleep', '1000'])
        open(self.dir + '/cgroup.procs', 'w').write(str(p.pid))
        return p

    def file(self, name):
        return read(self.dir, name)


def status(reply):
    return reply.get('error', {}).get('data', {}).get('Name')


def listed(agent, found):
    rows = agent.call('EnumerateInstances', {'ClassName': 'Cgroup', 'PropertyList': ['Name', 'Hierarchy', 'CgroupVersion', 'Directory', 'Controllers', 'MemoryMax', 'MemoryHigh', 'TasksMax', 'CPUWeight', 'CPUShares',
                                                                                     'CPUPeriodUSec', 'CPUQuotaUSec', 'CPUUsageNSec', 'OomKills', 'Frozen', 'SubtreeControl']})['result']['Instances']
    check('each hierarchy has its root', {(r['Hierarchy'], r['CgroupVersion']) for r in rows if r['Name'] == '/'} == {(h, v) for h, (v, _) in found.items()}, found)
    for hierarchy, (version, top) in found.items():
        mine = {r['Name'] for r in rows if r['Hierarchy'] == hierarchy}
        real = {d[len(top):] or '/' for d, _, _ in os.walk(top)}
        check(f'groups of {hierarchy}', len(mine ^ real) <= len(real) // 2 and '/' in mine, mine ^ real)  # others make and remove theirs meanwhile
    compared = 0
    for r in rows:
        if not os.path.isdir(r['Directory']):
            continue
        f = lambda name: read(r['Directory'], name)
        words = lambda name: f(name).split() if f(name) is not None else None
        if r['CgroupVersion'] == 2:
            cpu = (f('cpu.max') or ' ').split()
            want = {'MemoryMax': number(f('memory.max')), 'MemoryHigh': number(f('memory.high')), 'TasksMax': number(f('pids.max')), 'CPUWeight': number(f('cpu.weight')), 'CPUShares': None,
                    'CPUQuotaUSec': number(cpu[0]) if cpu else None, 'CPUPeriodUSec': int(cpu[1]) if cpu else None, 'OomKills': word(f('memory.events'), 'oom_kill'),
                    'Controllers': words('cgroup.controllers'), 'SubtreeControl': words('cgroup.subtree_control')}
        else:
            want = {'MemoryMax': number(f('memory.limit_in_bytes')), 'MemoryHigh': None, 'TasksMax': number(f('pids.max')), 'CPUWeight': None, 'CPUShares': number(f('cpu.shares')),
                    'CPUQuotaUSec': number(f('cpu.cfs_quota_us')), 'CPUPeriodUSec': number(f('cpu.cfs_period_us')), 'OomKills': word(f('memory.oom_control'), 'oom_kill'), 'CPUUsageNSec': None if not f('cpuacct.usage') else r['CPUUsageNSec']}
        wrong = [(k, r[k], v) for k, v in want.items() if r[k] != v]
        compared += 1
        check(f"{r['Hierarchy']} {r['Name']}", not wrong or not os.path.isdir(r['Directory']), wrong)
    check('many were compared', compared >= len(found), compared)


def unified(agent, top):
    g = Group(agent, 'unified', 2, top)
    p = g.sleeper()
    try:
        r = g.get()
        check('it is there', r and r['Populated'] is True and r['Frozen'] is False and r['Directory'] == g.dir, r)
        check('its processes', g.get('Processes')['Processes'] == [p.pid], g.get('Processes'))
        check('CPU time', abs(r['CPUUsageNSec'] - word(g.file('cpu.stat'), 'usage_usec') * 1000) < 50_000_000, r)
        if os.path.exists(g.dir + '/cpu.pressure'):
            check('pressure', r['CPUPressure'] is not None and 0 <= r['CPUPressure'] <= 100, r)
        reply = g.do('Freeze', True)
        check('what-if of Freeze', reply['result']['Changed'] == [{'Property': 'Frozen', 'From': 'false', 'To': 'true'}] and word(g.file('cgroup.events'), 'frozen') == 0, reply)
        check('Freeze', 'result' in g.do('Freeze') and word(g.file('cgroup.events'), 'frozen') == 1 and g.get('Frozen')['Frozen'] is True)
        check('again: nothing', 'Changed' not in g.do('Freeze')['result'])
        check('Thaw', 'result' in g.do('Thaw') and word(g.file('cgroup.events'), 'frozen') == 0)
        if not os.path.exists(g.dir + '/memory.max'):
            reply = g.do('SetLimits', MemoryMax='1048576')
            check('a limit without its controller, and the hint tells', status(reply) == 'NOT_SUPPORTED' and 'SubtreeControl' in reply['error']['data']['Hint'], reply)
        else:
            check('SetLimits', 'result' in g.do('SetLimits', MemoryMax='104857600', TasksMax='20') and g.file('memory.max').strip() == '104857600')
        check('CPUShares are of version 1', status(g.do('SetLimits', CPUShares='100')) == 'NOT_SUPPORTED')
        check('CreateChild', 'result' in g.do('CreateChild', Name='child') and os.path.isdir(g.dir + '/child'))
        check('again', status(g.do('CreateChild', Name='child')) == 'ALREADY_EXISTS')
        for bad in ('../x', '', '.', 'a/b'):
            check(f'no name: {bad!r}', status(g.do('CreateChild', Name=bad)) == 'INVALID_PARAMETER')
        reply = g.do('Delete')
        check('one that is used, and the hint tells', status(reply) == 'UNAVAILABLE' and 'Kill' in reply['error']['data']['Hint'], reply)
        check('what-if of Kill', 'result' in g.do('Kill', True) and p.poll() is None)
        check('Kill', 'result' in g.do('Kill') and p.wait(20) == -9)
        os.rmdir(g.dir + '/child')
        check('it is empty', wait(lambda: g.get('Populated')['Populated'] is False))
        check('Delete', 'result' in g.do('Delete') and not os.path.isdir(g.dir) and g.get() is None)
    finally:
        p.kill()
        p.wait()
        for d in (g.dir + '/child', g.dir):
            if os.path.isdir(d):
                wait(lambda: not os.path.isdir(d) or not read(d, 'cgroup.procs'))
                os.rmdir(d)


def first_version(agent, hierarchy, top):
    """memory, pids, cpu and freezer, each in its own hierarchy."""
    g = Group(agent, hierarchy, 1, top)
    p = g.sleeper()
    try:
        r = g.get()
        check(f'{hierarchy}: it is there', r and r['Controllers'] == hierarchy.split(','), r)
        if 'memory' in hierarchy.split(','):
            check('no limit is null', r['MemoryMax'] is None and r['MemoryCurrent'] is not None, r)
            reply = g.do('SetLimits', True, MemoryMax='104857600')
            check('what-if of SetLimits', reply['result']['Changed'][0]['To'] == '104857600' and g.get('MemoryMax')['MemoryMax'] is None, reply)
            check('MemoryMax', 'result' in g.do('SetLimits', MemoryMax='104857600') and g.file('memory.limit_in_bytes').strip() == '104857600' and g.get('MemoryMax')['MemoryMax'] == 104857600)
            check('no MemoryMax', 'result' in g.do('SetLimits', MemoryMax='max') and g.get('MemoryMax')['MemoryMax'] is None)
            check('no such word', status(g.do('SetLimits', MemoryMax='much')) == 'INVALID_PARAMETER')
            check('MemoryHigh is of version 2', status(g.do('SetLimits', MemoryHigh='1')) == 'NOT_SUPPORTED')
        if 'pids' in hierarchy.split(','):
            change = lambda value: agent.call('SetInstance', {'ClassName': 'Cgroup', 'InstanceName': g.key, 'Properties': {'TasksMax': value}})
            check('TasksMax by SetInstance', 'result' in change(7) and g.file('pids.max').strip() == '7' and g.get('TasksMax', 'TasksCurrent')['TasksCurrent'] == 1)
            check('again: nothing', change(7)['result'].get('Changed') == [])
            check('null is no limit', 'result' in change(None) and g.file('pids.max').strip() == 'max')
        if 'cpu' in hierarchy.split(','):
            check('CPUShares', 'result' in g.do('SetLimits', CPUShares='512', CPUQuotaUSec='20000') and g.file('cpu.shares').strip() == '512' and g.get('CPUQuotaUSec')['CPUQuotaUSec'] == 20000)
            check('out of range', status(g.do('SetLimits', CPUShares='1')) == 'INVALID_PARAMETER')
        if 'freezer' in hierarchy.split(','):
            check('Freeze with version 1', 'result' in g.do('Freeze') and g.file('freezer.state').strip() == 'FROZEN' and g.get('Frozen')['Frozen'] is True)
            check('Thaw with version 1', 'result' in g.do('Thaw') and g.file('freezer.state').strip() == 'THAWED')
        check(f'{hierarchy}: Kill', 'result' in g.do('Kill') and p.wait(20) == -9)
        check(f'{hierarchy}: Delete', 'result' in g.do('Delete') and not os.path.isdir(g.dir))
    finally:
        p.kill()
        p.wait()
        if os.path.isdir(g.dir):
            wait(lambda: not read(g.dir, 'cgroup.procs'))
            os.rmdir(g.dir)


def refused(agent):
    one = lambda **key: agent.call('InvokeMethod', {'ClassName': 'Cgroup', 'InstanceName': key, 'MethodName': 'Delete'})
    for name in ('/no/such', '/..', '/../..', 'x', '', '/a/../b', '//'):
        check(f'no group {name!r}', status(one(Name=name, Hierarchy='unified')) == 'NOT_FOUND', one(Name=name, Hierarchy='unified'))
    check('the root stays', status(one(Name='/', Hierarchy='unified')) == 'NOT_SUPPORTED')
    reply = agent.call('InvokeMethod', {'ClassName': 'Cgroup', 'InstanceName': {'Name': '/', 'Hierarchy': 'unified'}, 'MethodName': 'Kill'})
    check('all of the host is not killed', status(reply) == 'NOT_SUPPORTED', reply)


def pressure(agent):
    rows = {r['Name']: r for r in agent.call('EnumerateInstances', {'ClassName': 'Pressure'})['result']['Instances']}
    there = {n for n in ('cpu', 'io', 'irq', 'memory') if read('/proc/pressure', n)}
    check('as many as /proc/pressure', set(rows) == there, (rows, there))
    for name, r in rows.items():
        lines = {l.split()[0]: dict(x.split('=') for x in l.split()[1:]) for l in read('/proc/pressure', name).splitlines()}
        for kind, label in (('some', 'Some'), ('full', 'Full')):
            if kind not in lines:
                check(f'{name} has no {kind}', r[f'{label}TotalNSec'] is None)
                continue
            check(f'{name} {kind} total', 0 <= int(lines[kind]['total']) * 1000 - r[f'{label}TotalNSec'] < 60_000_000_000, (r, lines))
            check(f'{name} {kind} averages', all(r[f'{label}Avg{n}'] is not None and 0 <= r[f'{label}Avg{n}'] <= 100 for n in (10, 60, 300)), r)


agent = agentlib.Agent()
found = hierarchies()
pressure(agent)
if not found:
    check.skip('Cgroup', 'no control groups are mounted here')
else:
    listed(agent, found)
    if os.geteuid() != 0 or not os.access(list(found.values())[0][1], os.W_OK):
        check.skip('changes of control groups', 'needs root, and control groups that can be written')
    else:
        if 'unified' in found:
            unified(agent, found['unified'][1])
            refused(agent)
        for hierarchy, (version, top) in found.items():
            if version == 1 and set(hierarchy.split(',')) & {'memory', 'pids', 'cpu', 'freezer'}:
                first_version(agent, hierarchy, top)
check('the agent ended well', agent.stop() == 0)
check.end()
