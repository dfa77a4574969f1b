#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""A real Prometheus scrapes a host whose only door is SSH, as docs/monitoring.md says: prometheus-exporter-exporter runs `ssh host reeve
metrics`. What it stores is what the host says; a host that goes is down, not wrong."""
import json, os, shutil, socket, subprocess, sys, tempfile, time, urllib.parse, urllib.request
sys.path.insert(0, os.path.dirname(__file__))
from agentlib import Cases
from sshhost import Host

for tool in ('prometheus', 'prometheus-exporter-exporter'):
    if not shutil.which(tool):
        print(f'SKIP no {tool} (Debian: {tool})')
        sys.exit(77)
case = Cases()
host = Host()
work = tempfile.mkdtemp(prefix='reeve-prometheus.')


def free_port():
    with socket.create_server(('127.0.0.1', 0)) as s:
        return s.getsockname()[1]


def get(url):
    with urllib.request.urlopen(url, timeout=10) as r:
        return r.read().decode()


def ask(query):
    """The samples of an instant query: [(labels, value)]."""
    try:
        answer = json.loads(get(f'http://127.0.0.1:{port}/api/v1/query?' + urllib.parse.urlencode({'query': query})))
    except OSError:
        return []
    return [(s['metric'], float(s['value'][1])) for s in answer['data']['result']]


def until(what, seconds=60):
    end = time.monotonic() + seconds
    while not what() and time.monotonic() < end:
        time.sleep(0.2)
    return what()


def some(query):
    """Once there is an answer: on a busy machine a scrape may be missed."""
    return until(lambda: ask(query))


via, port = free_port(), free_port()
ssh = ['-F', host.config, '-o', 'ControlMaster=auto', '-o', f'ControlPath={work}/master', '-o', 'ControlPersist=5', 'reeve-host']
with open(f'{work}/expexp.yaml', 'w') as f:
    json.dump({'modules': {'reeve': {'method': 'exec', 'timeout': '10s', 'exec': {'command': shutil.which('ssh'), 'args': [*ssh, 'reeve', 'metrics']}},
                           'node': {'method': 'exec', 'timeout': '10s', 'exec': {'command': shutil.which('ssh'), 'args': [*ssh, 'reeve', 'metrics', 'NodeMetric']}}}}, f)
with open(f'{work}/prometheus.yml', 'w') as f:
    json.dump({'global': {'scrape_interval': '1s', 'scrape_timeout': '1s'},
               'scrape_configs': [{'job_name': m, 'metrics_path': '/proxy', 'params': {'module': [m]}, 'scrape_interval': '2s', 'scrape_timeout': '2s',
                                   'static_configs': [{'targets': [f'127.0.0.1:{via}']}]} for m in ('reeve', 'node')]}, f)
log = open(f'{work}/log', 'w')
procs = [subprocess.Popen(['prometheus-exporter-exporter', '-config.file', f'{work}/expexp.yaml', '-web.listen-address', f'127.0.0.1:{via}'], stdout=log, stderr=log),
         subprocess.Popen(['prometheus', f'--config.file={work}/prometheus.yml', f'--storage.tsdb.path={work}/data', f'--web.listen-address=127.0.0.1:{port}'], stdout=log, stderr=log)]
said = lambda: open(f'{work}/log').read()[-800:]
try:
    r = subprocess.run(['promtool', 'check', 'config', f'{work}/prometheus.yml'], capture_output=True, text=True)
    case('the configuration is one', r.returncode == 0, r.stderr)
    up = until(lambda: sorted(m['job'] for m, v in ask('up == 1')) == ['node', 'reeve'])
    case('up', up, (ask('up'), said()))
    case('its version', any(m.get('version') for m, v in some('reeve_build_info')), ask('reeve_build_info'))
    stat = os.statvfs('/')
    case('a size is the size', [v for m, v in some('reeve_mount_size_bytes{name="/"}')] == [float(stat.f_blocks * stat.f_frsize)], ask('reeve_mount_size_bytes{name="/"}'))
    case("node_exporter's names", [m['release'] for m, v in some('node_uname_info')] == [os.uname().release], ask('node_uname_info'))
    case('a rate of a counter', until(lambda: bool(ask('sum(rate(node_cpu_seconds_total[1m])) > 0'))), ask('node_cpu_seconds_total'))
    case('every provider that was asked answered, or says that it did not', all(v in (0, 1) for m, v in some('reeve_scrape_collector_success')))
    meta = json.loads(get(f'http://127.0.0.1:{port}/api/v1/metadata'))['data']
    case('types and helps are known', meta['reeve_mount_size_bytes'][0]['type'] == 'gauge' and meta['reeve_net_adapter_received_bytes_total'][0]['type'] == 'counter'
         and meta['reeve_mount_size_bytes'][0]['help'], list(meta)[:5])
    host.stop()
    case('a host that has gone is down', until(lambda: sorted(m['job'] for m, v in ask('up == 0')) == ['node', 'reeve']), (ask('up'), said()))
finally:
    for p in procs:
        p.terminate()
        p.wait(20)
    if os.path.isdir(host.dir):
        host.stop()
    shutil.rmtree(work)
case.end()
