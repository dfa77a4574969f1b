#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""InSpec profiles over train-reeve: one that passes and one that fails, both by a real InSpec on a host that needs no Ruby.
InSpec 5 (`tests/deps.sh gems` puts it into build/gems; later ones want a licence key)."""
import getpass, glob, json, os, shutil, socket, subprocess, sys, tempfile
sys.path.insert(0, os.path.dirname(__file__))
from agentlib import Cases
from sshhost import Host

TOP = os.path.abspath(os.path.join(os.path.dirname(__file__), '..', '..'))
GEMS = os.environ.get('REEVE_GEMS', f'{TOP}/build/gems')
if not shutil.which('ruby') or not glob.glob(f'{GEMS}/gems/inspec-core-5.*'):
    print('SKIP no inspec-core 5 (tests/deps.sh gems)')
    sys.exit(77)
case = Cases()
host = Host()
work = tempfile.mkdtemp(prefix='reeve-inspec.')
listener = socket.create_server(('127.0.0.1', 0))
port = listener.getsockname()[1]
with socket.create_server(('127.0.0.1', 0)) as s:
    unused = s.getsockname()[1]
with open(f'{work}/config', 'w') as f:
    json.dump({'file_version': '1.1', 'credentials': {'reeve': {'web': {'host': 'reeve-host', 'ssh_config': host.config}}}}, f)
with open(f'{work}/there', 'w') as f:
    f.write('Port 22\n')
os.chmod(f'{work}/there', 0o640)
ENV = dict(os.environ, HOME=work, CHEF_LICENSE='accept-no-persist', GEM_HOME=GEMS, GEM_PATH=GEMS, RUBYOPT='-W0', LC_ALL='C.UTF-8',
           RUBYLIB=f'{TOP}/clients/ruby/lib:{TOP}/clients/train-reeve/lib')


def profile(name, text):
    """The status of InSpec and each control's result: {title: 'passed' or 'failed'}."""
    os.makedirs(f'{work}/{name}/controls')
    with open(f'{work}/{name}/inspec.yml', 'w') as f:
        f.write(f'name: {name}\nversion: 0.1.0\n')
    with open(f'{work}/{name}/controls/all.rb', 'w') as f:
        f.write(text)
    r = subprocess.run(['ruby', '-e', 'require "inspec"; require "inspec/cli"; Inspec::InspecCLI.start(ARGV)', 'exec', f'{work}/{name}', '--reporter', 'json', '--config', f'{work}/config',
                        '-t', 'reeve://web'], env=ENV, cwd=work, capture_output=True, text=True, timeout=100, stdin=subprocess.DEVNULL)
    try:
        report = json.loads(r.stdout[r.stdout.index('{'):])
        got = {x['code_desc']: x['status'] for p in report['profiles'] for c in p['controls'] for x in c.get('results', [])}
        return r.returncode, got, report['platform'], r.stderr
    except ValueError:
        return r.returncode, {}, {}, r.stdout[-800:] + r.stderr[-1500:]


def check(good):
    say = '' if good else '_not'
    return f'''
describe file('{work}/there') do
  it {{ should{say} be_file }}
  its('mode') {{ should{say} cmp '0640' }}
  its('content') {{ should{say} match(/^Port 22$/) }}
end
describe(user('{getpass.getuser()}')) {{ it {{ should{say} exist }} }}
describe(package('dpkg')) {{ it {{ should{say} be_installed }} }}
describe(package('reeve-no-such-package')) {{ it {{ should{'_not' if good else ''} be_installed }} }}
describe(port({port})) {{ it {{ should{say} be_listening }} }}
describe(port({unused})) {{ it {{ should{'_not' if good else ''} be_listening }} }}
describe(processes('reeved')) {{ it {{ should{say} exist }} }}
describe(service('reeve-no-such-service')) {{ it {{ should{'_not' if good else ''} be_running }} }}
describe(os) {{ its('family') {{ should{say} eq 'debian' }} }}
describe(command('printf %s "a b"')) {{ its('stdout') {{ should{say} eq 'a b' }} }}
'''


try:
    rc, got, platform, said = profile('good', check(True))
    case('a profile that passes', rc == 0 and len(got) == 12 and set(got.values()) == {'passed'}, (rc, got, said))
    case('on the platform that the agent names', platform.get('name') == 'debian', platform)
    rc, got, platform, said = profile('bad', check(False))
    case('a profile that fails, in each of its checks', rc == 100 and len(got) == 12 and set(got.values()) == {'failed'}, (rc, got, said))
finally:
    host.stop()
    listener.close()
    shutil.rmtree(work)
case.end()
