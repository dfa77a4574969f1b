#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""clients/ansible by a real ansible-core over SSH into reeved: check mode, diff, facts, batches, errors, documentation, inventory."""
import json, os, shutil, socket, subprocess, sys, tempfile, time
sys.path.insert(0, os.path.dirname(__file__))
from agentlib import Cases
from sshhost import Host

TOP = os.path.abspath(os.path.join(os.path.dirname(__file__), '..', '..'))
if not shutil.which('ansible-playbook'):
    print('SKIP no ansible-playbook (Debian: ansible-core)')
    sys.exit(77)
case = Cases()
work = tempfile.mkdtemp(prefix='reeve-ansible.')
os.makedirs(f'{work}/ansible_collections/reeve')
os.symlink(f'{TOP}/clients/ansible', f'{work}/ansible_collections/reeve/core')
real, modes = Host(), Host('tests/bin/reeve-agent-modes')
# The peer of the times: a stock OpenSSH server, whose shells have no start-up files.
sshd = None
if os.path.exists('/usr/sbin/sshd'):
    with socket.create_server(('127.0.0.1', 0)) as s:
        port = s.getsockname()[1]
    subprocess.run(['ssh-keygen', '-q', '-t', 'ed25519', '-N', '', '-f', f'{work}/hostkey'], check=True)
    shutil.copy(real.key + '.pub', f'{work}/authorized')
    os.makedirs('/run/sshd', exist_ok=True) if os.geteuid() == 0 else None
    os.mkdir(f'{work}/home')
    sshd = subprocess.Popen(['/usr/sbin/sshd', '-D', '-f', '/dev/null', '-p', str(port), '-o', 'ListenAddress=127.0.0.1', '-o', f'HostKey={work}/hostkey', '-o', 'UsePAM=no', '-o', 'StrictModes=no',
                             '-o', f'AuthorizedKeysFile={work}/authorized', '-o', 'PidFile=none', '-o', f'SetEnv=HOME={work}/home'], stderr=subprocess.DEVNULL)
with open(f'{work}/hosts', 'w') as f:
    if sshd:
        f.write(f"stock ansible_host=127.0.0.1 ansible_port={port} ansible_ssh_private_key_file={real.key} ansible_python_interpreter=/usr/bin/python3 "
                "ansible_ssh_common_args='-F /dev/null -oStrictHostKeyChecking=no -oUserKnownHostsFile=/dev/null -oLogLevel=ERROR'\n")
    for name, h in (('real', real), ('modes', modes)):
        f.write(f"{name} ansible_host=reeve-{h.port} ansible_ssh_common_args='-F {h.config}'\n")
    f.write(f"nopython ansible_host=reeve-{real.port} ansible_python_interpreter=/nonexistent/python ansible_ssh_common_args='-F {real.config}'\n")
    f.write("dead ansible_host=127.0.0.1 ansible_port=1\nlocal ansible_connection=local reeve_rpc_command='reeve-is-not-here rpc'\n")
os.mkdir(f'{work}/callback')
with open(f'{work}/callback/lines.py', 'w') as f:     # each result as a line of JSON
    f.write('''
import json
from ansible.plugins.callback import CallbackBase
class CallbackModule(CallbackBase):
    CALLBACK_VERSION, CALLBACK_TYPE, CALLBACK_NAME = 2.0, "stdout", "lines"
    def say(self, result, **more):
        print("RESULT " + json.dumps(dict(result._result, **more), default=str))
    def v2_runner_on_ok(self, result):
        self.say(result)
    def v2_runner_on_failed(self, result, ignore_errors=False):
        self.say(result, failed=True)
    def v2_runner_on_skipped(self, result):
        self.say(result, skipped=True)
    def v2_runner_on_unreachable(self, result):
        self.say(result, unreachable=True)
''')
ENV = dict(os.environ, ANSIBLE_COLLECTIONS_PATH=work, ANSIBLE_STDOUT_CALLBACK='lines', ANSIBLE_CALLBACK_PLUGINS=f'{work}/callback', ANSIBLE_LOCAL_TEMP=f'{work}/tmp', ANSIBLE_NOCOLOR='1',
           ANSIBLE_SSH_CONTROL_PATH_DIR=f'{work}/cp', ANSIBLE_RETRY_FILES_ENABLED='0', ANSIBLE_LOCALHOST_WARNING='0', HOME=work, LC_ALL='C.UTF-8')
