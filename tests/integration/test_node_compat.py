#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""GET /metrics?node=1 beside Debian's node_exporter on this host: names, labels, types, values; the parsers; the CPU of a scrape."""
import os, shutil, socket, subprocess, sys, time, urllib.request
sys.path.insert(0, os.path.dirname(__file__))
from agentlib import Agent, Cases, BUILD

case = Cases()
agent = Agent()


def ours(path, *more):
    return subprocess.run(['curl', '-s', '--unix-socket', agent.path, 'http://x' + path, *more], capture_output=True).stdout.decode()


def load(text):
    types, samples = {}, {}
    for line in text.splitlines():
        if line.startswith('# TYPE node_'):
            types[line.split()[2]] = line.split()[3]
        elif line.startswith('node_'):
            key, value = line.rsplit(' ', 1)
            samples[key] = float(value)
    return types, samples


text = ours('/metrics?node=1')
types, samples = load(text)
case('both sets are there', 'reeve_mount_size_bytes' in text and 'node_load1' in text)
case('only where asked for', 'node_load1' not in ours('/metrics') and 'node_load1' not in ours('/metrics?node=0'))
case('alone', 'reeve_mount' not in ours('/metrics?class=NodeMetric') and 'node_load1' in ours('/metrics?class=NodeMetric'))
for name in ('node_cpu_seconds_total', 'node_memory_MemAvailable_bytes', 'node_filesystem_avail_bytes', 'node_load1', 'node_uname_info', 'node_time_seconds',
             'node_vmstat_pgmajfault', 'node_filefd_allocated', 'node_timex_sync_status', 'node_exporter_build_info', 'node_boot_time_seconds'):
    case('has ' + name, name in types)
heads = [l for l in text.splitlines() if l.startswith('# HELP')]
case('each family once', len(heads) == len(set(l.split()[2] for l in heads)))
try:
    from prometheus_client.openmetrics.parser import text_string_to_metric_families as parse
    families = list(parse(ours('/metrics?node=1', '-H', 'Accept: application/openmetrics-text')))
    case('the OpenMetrics parser takes it', any(f.name == 'node_cpu_seconds' for f in families))
except ImportError:
    case.skip('OpenMetrics parser', 'no python3-prometheus-client')
r = subprocess.run([f'{BUILD}/bin/reeve', 'metrics', '--node'], env=dict(os.environ, REEVE_SOCKET=agent.path), capture_output=True, text=True)
case('reeve metrics --node', r.returncode == 0 and 'node_load1 ' in r.stdout, r.stderr)
r = agent.call('ExecQuery', {'QueryLanguage': 'SQL', 'Query': "SELECT count(*) AS n FROM NodeMetric WHERE Name LIKE 'node_cpu%'"})
case('it is a class', r['result']['Instances'][0]['n'] > 0, r)


def cpu(pid):
    total = 0
    for t in os.listdir(f'/proc/{pid}/task'):
        f = open(f'/proc/{pid}/task/{t}/stat').read().rsplit(')', 1)[1].split()
        total += int(f[11]) + int(f[12])
    return total / os.sysconf('SC_CLK_TCK')


program = shutil.which('prometheus-node-exporter') or shutil.which('node_exporter')
if program:
    with socket.create_server(('127.0.0.1', 0)) as s:
        port = s.getsockname()[1]
    exporter = subprocess.Popen([program, f'--web.listen-address=127.0.0.1:{port}'], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    theirs = lambda: urllib.request.urlopen(f'http://127.0.0.1:{port}/metrics', timeout=10).read().decode()
    for _ in range(100):
        try:
            theirs()
            break
        except OSError:
            time.sleep(0.1)
    types, samples = load(ours('/metrics?node=1'))
    their_types, their_samples = load(theirs())
    own = lambda key: key.startswith('node_exporter_build_info')
    case('no name that it does not have', not set(types) - set(their_types), set(types) - set(their_types))
    case('the same types', all(types[n] == their_types[n] for n in types if n in their_types), [n for n in types if types[n] != their_types.get(n)])
    family = lambda key: key.split('{')[0]
    mine = {k for k in samples if not own(k)}
    wanted = {k for k in their_samples if family(k) in types and not own(k)}
    case('the same labels', mine == wanted, (sorted(mine - wanted)[:5], sorted(wanted - mine)[:5]))
    # Other programs run meanwhile: a value counts as different only when it is so in each of several looks. Open files differ by the looks
    # themselves (our scrape is another program with its own): on an idle machine, with some 400 open, by more than a tenth.
    slack = lambda k: 250 if k == 'node_filefd_allocated' else 10
    far = None
    for _ in range(8):
        samples, their_samples = load(ours('/metrics?node=1'))[1], load(theirs())[1]
        apart = {k for k in mine & wanted & set(samples) & set(their_samples)
                 if abs(samples[k] - their_samples[k]) > 0.1 * abs(their_samples[k]) + slack(k)
                 and not k.startswith(('node_memory', 'node_procs', 'node_load', 'node_pressure'))}
        far = apart if far is None else far & apart
        if not far:
            break
        time.sleep(0.5)
    case('the same values, less what happened in between', not far, [(k, samples[k], their_samples[k]) for k in sorted(far)[:5]])
    n = 40
    before = cpu(agent.proc.pid), cpu(exporter.pid)
    for _ in range(n):
        ours('/metrics?class=NodeMetric')
        theirs()
    a, b = (cpu(agent.proc.pid) - before[0]) / n, (cpu(exporter.pid) - before[1]) / n
    print(f'CPU of a scrape: {a * 1000:.2f} ms, node_exporter {b * 1000:.2f} ms')
    case('dearer than node_exporter never', a <= b, (a, b))
    exporter.terminate()
    exporter.wait()
else:
    case.skip('beside node_exporter', 'not installed (Debian: prometheus-node-exporter)')
agent.stop()
case.end()
