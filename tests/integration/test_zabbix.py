#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Zabbix, real: zabbix_get asks zabbix_agentd, which asks reeve; and a Zabbix server with its database and frontend imports clients/zabbix/reeve.yaml, asks a
host over SSH and finds its file systems. `tests/deps.sh zabbix` installs the parts (150 MB, so they are not among the others)."""
import getpass, json, os, random, shutil, socket, subprocess, sys, tempfile, time, urllib.request
sys.path.insert(0, os.path.dirname(__file__))
from agentlib import BUILD, Agent, Cases, until
from sshhost import Host

TOP = os.path.abspath(os.path.join(os.path.dirname(__file__), '..', '..'))
if not shutil.which('zabbix_agentd') or not shutil.which('zabbix_get'):
    print('SKIP no zabbix_agentd and zabbix_get (tests/deps.sh zabbix)')
    sys.exit(77)
case = Cases()
work = tempfile.mkdtemp(prefix='reeve-zabbix.')
os.chmod(work, 0o755)
log = open(f'{work}/log', 'w')
said = lambda: open(log.name, errors='replace').read()[-1500:]
running = []


def free_port():
    """Zabbix takes none above 32767."""
    for port in random.sample(range(20000, 32000), 100):
        try:
            with socket.create_server(('127.0.0.1', port)):
                return port
        except OSError:
            pass


def start(*argv, **kw):
    running.append(subprocess.Popen(argv, stdout=log, stderr=log, stdin=subprocess.DEVNULL, **kw))
    return running[-1]


def write(name, text):
    with open(f'{work}/{name}', 'w') as f:
        f.write(text)
    return f'{work}/{name}'


def by_agent():
    """The ways that docs/monitoring.md names for a host that has Zabbix' own agent."""
    agent, port = Agent(), free_port()
    conf = write('agentd.conf', f'''Server=127.0.0.1
ListenIP=127.0.0.1
ListenPort={port}
Hostname=test
LogType=console
PidFile={work}/agentd.pid
AllowRoot=1
Timeout=10
UserParameter=reeve.json[*],{BUILD}/bin/reeve metrics $1 --format json
UserParameter=reeve.discovery[*],{BUILD}/bin/reeve metrics $1 --property $2 --format discovery
''')
    start('zabbix_agentd', '-f', '-c', conf, env=dict(os.environ, REEVE_SOCKET=agent.path))

    def get(key):
        return subprocess.run(['zabbix_get', '-s', '127.0.0.1', '-p', str(port), '-t', '20', '-k', key], capture_output=True, text=True, timeout=30).stdout
    case('zabbix_get: the agent answers', until(lambda: get('agent.ping').strip() == '1'), said())
    document = json.loads(get('reeve.json[Mount OperatingSystem]') or '{}')
    case('zabbix_get: objects', any(m['Name'] == '/' for m in document.get('Mount', [])) and document['OperatingSystem'] and document['Errors'] == [], str(document)[:300])
    found = json.loads(get('reeve.discovery[Mount,"Name,FileSystem"]') or '[]')
    case('zabbix_get: discovery', any(x.get('{#NAME}') == '/' and x.get('{#FILESYSTEM}') for x in found), str(found)[:300])
    document = json.loads(get('reeve.json[Nix Mount]') or '{}')
    case('zabbix_get: what cannot be read is told', document.get('Mount') and document['Errors'][0]['Class'] == 'Nix', document)
    case('zabbix_get: nothing can be read', 'no class Nix' in get('reeve.json[Nix]'), get('reeve.json[Nix]'))
    agent.stop()


PG = '/usr/lib/postgresql/15/bin'
SQL = '/usr/share/zabbix-server-pgsql'


def database():
    """A PostgreSQL of our own, reached by a socket in the folder, with Zabbix' tables."""
    os.mkdir(f'{work}/pg')
    shutil.chown(f'{work}/pg', 'postgres')
    as_postgres = ['runuser', '-u', 'postgres', '--']
    subprocess.run([*as_postgres, f'{PG}/initdb', '-D', f'{work}/pg/data', '-A', 'trust', '-E', 'UTF8', '--no-sync'], check=True, stdout=log, stderr=log, cwd='/')
    start(*as_postgres, f'{PG}/postgres', '-D', f'{work}/pg/data', '-k', f'{work}/pg', '-c', 'listen_addresses=', '-c', 'fsync=off', cwd='/')
    sql = [*as_postgres, 'psql', '-q', '-h', f'{work}/pg', '-v', 'ON_ERROR_STOP=1']
    until(lambda: subprocess.run([*sql, '-c', 'SELECT 1'], stdout=log, stderr=log, cwd='/').returncode == 0)
    subprocess.run([*sql, '-c', 'CREATE DATABASE zabbix'], check=True, stdout=log, stderr=log, cwd='/')
    feed = f'(echo "BEGIN;"; zcat {SQL}/schema.sql.gz {SQL}/images.sql.gz {SQL}/data.sql.gz | grep -vE "^(BEGIN|COMMIT|START)"; echo "COMMIT;")'
    return subprocess.run(['sh', '-c', f'{feed} | runuser -u postgres -- psql -q -h {work}/pg -v ON_ERROR_STOP=1 zabbix'], stdout=log, stderr=log, cwd='/').returncode == 0


class Api:
    def __init__(self, port):
        self.url, self.token, self.id = f'http://127.0.0.1:{port}/api_jsonrpc.php', None, 0

    def call(self, method, params):
        self.id += 1
        body = dict({'jsonrpc': '2.0', 'id': self.id, 'method': method, 'params': params}, **({'auth': self.token} if self.token else {}))
        request = urllib.request.Request(self.url, json.dumps(body).encode(), {'Content-Type': 'application/json-rpc'})
        with urllib.request.urlopen(request, timeout=30) as r:
            answer = json.load(r)
        if 'error' in answer:
            raise RuntimeError(f'{method}: {answer["error"]}')
        return answer['result']

    def log_in(self):
        try:
            self.token = self.call('user.login', {'username': 'Admin', 'password': 'zabbix'})
        except (OSError, ValueError):
            return False
        return True