ENV.pop('REEVE_SOCKET', None)


def play(host, *tasks, args=()):
    """The tasks' results on that host, in their order."""
    path = f'{work}/play.yml'
    json.dump([{'hosts': host, 'gather_facts': False, 'tasks': list(tasks)}], open(path, 'w'))
    r = subprocess.run(['ansible-playbook', '-i', f'{work}/hosts', *args, path], env=ENV, capture_output=True, text=True, timeout=100)
    results = [json.loads(line[7:]) for line in r.stdout.splitlines() if line.startswith('RESULT ')]
    return results + [{'broken': r.stdout + r.stderr}] * (len(tasks) - len(results))


def item(amount, **more):
    return {'reeve.core.instance': dict({'class_name': 'T_Item', 'keys': {'Name': 'fig'}, 'properties': {'Amount': amount}}, **more), 'ignore_errors': True}


# ---- instance: check, diff, twice ----
r = play('modes', item(3), args=('--check', '--diff'))[0]
case('check mode tells', r.get('changed') is True and r.get('changes'), r)
r = play('modes', item(3), item(3), item(5), item(5, state='absent'), item(666))
case('made', r[0].get('changed') is True and not r[0].get('failed'), r[0])
case('twice changes nothing', r[1].get('changed') is False and not r[1].get('failed'), r[1])
case('diff', r[2].get('diff') == {'before': 'Amount: 3\n', 'after': 'Amount: 5\n'}, r[2])
case('absent', r[3].get('changed') is True and not r[3].get('failed'), r[3])
case('a failure is told', r[4].get('failed') and 'never 666' in r[4].get('msg', '') and r[4]['reeve']['status'] == 'FAILED', r[4])

# ---- batch ----
batch = lambda *resources, **more: {'reeve.core.batch': dict({'resources': list(resources)}, **more), 'ignore_errors': True}
fig = {'name': 'fig', 'class_name': 'T_Item', 'keys': {'Name': 'fig'}, 'properties': {'Amount': 1}, 'depends_on': ['kiwi']}
kiwi = {'name': 'kiwi', 'class_name': 'T_Item', 'keys': {'Name': 'kiwi'}, 'properties': {'Amount': 2}}
bad = {'name': 'bad', 'class_name': 'T_Item', 'keys': {'Name': 'bad'}, 'properties': {'Amount': 666}}
r = play('modes', batch(fig, kiwi), batch(fig, kiwi), batch(dict(kiwi, properties={'Amount': 9}), bad, on_failure='roll_back'), batch(kiwi))
case('batch', r[0].get('changed') and [(x['Name'], x['Status']) for x in r[0].get('resources', [])] == [('kiwi', 'Changed'), ('fig', 'Changed')], r[0])
case('batch again', r[1].get('changed') is False and not r[1].get('failed'), r[1])
case('batch rolled back', r[2].get('failed') and 'kiwi: RolledBack' in r[2].get('msg', '') and 'bad: Failed' in r[2]['msg'], r[2])
case('it was as before', r[3].get('changed') is False and not r[3].get('failed'), r[3])

# ---- facts ----
r = play('real', {'reeve.core.facts': {'classes': ['OperatingSystem']}})[0]
facts = r.get('ansible_facts', {})
case('facts', facts.get('ansible_kernel') == os.uname().release and 'lo' in facts.get('ansible_interfaces', []) and facts.get('ansible_mounts')
     and facts.get('ansible_system') == 'Linux', str(r)[:600])
