#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""All controllers of control groups, of version 2: what a group uses and may, limits set while it runs, the end for want of memory; pressure."""
import json, os, re, sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(os.path.dirname(HERE), 'integration')]
import agentlib, vmlib
from agentlib import until
from hostlib import status, good, differ
from vmlib import reader, target

check = agentlib.Cases()


# ---- control groups ----

FILES = {'MemoryCurrent': ('memory.current', None, 1), 'MemoryPeak': ('memory.peak', None, 1), 'MemoryMax': ('memory.max', None, 1), 'MemoryHigh': ('memory.high', None, 1),
         'MemorySwapCurrent': ('memory.swap.current', None, 1), 'MemorySwapMax': ('memory.swap.max', None, 1), 'OomKills': ('memory.events', 'oom_kill', 1),
         'CPUUsageNSec': ('cpu.stat', 'usage_usec', 1000), 'CPUWeight': ('cpu.weight', None, 1), 'CPUThrottledPeriods': ('cpu.stat', 'nr_throttled', 1),
         'CPUThrottledNSec': ('cpu.stat', 'throttled_usec', 1000), 'TasksCurrent': ('pids.current', None, 1), 'TasksMax': ('pids.max', None, 1)}


def from_files(m, name):
    """What the files of a group say, as the class has it."""
    files, out = {}, {}
    for line in m.run(f'cd /sys/fs/cgroup{name} && grep -s "" cgroup.controllers cgroup.subtree_control cgroup.events memory.* cpu.* pids.* io.*').stdout.splitlines():
        f, text = line.split(':', 1)
        files.setdefault(f, []).append(text)
    number = lambda s: None if s.startswith('max') else int(s)
    for prop, (f, word, factor) in FILES.items():
        lines = files.get(f, [])
        found = [l.split()[1] for l in lines if l.split()[0] == word] if word else [l.split()[0] for l in lines]
        v = number(found[0]) if found else None
        out[prop] = v if v is None else v * factor
    quota, period = (files.get('cpu.max') or ['max 0'])[0].split()
    out['CPUQuotaUSec'], out['CPUPeriodUSec'] = number(quota), int(period) or None
    total = lambda word: sum(int(x) for l in files.get('io.stat', []) for x in re.findall(rf'{word}=(\d+)', l))
    out['IOReadBytes'], out['IOWriteBytes'] = (total('rbytes'), total('wbytes')) if 'io' in ' '.join(files.get('cgroup.controllers', [])).split() else (None, None)
    out['Controllers'] = ' '.join(files.get('cgroup.controllers', [])).split()
    out['SubtreeControl'] = ' '.join(files.get('cgroup.subtree_control', [])).split()
    return out


def group(a, name):
    return a.one('Cgroup', {'Name': name, 'Hierarchy': 'unified'})


def between(m, a, name):
    """Where a group's object is not between two looks at its files."""
    before, mine, after = from_files(m, name), group(a, name), from_files(m, name)
    wrong = []
    for prop, x in before.items():
        y, v = after[prop], mine[prop]
        numbers = all(isinstance(n, int) for n in (x, y, v))
        if not (min(x, y) <= v <= max(x, y) if numbers and x != y else v in (x, y)):
            wrong.append((prop, x, v, y))
    return wrong


def alike(m, a, name, but=()):
    """Memory in use goes up and down meanwhile: it is looked again."""
    wrong = []
    check(f'{name} beside its files', until(lambda: not wrong.append([w for w in between(m, a, name) if w[0] not in but]) and not wrong[-1]), wrong[-1:])


def service(m, name, what, *more):
    text = '\n'.join(['[Service]', f'ExecStart={what}', *more])
    m.run(f"cat > /run/systemd/system/{name}.service", input=text.encode() + b'\n', check=True)