def by_server():
    if os.geteuid() or not all(map(os.path.exists, (f'{PG}/initdb', f'{SQL}/schema.sql.gz', '/usr/share/zabbix/api_jsonrpc.php'))) or not shutil.which('php'):
        case.skip('a Zabbix server', 'needs root, zabbix-server-pgsql, zabbix-frontend-php, postgresql, php-pgsql (tests/deps.sh zabbix)')
        return
    host = Host(config='[ssh]\nalgorithms = compat\n')
    try:
        if not database():
            case('the database', False, said())
            return
        os.mkdir(f'{work}/keys')
        for end, to in (('', 'id_ed25519'), ('.pub', 'id_ed25519.pub')):
            shutil.copy(host.key + end, f'{work}/keys/{to}')
        server, web = free_port(), free_port()
        conf = write('server.conf', f'''DBHost={work}/pg
DBName=zabbix
DBUser=postgres
ListenIP=127.0.0.1
ListenPort={server}
LogType=console
PidFile={work}/server.pid
SocketDir={work}
AllowRoot=1
CacheUpdateFrequency=1
StartPollers=2
Timeout=15
SSHKeyLocation={work}/keys
''')
        os.mkdir(f'{work}/etc')
        write('etc/zabbix.conf.php', f"<?php $DB['TYPE'] = 'POSTGRESQL'; $DB['SERVER'] = '{work}/pg'; $DB['PORT'] = '0'; $DB['DATABASE'] = 'zabbix'; $DB['USER'] = 'postgres'; "
              f"$DB['PASSWORD'] = ''; $DB['SCHEMA'] = ''; $DB['ENCRYPTION'] = false; $DB['DOUBLE_IEEE754'] = true; $ZBX_SERVER = '127.0.0.1'; $ZBX_SERVER_PORT = '{server}'; "
              "$ZBX_SERVER_NAME = ''; $IMAGE_FORMAT_DEFAULT = IMAGE_FORMAT_PNG;\n")
        start('zabbix_server', '-f', '-c', conf)
        start('unshare', '-m', 'sh', '-c', f'mount --bind {work}/etc /etc/zabbix && exec php -d max_execution_time=300 -S 127.0.0.1:{web} -t /usr/share/zabbix')
        api = Api(web)
        case('log in', until(api.log_in, 60), said())
        watch(api, host)
    finally:
        host.stop()


def watch(api, host):
    every = {'createMissing': True, 'updateExisting': True}
    rules = {'templates': every, 'items': every, 'discoveryRules': every, 'groups': every, 'triggers': every, 'valueMaps': every}
    template = open(f'{TOP}/clients/zabbix/reeve.yaml').read()
    try:
        imported = api.call('configuration.import', {'format': 'yaml', 'source': template, 'rules': rules})
    except RuntimeError as e:
        case('the template is imported', False, e)
        return
    case('the template is imported', imported is True, imported)
    template_id = api.call('template.get', {'filter': {'host': 'reeve'}})[0]['templateid']
    group = api.call('hostgroup.create', {'name': 'reeve test'})['groupids'][0]
    made = api.call('host.create', {'host': 'web1', 'groups': [{'groupid': group}], 'templates': [{'templateid': template_id}],
                                    'interfaces': [{'type': 1, 'main': 1, 'useip': 1, 'ip': '127.0.0.1', 'dns': '', 'port': '10050'}],
                                    'macros': [{'macro': '{$REEVE.USER}', 'value': getpass.getuser()}, {'macro': '{$REEVE.PORT}', 'value': str(host.port)}]})['hostids'][0]
    items = lambda: {i['key_']: i for i in api.call('item.get', {'hostids': [made], 'output': ['key_', 'lastvalue', 'lastclock', 'state', 'error', 'name']})}
    master = next(i for k, i in items().items() if k.startswith('ssh.run'))
    now = lambda: api.call('task.create', [{'type': 6, 'request': {'itemid': master['itemid']}}])

    def discovered():
        got = items()
        if 'reeve.mount.free[/]' not in got or got['reeve.mount.free[/]']['lastclock'] == '0':
            try:
                now()
            except RuntimeError:
                pass    # the server has not seen the host yet
            time.sleep(2)
            return False
        return True
    case('file systems are found and have values', until(discovered, 100),
         ({k: (i['lastvalue'], i['error']) for k, i in items().items()}, api.call('discoveryrule.get', {'hostids': [made], 'output': ['key_', 'state', 'error']}), said()))
    got = items()
    stat = os.statvfs('/')
    free = int(got.get('reeve.mount.free[/]', {}).get('lastvalue') or 0)
    case('the value is the value', abs(free - stat.f_bavail * stat.f_frsize) < 2 << 30, (free, stat.f_bavail * stat.f_frsize))
    case('load and memory', float(got['reeve.load1']['lastvalue']) >= 0 and int(got['reeve.memory.free']['lastvalue']) > 1 << 20, got)
    case('no class failed', got['reeve.errors']['lastvalue'] == '0', got['reeve.errors'])
    case('no item is unsupported', not [i['key_'] for i in got.values() if i['state'] != '0'], {k: i['error'] for k, i in got.items()})


try:
    by_agent()
    by_server()
finally:
    for p in reversed(running):
        p.terminate()
        try:
            p.wait(20)
        except subprocess.TimeoutExpired:
            p.kill()
            p.wait()
    shutil.rmtree(work, ignore_errors=True)
case.end()