case('facts of a class', facts.get('reeve', {}).get('OperatingSystem', [{}])[0].get('KernelRelease') == os.uname().release, str(facts)[:300])
memory = int(open('/proc/meminfo').readline().split()[1]) // 1024
case('memory', abs(facts.get('ansible_memtotal_mb', 0) - memory) <= 1, (facts.get('ansible_memtotal_mb'), memory))
r = play('real', {'reeve.core.facts': {'classes': ['Nix']}, 'ignore_errors': True})[0]
case('facts of an unknown class', r.get('failed') and 'Nix' in str(r.get('missing')), str(r)[:300])

# ---- command ----
command = lambda **args: {'reeve.core.command': args, 'ignore_errors': True}
r = play('real', command(argv=['printf', '%s|', 'a b', "c'd"]), command(cmd='sh -c "exit 3"'), command(cmd='touch x', creates='/'),
         command(cmd='cat', stdin='hello'), command(cmd='pwd', chdir='/usr'))
case('command', r[0].get('stdout') == "a b|c'd|" and r[0].get('rc') == 0, r[0])
case('its status', r[1].get('failed') and r[1].get('rc') in (1, 3), r[1])
case('creates', r[2].get('changed') is False, r[2])
case('stdin', r[3].get('stdout') == 'hello', r[3])
case('chdir', r[4].get('stdout') == '/usr', r[4])
r = play('real', command(cmd='touch /nonexistent/x'), args=('--check',))[0]
case('command in check mode', r.get('skipped') and not r.get('failed'), r)

# ---- files ----
def file(path, **a):
    return {'reeve.core.file': dict(a, path=f'{work}/there/{path}'), 'ignore_errors': True}


os.mkdir(f'{work}/files')
with open(f'{work}/files/motd', 'w') as f:
    f.write('hello ä\n')
there = [{'reeve.core.file': {'path': f'{work}/there', 'state': 'directory', 'mode': '0750'}}, file('a', content='x\n', mode='600'),
         file('b', src='motd'), file('l', target='a')]
r = play('real', *there[:1], args=('--check', '--diff'))
case('files: check', r[0].get('changed') and not os.path.exists(f'{work}/there'), r)
r = play('real', *there)
case('files: made', all(x.get('changed') and not x.get('failed') for x in r) and open(f'{work}/there/b').read() == 'hello ä\n' and os.readlink(f'{work}/there/l') == 'a'
     and [os.stat(f'{work}/there/{n}').st_mode & 0o7777 for n in ('', 'a')] == [0o750, 0o600], r)
r = play('real', *there)
case('files: again nothing', all(x.get('changed') is False and not x.get('failed') for x in r), r)
r = play('real', file('a', content='y\n', mode='0640'), args=('--check', '--diff'))[0]
case('files: diff', r.get('diff') == {'before': 'Content: x\n\nMode: 0600\n', 'after': 'Content: y\n\nMode: 0640\n'} and open(f'{work}/there/a').read() == 'x\n', r)
r = play('real', file('a', mode='420x'), file('a', state='directory'), file('no/x', content=''), file('a', owner='no-such-user'))
case('files: what is wrong is told', all(x.get('failed') for x in r) and 'octal' in r[0]['msg'] and 'does not become' in r[1]['msg'] and 'no folder' in r[2]['msg'] and 'no such user' in r[3]['msg'], r)
gone = {'reeve.core.file': {'path': f'{work}/there', 'state': 'absent', 'recurse': True}}
r = play('real', file('l', state='absent'), file('l', state='absent'), gone, gone)
case('files: removed', [x.get('changed') for x in r] == [True, False, True, False] and not os.path.exists(f'{work}/there'), r)

# ---- packages: nothing is installed or removed here, only told ----
if shutil.which('dpkg'):
    package = lambda **a: {'reeve.core.package': a, 'ignore_errors': True}
    r = play('real', package(name=['dpkg', 'libc6']), package(name='reeve-no-such-package'), args=('--check',))
    case('packages that are there', r[0].get('changed') is False and not r[0].get('failed'), r[0])
    case('one that does not exist', r[1].get('failed'), r[1])