def groups(m, a, path):
    top = m.run('cat /sys/fs/cgroup/cgroup.controllers').stdout.split()
    check('all controllers', {'cpu', 'memory', 'io', 'pids'} <= set(top) and set(group(a, '/')['Controllers']) == set(top), top)
    real = {'/' + os.path.relpath(d, '/sys/fs/cgroup') if d != '/sys/fs/cgroup' else '/' for d in m.run('find /sys/fs/cgroup -type d').stdout.split()}
    mine = {r['Name'] for r in a.rows('Cgroup', PropertyList=['Name'])}
    check('the groups beside the folders', mine == real, mine ^ real)
    service(m, 'quiet', '/bin/sleep 1000', 'IOAccounting=yes', 'CPUAccounting=yes', 'MemoryHigh=60M', 'MemoryMax=64M', 'MemorySwapMax=1M', 'TasksMax=7', 'CPUWeight=50', 'CPUQuota=30%')
    r = a.do('Service', {'Name': 'quiet'}, 'StartService')
    check('a service with limits', good(r), r)
    for name in ('/system.slice/quiet.service', '/system.slice', '/', '/init.scope'):
        alike(m, a, name, () if name != '/system.slice' else ('MemoryCurrent', 'TasksCurrent'))   # what looks at the files runs in there
    g = group(a, '/system.slice/quiet.service')
    want = {'MemoryMax': 64 << 20, 'MemoryHigh': 60 << 20, 'MemorySwapMax': 1 << 20, 'TasksMax': 7, 'CPUWeight': 50, 'CPUQuotaUSec': 30000, 'TasksCurrent': 1, 'Populated': True, 'Unit': 'quiet.service'}
    check('limits of its unit file', not differ(g, want), differ(g, want))
    s = a.one('Service', {'Name': 'quiet'}, 'MainPID', 'MemoryCurrent', 'TasksCurrent')
    show = dict(l.split('=') for l in m.run('systemctl show quiet -p MainPID,MemoryCurrent,TasksCurrent').stdout.split())
    check('the service beside systemctl show', not differ(s, {k: int(v) for k, v in show.items()}), (s, show))


