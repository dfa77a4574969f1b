#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""GET /metrics on loopback TCP: off by default, loopback only, one role and nothing else; a real Prometheus scrapes it, and clients that
mean harm get an answer and no more."""
import json, os, shutil, socket, subprocess, sys, tempfile, time, urllib.parse, urllib.request
sys.path.insert(0, os.path.dirname(__file__))
from agentlib import Agent, Cases, BUILD, until

case = Cases()
ROLE = '[Role]\nDescription = Scrapes\n\n[Allow disks]\nClass = Mount\nOperation = Read\n\n[Allow adapters]\nClass = NetAdapter\nOperation = Read\n'
ipv6 = os.path.exists('/proc/net/if_inet6') and '00000000000000000000000000000001' in open('/proc/net/if_inet6').read()


def free_port():
    with socket.create_server(('127.0.0.1', 0)) as s:
        return s.getsockname()[1]


folder = tempfile.mkdtemp(prefix='reeve-scrape.')
roles, conf = f'{folder}/roles.d', f'{folder}/reeve.conf'
os.mkdir(roles)


def write(path, text):
    with open(path + '.new', 'w') as f:
        f.write(text)
    os.rename(path + '.new', path)


def check(text, program='reeve-agent'):
    write(conf, text)
    r = subprocess.run([f'{BUILD}/bin/{program}', '--check', '--config', conf, *(['--roles', roles] if program == 'reeve-agent' else [])],
                       capture_output=True, text=True, timeout=30)
    return r.returncode, r.stderr


# ---- what the configuration may say ----
write(f'{roles}/scrape.role', ROLE)
for value in ('0.0.0.0:9945', '192.0.2.7:9945', '[::]:9945', '127.0.0.2:9945', '[::ffff:127.0.0.1]:9945'):
    rc, said = check(f'[metrics]\nlisten = {value}\nrole = scrape\n')
    case(f'{value} is refused', rc == 1 and f'reeve.conf:2: [metrics] listen = {value}: only loopback' in said and 'SSH' in said, said)
for value in ('127.0.0.1', '127.0.0.1:', '127.0.0.1:0', '127.0.0.1:70000', '127.0.0.1:1x', 'localhost:9945', ':9945', '[::1:9945'):
    rc, said = check(f'[metrics]\nlisten = {value}\nrole = scrape\n')
    case(f'"{value}" is refused', rc == 1 and f'listen = {value}: expected' in said, said)
rc, said = check('[metrics]\nlisten = 127.0.0.1:9945\n')
case('without a role it is refused', rc == 1 and 'role = NAME' in said, said)
rc, said = check('[metrics]\nlisten = 127.0.0.1:9945\nrole = nope\n')
case('a role that is not there is told', rc == 1 and 'no such role' in said, said)
rc, said = check('[metrics]\nlisten = 0.0.0.0:9945\nrole = scrape\n', 'reeved')
case('reeved --check says it, too', rc == 1 and 'only loopback' in said, said)
rc, said = check('[metrics]\nlisten = 0.0.0.0:9945\nlisten =\nrole = x\n')
case('also what is forgotten again must be good', rc == 1)
rc, said = check('[metrics]\nlisten = 127.0.0.1:9945\nlisten =\n')
case('an empty value switches it off', rc == 0, said)


rc, said = check('[metrics]\nlisten = 127.0.0.1:9945\nrole = scrape\nusers = root, no-such-user\n')
case('a user who is not there is told', rc == 1 and 'there is no such user' in said, said)


def listens(pid):
    """TCP ports that a process listens on."""
    mine = {os.readlink(f'/proc/{pid}/fd/{f}') for f in os.listdir(f'/proc/{pid}/fd')}
    rows = [l.split() for n in ('tcp', 'tcp6') if os.path.exists(f'/proc/net/{n}') for l in open(f'/proc/net/{n}').read().splitlines()[1:]]
    return {int(r[1].rsplit(':', 1)[1], 16) for r in rows if r[3] == '0A' and f'socket:[{r[9]}]' in mine}


agent = Agent()
case('off by default', listens(agent.proc.pid) == set())
agent.stop()

# ---- it answers ----
port = free_port()
write(conf, f'[metrics]\nlisten = 127.0.0.1:{port}\n' + (f'listen = [::1]:{port}\n' if ipv6 else '') + 'role = scrape\n')
agent = Agent(more=('--config', conf, '--roles', roles))


def raw(text, host='127.0.0.1', patience=20):
    """Everything that comes back for these bytes."""
    with socket.create_connection((host, port), timeout=patience) as s:
        s.sendall(text.encode() if isinstance(text, str) else text)
        s.shutdown(socket.SHUT_WR)
        got = b''
        try:
            while piece := s.recv(1 << 16):
                got += piece
        except ConnectionResetError:
            pass
    return got.decode(errors='replace')


def ask(path='/metrics', host='127.0.0.1', method='GET', *headers):
    return raw('\r\n'.join([f'{method} {path} HTTP/1.1', f'Host: {host}:{port}' if host else 'X: y', *headers, '', '']))


status = lambda answer: answer.split(' ')[1] if answer.startswith('HTTP/1.1 ') else answer[:80]
text = ask()
case('200 and the type', status(text) == '200' and 'Content-Type: text/plain; version=0.0.4; charset=utf-8\r\n' in text, text[:300])
case('what the role may read', 'reeve_mount_size_bytes{name="/"' in text and 'reeve_net_adapter_received_bytes_total{name="lo"' in text, text[:300])
case('nothing else', 'reeve_operating_system' not in text and 'reeve_provider' not in text and 'collector="Service"' not in text)
case('OpenMetrics', ask('/metrics', '127.0.0.1', 'GET', 'Accept: application/openmetrics-text').endswith('# EOF\n'))
case('a class by its name', 'reeve_mount_size_bytes' in ask('/metrics?class=Mount'))
case('a class that the role may not read', status(ask('/metrics?class=Process')) == '403', ask('/metrics?class=Process')[:300])
case('its name for a health check', ask('/-/healthy').endswith('reeve is healthy\n'))
for host in ('localhost', '[::1]', 'LOCALHOST'):
    case(f'Host {host}', status(ask('/-/healthy', host)) == '200')
if ipv6:
    with socket.create_connection(('::1', port), timeout=20) as s:
        s.sendall(f'GET /metrics HTTP/1.1\r\nHost: [::1]:{port}\r\nConnection: close\r\n\r\n'.encode())
        case('over IPv6', s.recv(65536).startswith(b'HTTP/1.1 200'))
else:
    case.skip('over IPv6', 'no IPv6 on this machine')
denied = lambda: agent.call('EnumerateInstances', {'ClassName': 'AuditRecord', 'Filter': "Result = 'Denied'",
                                                   'PropertyList': ['User', 'Source', 'ClassName']})['result']['Instances']
case('a denial is on record', until(lambda: any(r['User'] == 'metrics' and r['Source'].startswith('127.0.0.1:') and r['ClassName'] == 'Process'
                                                for r in denied())), denied())

# ---- nothing else is there ----
for what, request, want in (
        ('JSON-RPC over HTTP', f'POST /rpc HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 2\r\n\r\n{{}}', '405'),
        ('another path', f'GET /rpc HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n', '404'),
        ('a longer path', f'GET /metricsx HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n', '404'),
        ('a path with dots', f'GET /metrics/../rpc HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n', '404'),
        ('an absolute address', f'GET http://127.0.0.1/metrics HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n', '404'),
        ('HEAD', 'HEAD /metrics HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n', '405'),
        ('CONNECT', 'CONNECT 127.0.0.1:22 HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n', '405'),
        ('WQL', 'GET /metrics?query=SELECT%20*%20FROM%20Mount HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n', '403'),
        ('a name that was made to mean this host', 'GET /metrics HTTP/1.1\r\nHost: evil.example:9945\r\n\r\n', '421'),
        ('a Host with more behind it', 'GET /metrics HTTP/1.1\r\nHost: 127.0.0.1.evil.example\r\n\r\n', '421'),
        ('a Host that is no port', 'GET /metrics HTTP/1.1\r\nHost: 127.0.0.1:80@evil\r\n\r\n', '421'),
        ('no Host', 'GET /metrics HTTP/1.1\r\n\r\n', '421'),
        ('two Hosts', 'GET /metrics HTTP/1.1\r\nHost: 127.0.0.1\r\nHost: evil.example\r\n\r\n', '421'),
        ("a page's request", 'GET /metrics HTTP/1.1\r\nHost: 127.0.0.1\r\nOrigin: http://evil.example\r\n\r\n', '403'),
        ("a page's image", 'GET /metrics HTTP/1.1\r\nHost: 127.0.0.1\r\nSec-Fetch-Site: cross-site\r\n\r\n', '403'),
        ('a body', 'GET /metrics HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 5\r\n\r\nhello', '400'),
        ('a chunked body', 'GET /metrics HTTP/1.1\r\nHost: 127.0.0.1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n', '400'),
        ('JSON-RPC lines', '{"jsonrpc":"2.0","id":1,"method":"Hello"}\n', '400'),
        ('LSP frames', 'Content-Length: 2\r\n\r\n{}', '400'),
        ('TLS', b'\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03', '400'),
        ('NUL bytes', b'\0' * 100, '400'),
        ('endless headers', 'GET /metrics HTTP/1.1\r\nHost: 127.0.0.1\r\nX: ' + 'x' * 20000, '431')):
    got = raw(request)
    case(f'{what}: {want}', status(got) == want and 'reeve_mount' not in got, got[:200])

# ---- bounds ----
def opened(n):
    return [socket.create_connection(('127.0.0.1', port), timeout=30) for _ in range(n)]


def closed(s):
    s.setblocking(False)
    try:
        return s.recv(1) == b''
    except BlockingIOError:
        return False
    except ConnectionResetError:
        return True


idle = opened(40)
case('whoever only keeps places is sent away', until(lambda: sum(map(closed, idle)) >= 24), sum(map(closed, idle)))
case('and the next is served', status(ask('/-/healthy')) == '200')
for s in idle:
    s.close()
slow = opened(3)
began = time.monotonic()
for s in slow:
    s.sendall(b'GET /met')
gone = until(lambda: all(map(closed, slow)), 40)
took = time.monotonic() - began
case('a request that does not come is not waited for', gone and took > 5, took)
for s in slow:
    s.close()


def memory():
    return int(next(l.split()[1] for l in open(f'/proc/{agent.proc.pid}/status') if l.startswith('VmRSS')))


before, sent = memory(), 0
with socket.create_connection(('127.0.0.1', port), timeout=2) as s:    # never reads; sends request after request
    line = f'GET /metrics HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n'.encode() * 1000
    try:
        while sent < 64 << 20:
            sent += s.send(line)
    except OSError:
        pass
    case('who sends without reading is not read', sent < 32 << 20 and memory() - before < 48 << 10, (sent, memory() - before))
many = opened(12)
for s in many:
    s.sendall(b'GET /metrics HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n')
answers = [s.recv(20).decode().split(' ')[1] for s in many]
for s in many:
    s.close()
case('scrapes at once: answered or told to wait', set(answers) <= {'200', '503'} and '200' in answers, answers)
case('the agent goes on', until(lambda: status(ask()) == '200') and agent.call('Hello')['result'])

# ---- deny by default: the role goes ----
os.remove(f'{roles}/scrape.role')
case('no role: denied', until(lambda: status(ask()) == '403'), ask()[:200])
write(f'{roles}/scrape.role', ROLE)
case('the role is back', until(lambda: status(ask()) == '200'), ask()[:200])

# ---- a real Prometheus ----
if shutil.which('prometheus'):
    web = free_port()
    write(f'{folder}/prometheus.yml', json.dumps({'scrape_configs': [{'job_name': 'reeve', 'scrape_interval': '1s', 'scrape_timeout': '1s',
                                                                      'static_configs': [{'targets': [f'127.0.0.1:{port}']}]}]}))
    with open(f'{folder}/log', 'w') as log:
        p = subprocess.Popen(['prometheus', f'--config.file={folder}/prometheus.yml', f'--storage.tsdb.path={folder}/data',
                              f'--web.listen-address=127.0.0.1:{web}'], stdout=log, stderr=log)

    def stored(query):
        try:
            with urllib.request.urlopen(f'http://127.0.0.1:{web}/api/v1/query?' + urllib.parse.urlencode({'query': query}), timeout=10) as r:
                return [float(s['value'][1]) for s in json.load(r)['data']['result']]
        except OSError:
            return []
    try:
        case('Prometheus: up', until(lambda: stored('up{job="reeve"}') == [1], 60), open(f'{folder}/log').read()[-600:])
        stat = os.statvfs('/')
        case('Prometheus: a size is the size', until(lambda: stored('reeve_mount_size_bytes{name="/"}') == [float(stat.f_blocks * stat.f_frsize)]),
             stored('reeve_mount_size_bytes{name="/"}'))
        agent.stop()
        case('Prometheus: an agent that has gone is down', until(lambda: stored('up{job="reeve"}') == [0], 60))
    finally:
        p.terminate()
        p.wait(20)
else:
    case.skip('a real Prometheus', 'no prometheus (Debian: prometheus)')
    agent.stop()

# ---- whose socket it is ----
if os.geteuid() == 0:
    port = free_port()
    write(conf, f'[metrics]\nlisten = 127.0.0.1:{port}\n' + (f'listen = [::1]:{port}\n' if ipv6 else '') + 'role = scrape\nusers = daemon, bin\n')
    agent = Agent(more=('--config', conf, '--roles', roles))

    def as_user(name, host):
        r = subprocess.run(['setpriv', '--reuid', name, '--clear-groups', 'curl', '-s', '-o', '/dev/null', '-w', '%{http_code}', '--max-time', '20',
                            f'http://{host}:{port}/metrics'], capture_output=True, text=True, timeout=60)
        return r.stdout
    for host in ('127.0.0.1', *(['[::1]'] if ipv6 else [])):
        said = {name: as_user(name, host) for name in ('daemon', 'bin', 'nobody', 'root')}
        case(f'{host}: only the users named', said == {'daemon': '200', 'bin': '200', 'nobody': '403', 'root': '403'}, said)
    agent.stop()
else:
    case.skip('whose socket it is', 'only root can be somebody else')

# ---- a port that is taken stops nothing ----
with socket.create_server(('127.0.0.1', 0)) as s:
    write(conf, f'[metrics]\nlisten = 127.0.0.1:{s.getsockname()[1]}\nrole = scrape\n')
    agent = Agent(more=('--config', conf, '--roles', roles))
    case('a port that is taken is told, and the agent serves', 'Address already in use; there are no scrapes there' in open(agent.log.name).read()
         and agent.call('Hello')['result'])
    agent.stop()
shutil.rmtree(folder)
case.end()
