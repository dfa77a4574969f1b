#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""GET /metrics, the operation Metrics, reeve metrics, reeve check, revisions; with promtool, the OpenMetrics parser of
python3-prometheus-client and check_by_ssh, where the machine has them."""
import json, os, re, shutil, subprocess, sys, tempfile, time
sys.path.insert(0, os.path.dirname(__file__))
from agentlib import Agent, Cases, BUILD
from sshhost import Host

case = Cases()
agent = Agent()
REEVE = f'{BUILD}/bin/reeve'


def get(path, *more, socket=None):
    r = subprocess.run(['curl', '-s', '-i', '--max-time', '15', '--unix-socket', socket or agent.path, 'http://x' + path, *more],
                       capture_output=True)
    head, _, body = r.stdout.decode().partition('\r\n\r\n')
    return head, body


def reeve(*args, socket=None):
    r = subprocess.run([REEVE, *args], capture_output=True, text=True, timeout=30, env=dict(os.environ, REEVE_SOCKET=socket or agent.path))
    return r.returncode, r.stdout, r.stderr


def lint(text):
    """What must hold of every family: complaints, or nothing. (promtool and the parser say more, where they are.)"""
    bad, seen, family = [], set(), None
    for line in text.splitlines():
        if line.startswith('# HELP'):
            family = line.split()[2]
            if family in seen:
                bad.append('twice: ' + family)
            seen.add(family)
        elif line.startswith('# TYPE'):
            _, _, name, kind = line.split()
            if name != family or (kind == 'counter') != name.endswith('_total') or not re.fullmatch(r'[a-z_][a-z0-9_]*', name):
                bad.append(line)
        elif not re.fullmatch(re.escape(family or '?') + r'(\{.*\})? (-?[0-9.e+-]+|NaN|[+-]Inf)', line):
            bad.append('sample: ' + line)
    samples = [l.rsplit(' ', 1)[0] for l in text.splitlines() if not l.startswith('#')]
    if len(samples) != len(set(samples)):
        bad.append('a sample twice')
    return bad


# ---- the text ----
head, text = get('/metrics')
case('content type', 'Content-Type: text/plain; version=0.0.4; charset=utf-8' in head, head)
case('ends with a newline', text.endswith('\n'))
case('every family is well-formed', not lint(text), lint(text)[:5])
for name in ('reeve_build_info{version=', 'reeve_scrape_collector_success{collector="Mount"} 1', 'reeve_scrape_duration_seconds ',
             'reeve_provider_calls_total{name="Mount"}', 'reeve_mount_size_bytes{name="/",', 'reeve_net_adapter_status{name="lo",status="Up"} '):
    case('has ' + name, name in text)
case('a counter grows', 'TYPE reeve_provider_calls_total counter' in text)

classes = [c for c in agent.call('EnumerateClasses', {'NamesOnly': True})['result']['Classes']]
classes = [c if isinstance(c, str) else c.get('ClassName', c.get('Name')) for c in classes]
case('classes are known', 'Process' in classes, classes)
promtool = shutil.which('promtool')
bad = []
for c in classes:
    if '_' not in c and c not in ('NodeMetric', 'LogEntry'):     # names of others (node_exporter's, WMI's); large journals
        body = get(f'/metrics?class={c}&timeout=5')[1]
        if body.startswith('{'):
            continue     # it has no instances to be read
        bad += [f'{c}: {x}' for x in lint(body)]
        if promtool:
            r = subprocess.run([promtool, 'check', 'metrics'], input=body, capture_output=True, text=True)
            bad += [f'promtool {c}: {r.stdout}{r.stderr}'] if r.returncode else []
case('classes asked for by name are lint-clean', not bad, bad[:5])
if not promtool:
    case.skip('promtool check metrics', 'no promtool (Debian: prometheus)')

# ---- any query as a scrape; labels; escapes ----
odd = subprocess.Popen(['sleep', '60'])
body = get(f'/metrics?class=Process&property=Name&property=WorkingSetSize&filter=ProcessId%3D{odd.pid}')[1]
case('class, property, filter', re.search(rf'^reeve_process_working_set_size_bytes{{process_id="{odd.pid}",name="sleep"}} \d+$', body, re.M), body[:300])
case('only what was named', 'thread' not in body and 'reeve_mount' not in body)
body = get(f'/metrics?query=SELECT+Name,ThreadCount+FROM+Process+WHERE+ProcessId={odd.pid}')[1]
case('a WQL query', f'reeve_process_threads{{process_id="{odd.pid}",name="sleep"}} 1\n' in body, body[:300])
odd.kill(); odd.wait()
folder = tempfile.mkdtemp(prefix='reeve-odd.')
program = os.path.join(folder, 'q"\\n\n')     # the kernel shows it as the process' name
shutil.copy('/bin/sleep', program)
odd = subprocess.Popen([program, '60'])
time.sleep(0.1)
body = get(f'/metrics?class=Process&property=Name&property=ThreadCount&filter=ProcessId%3D{odd.pid}')[1]
case('escapes in labels', f'reeve_process_threads{{process_id="{odd.pid}",name="q\\"\\\\n\\n"}} 1\n' in body, body[:400])
odd.kill(); odd.wait(); shutil.rmtree(folder)
for path, want in (('/metrics?class=Nix', 'Nix'), ('/metrics?nix=1', 'nix'), ('/metrics?filter=a', 'ClassName'), ('/metrics?class=Process&filter=((', '')):
    head, body = get(path)
    case('refused: ' + path, head.startswith('HTTP/1.1 400') and want in body, head + body)
r = agent.call('Metrics', {'ClassName': 'Mount', 'Format': 'nix'})
case('an unknown format', 'Prometheus or OpenMetrics' in r.get('error', {}).get('message', ''), r)

# ---- OpenMetrics ----
head, text = get('/metrics', '-H', 'Accept: application/openmetrics-text;version=1.0.0,text/plain;q=0.5')
case('OpenMetrics by Accept', 'application/openmetrics-text; version=1.0.0' in head and text.endswith('# EOF\n'), head)
try:
    from prometheus_client.openmetrics.parser import text_string_to_metric_families as parse
    from prometheus_client.parser import text_string_to_metric_families as parse_text
    families = list(parse(text))
    case('the OpenMetrics parser takes it', len(families) > 20, len(families))
    case('units', any(f.unit == 'bytes' for f in families))
    body = get('/metrics?class=Process&class=Mount', '-H', 'Accept: application/openmetrics-text')[1]
    case('and processes', sum(len(f.samples) for f in parse(body)) > 50)
    case('the text parser, too', len(list(parse_text(get('/metrics')[1]))) > 20)
except ImportError:
    case.skip('OpenMetrics parser', 'no python3-prometheus-client')

# ---- a provider that hangs or fails is a sample ----
modes = Agent('tests/bin/reeve-agent-modes')
start = time.monotonic()
head, body = get('/metrics?class=T_Many&class=T_Hung&timeout=1', socket=modes.path)
case('a hung provider is a sample', head.startswith('HTTP/1.1 200') and 'reeve_scrape_collector_success{collector="T_Hung"} 0' in body
     and 'reeve_scrape_collector_success{collector="T_Many"} 1' in body, head + body[-600:])
case('the others are whole', len(re.findall(r'^reeve_t_many_size_bytes\{', body, re.M)) == 10000, body[:200])
case('within the time-out', time.monotonic() - start < 4, time.monotonic() - start)
case('the agent answers', modes.call('Ping').get('result') == {})
rc, out, _ = reeve('check', 'T_Hung', '--timeout', '1', socket=modes.path)
case('check: unknown when the provider hangs', rc == 3 and 'UNKNOWN' in out and 'deadline' in out, (rc, out))
modes.stop()

# ---- reeve metrics ----
rc, out, _ = reeve('metrics')
case('reeve metrics', rc == 0 and not lint(out), lint(out)[:3])
rc, out, _ = reeve('metrics', 'Mount', 'OperatingSystem', 'Nix', '--property', 'Name', '--format', 'json')
doc = json.loads(out or 'null')
case('json of many classes in one call', rc == 0 and {'Name': '/'} in doc['Mount'] and 'Nix' in [e['Class'] for e in doc['Errors']], doc['Errors'])
rc, out, _ = reeve('metrics', 'Mount', '--property', 'Name,FileSystem', '--format', 'discovery')
case('discovery', rc == 0 and any(x.get('{#NAME}') == '/' and x.get('{#FILESYSTEM}') for x in json.loads(out)), out[:200])
template = open(os.path.join(os.path.dirname(__file__), '..', '..', 'clients', 'zabbix', 'reeve.yaml')).read()
case('the template uses macros that discovery gives', set(re.findall(r'\{#[A-Z]+\}', template)) <= {'{#NAME}', '{#FILESYSTEM}'})
with tempfile.TemporaryDirectory() as d:
    rc, out, _ = reeve('metrics', '--output', d + '/reeve.prom')
    case('into a file', rc == 0 and not out and os.listdir(d) == ['reeve.prom'] and not lint(open(d + '/reeve.prom').read()))
rc, out, err = reeve('metrics', 'Nix')
case('an unknown class', rc == 1 and 'Nix' in err and not out, (rc, err))

# ---- revisions ----
ask = {'ClassName': 'Mount', 'PropertyList': ['Name'], 'Since': ''}
first = agent.call('EnumerateInstances', ask)['result']
second = agent.call('EnumerateInstances', dict(ask, Since=first['Revision']))['result']
case('unchanged', first['Instances'] and second.get('Unchanged') and 'Instances' not in second, second)
third = agent.call('EnumerateInstances', {'ClassName': 'Provider', 'Since': first['Revision']})['result']
case('changed', third.get('Instances') and third['Revision'] != first['Revision'])

# ---- reeve check ----
sleeper = subprocess.Popen(['sleep', '61'])
one = ['Process', '--filter', f'ProcessId={sleeper.pid}']
for args, want, pattern in [
        (one, 0, r"PROCESS OK - 1 Process found \| 'count'=1;;;0;$"),
        (one + ['--critical', '0'], 2, rf"PROCESS CRITICAL - 1 Process found: sleep {sleeper.pid} \| 'count'=1;;0;0;$"),
        (one + ['--warning', '2:', '--critical', '1:'], 1, r"PROCESS WARNING - .* \| 'count'=1;2:;1:;0;$"),
        (one + ['--critical', '@1:1'], 2, 'CRITICAL'),
        (one + ['--warning', '~:0'], 1, 'WARNING'),
        (one + ['--property', 'ThreadCount', '--critical', '1'], 0, rf"'sleep {sleeper.pid}'=1;;1;0;$"),
        (one + ['--property', 'WorkingSetSize', '--critical', '1Ki'], 2, rf"'sleep {sleeper.pid}'=\d+B;;1024;0;$"),
        (one + ['--property', 'CreationDate', '--warning', '1h'], 0, r"=\d+\.\d+s;3600;;0;$"),
        (one + ['--property', 'WorkingSetSize', '--property', 'ThreadCount', '--warning', '1Gi', '--warning', '1:'], 0,
         rf"'sleep {sleeper.pid} WorkingSetSize'=\d+B;1073741824;;0; 'sleep {sleeper.pid} ThreadCount'=1;1:;;0;$"),
        (one + ['--property', 'Name'], 3, 'UNKNOWN - no instance has a value'),
        (['Process', '--filter', 'ProcessId=0', '--property', 'ThreadCount'], 3, 'UNKNOWN - no such instance'),
        (['Process', '--filter', 'ProcessId=0', '--property', 'ThreadCount', '--empty', 'critical'], 2, 'CRITICAL'),
        (['Mount', '--filter', "Name='/' AND Hidden=FALSE", '--property', 'FreeSpace', '--of', 'Size', '--critical', '101:'], 2,
         r"MOUNT CRITICAL - / FreeSpace is [\d.]+% \| '/'=[\d.]+%;;101:;0;100$"),
        (['--sql', f"SELECT Name, count(*) AS N FROM Process WHERE ProcessId={sleeper.pid} GROUP BY Name", '--property', 'N', '--critical', '0'], 2,
         r"REEVE CRITICAL - sleep N is 1 \| 'sleep'=1;;0;0;$"),
        (['--query', f'SELECT Name FROM Process WHERE ProcessId={sleeper.pid}'], 0, 'REEVE OK - 1 rows found'),
        (['Nix'], 3, 'NIX UNKNOWN - .*Nix'),
        (['Process', '--filter', '(('], 3, 'PROCESS UNKNOWN'),
        (['Process', '--critical', '5:1'], 3, 'UNKNOWN - option'),
        (['Process', '--critical', 'nan'], 3, 'UNKNOWN - option'),
        ([], 3, 'UNKNOWN - expected one class'),
        (['Process', 'Mount'], 3, 'UNKNOWN')]:
    rc, out, err = reeve('check', *args)
    case('check ' + ' '.join(args), rc == want and re.search(pattern, out.splitlines()[0] if out else '') and not err, (rc, out, err))
rc, out, _ = reeve('check', 'Process', '--critical', '0')
case('long output after the first line', rc == 2 and len(out.splitlines()) > 10 and '|' not in ''.join(out.splitlines()[1:]), out[:200])

# ---- over SSH, by the plugin that monitoring uses ----
host = Host()
r = host.ssh(f"reeve check Process --filter 'ProcessId={sleeper.pid}' --critical 0")
case('ssh host reeve check', r.returncode == 2 and 'PROCESS CRITICAL' in r.stdout, (r.returncode, r.stdout, r.stderr))
by_ssh = '/usr/lib/nagios/plugins/check_by_ssh'
if os.path.exists(by_ssh):
    for what, want in (('Process --critical 0', 2), ('Process --critical 5', 0), ('Process --warning 0', 1), ('Nix', 3)):
        name, _, more = what.partition(' ')
        more = f"--filter 'ProcessId={sleeper.pid}' {more}" if more else ''
        r = subprocess.run([by_ssh, '-F', host.config, '-H', 'reeve-host', '-t', '20', '-C', f'reeve check {name} {more}'], capture_output=True, text=True)
        first = r.stdout.split('\n')[0]
        case('check_by_ssh ' + what, r.returncode == want and (first.startswith('NIX UNKNOWN - ') or first.endswith(("| 'count'=1;;0;0;", "| 'count'=1;;5;0;", "| 'count'=1;0;;0;"))),
             (r.returncode, r.stdout, r.stderr))
else:
    case.skip('check_by_ssh', 'not installed (Debian: monitoring-plugins-basic)')
r = host.ssh('reeve metrics')
case('ssh host reeve metrics', r.returncode == 0 and not lint(r.stdout), (r.returncode, r.stderr, lint(r.stdout)[:3]))
host.stop()
sleeper.kill(); sleeper.wait()
agent.stop()
rc, out, _ = reeve('check', 'Process', socket='/nonexistent/agent.sock')
case('check: no agent', rc == 3 and 'UNKNOWN' in out, (rc, out))
case.end()