# ---- what goes wrong ----
r = play('dead', item(1))[0]
case('a dead host', r.get('unreachable') and 'refused' in r.get('msg', ''), r)
r = play('local', item(1))[0]
case('a host without reeve', r.get('failed') and 'not installed' in r.get('msg', ''), r)
r = play('modes', {'reeve.core.service': {'name': 'x'}, 'ignore_errors': True}, {'reeve.core.service': {'name': 'x', 'state': 'odd'}, 'ignore_errors': True},
         {'reeve.core.instance': {'class_name': 'Nix', 'keys': {}}, 'ignore_errors': True})
case('service without a state', r[0].get('failed') and 'state' in r[0].get('msg', ''), r[0])
case('a wrong argument', r[1].get('failed') and 'started' in r[1].get('msg', ''), r[1])
case('an unknown class', r[2].get('failed') and 'Nix' in r[2].get('msg', ''), r[2])

# ---- documentation, inventory ----
for name in ('file', 'container', 'service', 'instance', 'user', 'package', 'command', 'facts', 'batch'):
    r = subprocess.run(['ansible-doc', '-t', 'module', f'reeve.core.{name}', '-j'], env=ENV, capture_output=True, text=True, timeout=60)
    doc = json.loads(r.stdout or '{}').get(f'reeve.core.{name}', {}).get('doc', {})
    case(f'ansible-doc {name}', doc.get('options') and doc.get('attributes', {}).get('check_mode'), r.stderr[-300:])
with open(f'{work}/x.reeve.yml', 'w') as f:
    json.dump({'plugin': 'reeve.core.hosts', 'hosts': ['reeve-host', 'nowhere.invalid'], 'ssh': ['ssh', '-F', real.config, '-oBatchMode=yes'],
               'keyed_groups': [{'key': 'reeve_os.OSArchitecture', 'prefix': 'arch'}]}, f)
r = subprocess.run(['ansible-inventory', '-i', f'{work}/x.reeve.yml', '--list'], env=dict(ENV, ANSIBLE_INVENTORY_ENABLED='reeve.core.hosts'), capture_output=True, text=True, timeout=60)
groups = json.loads(r.stdout or '{}')
case('inventory', groups.get('arch_' + os.uname().machine, {}).get('hosts') == ['reeve-host'] and groups.get('reeve_unreachable', {}).get('hosts') == ['nowhere.invalid'], r.stdout[-400:] + r.stderr[-400:])

# ---- time beside the stock command, no Python on the host ----
def timed(host, task, n=8):
    begin = time.monotonic()
    r = play(host, *[task] * n)
    took = time.monotonic() - begin
    case(f'timed: {list(task)[0]}', len(r) == n and not any(x.get('failed') or x.get('broken') or x.get('unreachable') for x in r), r[-1])
    return took


r = play('nopython', {'reeve.core.facts': {}}, {'reeve.core.command': {'cmd': 'true'}}, {'reeve.core.file': {'path': f'{work}/np', 'content': 'x'}},
         {'reeve.core.file': {'path': '/', 'state': 'directory'}}, {'ansible.builtin.command': {'cmd': 'true'}, 'ignore_errors': True})
case('no Python on the host, and none is missed', not any(x.get('failed') for x in r[:4]) and r[4].get('failed'), r)
if not sshd:
    case.skip('the time of a task beside ansible.builtin.command', 'no sshd (Debian: openssh-server)')
else:     # the less of two rounds each: other load only adds
    figures = [(timed('real', {'ansible.builtin.debug': {'msg': 'x'}}), timed('real', {'reeve.core.file': {'path': '/', 'state': 'directory'}}),
                timed('stock', {'ansible.builtin.command': {'cmd': 'true'}})) for _ in range(2)]
    base, ours, stock = (min(f[i] for f in figures) for i in range(3))
    ratio = max(ours - base, 0) / (stock - base)
    print(f'8 tasks: debug {base:.2f} s, reeve {ours:.2f} s, ansible.builtin.command {stock:.2f} s; less the controller: {ratio:.2f}')
    case('a quarter of the stock command at most', ratio <= 0.25, (base, ours, stock))
    sshd.terminate()
    sshd.wait()
for h in (real, modes):
    h.stop()
shutil.rmtree(work)
case.end()