def limits(m, a, path):
    key = {'Name': 'quiet'}
    put = lambda name, value, what_if=False, runtime=True: a.do('Service', key, 'SetProperty', what_if, Property=name, Value=value, Runtime=runtime)
    read = lambda f: m.run(f'cat /sys/fs/cgroup/system.slice/quiet.service/{f}').stdout.strip()
    disk = m.run('cat /sys/class/block/vda/dev').stdout.strip()
    for name, value, f, want in (('MemoryMax', '48M', 'memory.max', str(48 << 20)), ('MemoryHigh', 'infinity', 'memory.high', 'max'), ('TasksMax', '11', 'pids.max', '11'), ('CPUWeight', '77', 'cpu.weight', '77'),
                                 ('CPUQuota', '25%', 'cpu.max', '25000 100000'), ('CPUQuota', 'infinity', 'cpu.max', 'max 100000'), ('MemoryMax', '10%', 'memory.max', None), ('IOWeight', '200', 'io.weight', None),
                                 ('IOReadBandwidthMax', '/dev/vda 1M', 'io.max', f'{disk} rbps=1000000 wbps=max riops=max wiops=max')):
        if f == 'io.weight' and not read(f):
            check.skip('IOWeight', 'this kernel has no io.weight for the disk')
            continue
        r = put(name, value)
        check(f'{name}={value}', good(r) and (want is None or read(f) == want), (r, read(f)))
    total = int(re.search(r'MemTotal:\s+(\d+)', m.run('cat /proc/meminfo').stdout).group(1)) * 1024
    check('a tenth of the memory', abs(int(read('memory.max')) - total // 10) < total // 100, read('memory.max'))
    check('what-if', good(put('TasksMax', '12', True)) and read('pids.max') == '11')
    for name, value in (('MemoryMax', 'much'), ('CPUQuota', '20'), ('CPUQuota', '-5%'), ('CPUWeight', '99999'), ('IOReadBandwidthMax', '1M'), ('NoSuchSetting', '1')):
        r = put(name, value)
        check(f'refused: {name}={value}', status(r) == ('NOT_SUPPORTED' if name == 'NoSuchSetting' else 'INVALID_PARAMETER'), r)
    # A limit does what it says: a loop may use a fifth of a processor, and is halted for the rest.
    service(m, 'burner', "/usr/bin/perl -e '1 while 1'")
    r = a.do('Service', {'Name': 'burner'}, 'StartService')
    check('a busy service', good(r), r)
    r = a.do('Service', {'Name': 'burner'}, 'SetProperty', Property='CPUQuota', Value='20%', Runtime=True)
    name = '/system.slice/burner.service'
    check('it is halted', good(r) and until(lambda: (group(a, name)['CPUThrottledPeriods'] or 0) >= 5 and group(a, name)['CPUThrottledNSec'] > 0), (r, group(a, name)))
    alike(m, a, name)
    check('Freeze', good(a.do('Cgroup', {'Name': name, 'Hierarchy': 'unified'}, 'Freeze')) and group(a, name)['Frozen'] and m.run(f'grep frozen /sys/fs/cgroup{name}/cgroup.events').stdout.strip() == 'frozen 1')
    check('Thaw', good(a.do('Cgroup', {'Name': name, 'Hierarchy': 'unified'}, 'Thaw')) and group(a, name)['Frozen'] is False)
    # Pids.
    r = a.do('Cgroup', {'Name': name, 'Hierarchy': 'unified'}, 'SetLimits', TasksMax='1', MemoryMax=str(32 << 20))
    check('SetLimits', good(r) and m.run(f'cd /sys/fs/cgroup{name}; cat pids.max memory.max').stdout.split() == ['1', str(32 << 20)], r)
    check('StopService', good(a.do('Service', {'Name': 'burner'}, 'StopService')) and group(a, name) is None)


def memory_out(m, a, path):
    """The kernel kills for want of memory: told as that, with the last words."""
    eat = "/usr/bin/perl -e 'my $$x = chr(97) x (64 << 20); sleep 1000'"
    service(m, 'glutton', eat, 'MemoryMax=16M', 'MemorySwapMax=0')
    news = reader(path, 'Modification', 'Service', more="AND TargetInstance.Name = 'glutton'", columns='TargetInstance.Name, TargetInstance.Result, TargetInstance.ActiveState')
    r = a.do('Service', {'Name': 'glutton'}, 'StartService')
    got = news.until(lambda p: target(p).get('Result') == 'oom-kill')
    check('an event that says why', got[-1], got[-2:])
    check('a start that ends so', status(r) == 'FAILED' and ('memory' in json.dumps(r).lower() or 'oom' in json.dumps(r).lower()) or good(r), r)
    check('its state', until(lambda: not differ(a.one('Service', {'Name': 'glutton'}), {'ActiveState': 'failed', 'Result': 'oom-kill'})), a.one('Service', {'Name': 'glutton'}))
    check('as systemctl has it', m.run('systemctl show glutton -p Result --value').stdout.strip() == 'oom-kill')
    # One process of several: the service lives, the group counts.
    service(m, 'careless', f'''/bin/sh -c "perl -e 'my $$x = chr(97) x (64 << 20)'; exec sleep 1000"''', 'MemoryMax=16M', 'MemorySwapMax=0', 'OOMPolicy=continue')
    check('one that goes on', good(a.do('Service', {'Name': 'careless'}, 'StartService')))
    name = '/system.slice/careless.service'
    check('the group counts it', until(lambda: (group(a, name) or {}).get('OomKills') == 1), group(a, name))
    check('it runs', not differ(a.one('Service', {'Name': 'careless'}), {'State': 'Running', 'Result': 'success'}), a.one('Service', {'Name': 'careless'}))


def pressure(m, a, path):
    def look():
        out = {}
        for line in m.run('grep "" /proc/pressure/*').stdout.splitlines():
            f, text = line.split(':', 1)
            out[os.path.basename(f), text.split()[0]] = {k: float(v) for k, v in (x.split('=') for x in text.split()[1:])}
        return out
    m.run('for i in 1 2 3 4; do timeout 2 perl -e "1 while 1" & done; dd if=/dev/vda of=/dev/null bs=1M count=64 iflag=direct 2>/dev/null; wait')
    before, rows, after = look(), {r['Name']: r for r in a.rows('Pressure')}, look()
    check('resources', {k for k, _ in before} == set(rows) and {'cpu', 'memory', 'io'} <= set(rows), rows)
    for (name, kind), lines in before.items():
        r, label = rows.get(name, {}), kind.capitalize()
        total = r.get(f'{label}TotalNSec')
        check(f'{name} {kind}: total', total is not None and int(lines['total']) * 1000 <= total <= int(after[name, kind]['total']) * 1000, (total, lines))
        check(f'{name} {kind}: averages', all(min(lines[f'avg{n}'], after[name, kind][f'avg{n}']) <= r[f'{label}Avg{n}'] <= max(lines[f'avg{n}'], after[name, kind][f'avg{n}']) for n in (10, 60, 300)), (r, lines))
    check('there was some', rows['cpu']['SomeTotalNSec'] > 0, rows['cpu'])


vmlib.lab(groups, limits, memory_out, pressure)
check.end()
