#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""clients/ansible by a real ansible-core over SSH into reeved: check mode, diff, facts, batches, errors, documentation, inventory."""
import json, os, shutil, subprocess, sys, tempfile, time
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
with open(f'{work}/hosts', 'w') as f:
    for name, h in (('real', real), ('modes', modes)):
        f.write(f"{name} ansible_host=reeve-{h.port} ansible_ssh_common_args='-F {h.config}'\n")
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
for name in ('service', 'instance', 'user', 'package', 'command', 'facts', 'batch'):
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
def timed(task, n=12):
    begin = time.monotonic()
    r = play('real', *[task] * n)
    return time.monotonic() - begin, r
base, _ = timed({'ansible.builtin.debug': {'msg': 'x'}})
ours, r = timed({'reeve.core.instance': {'class_name': 'Process', 'keys': {'ProcessId': 1}}, 'ignore_errors': True})
stock, r2 = timed({'ansible.builtin.command': {'cmd': 'true'}, 'ignore_errors': True})
print(f'12 tasks: debug {base:.2f} s, reeve {ours:.2f} s, ansible.builtin.command {stock:.2f} s')
case('no dearer than the stock command', ours < stock, (ours, stock))
for h in (real, modes):
    h.stop()
shutil.rmtree(work)
case.end()
