#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""clients/chef and clients/train-reeve: the generated cookbook by a real chef-client (converge twice, why-run, target mode), the Ohai
plugin by a real ohai, the transport under a real train."""
import json, os, re, shutil, subprocess, sys, tempfile
sys.path.insert(0, os.path.dirname(__file__))
from agentlib import Agent, Cases, BUILD
from sshhost import Host

TOP = os.path.abspath(os.path.join(os.path.dirname(__file__), '..', '..'))
case = Cases()
if not shutil.which('ruby'):
    print('SKIP no ruby')
    sys.exit(77)
work = tempfile.mkdtemp(prefix='reeve-chef.')
modes, real, remote = Agent('tests/bin/reeve-agent-modes'), Host(), Host('tests/bin/reeve-agent-modes')
LIB = f'{TOP}/clients/ruby/lib:{TOP}/clients/train-reeve/lib'
ENV = dict(os.environ, HOME=work, CHEF_LICENSE='accept-no-persist', RUBYOPT='-W0', RUBYLIB=LIB, LC_ALL='C.UTF-8', REEVE_SOCKET=real.socket,
           PATH=os.path.abspath(f'{BUILD}/bin') + ':' + os.environ['PATH'])


def run(*argv, **kw):
    r = subprocess.run(argv, env=ENV, cwd=work, capture_output=True, text=True, timeout=100, stdin=subprocess.DEVNULL, **kw)
    return r.returncode, r.stdout + r.stderr


def has(code):
    return run('ruby', '-e', code)[0] == 0


# ---- the cookbook ----
book = f'{work}/cookbooks/reeve'
rc, out = run('ruby', f'{TOP}/clients/chef/generate.rb', book, modes.path)
case('a resource for each class that can be changed', rc == 0 and 'reeve_t_item' in out, out)
rc, out = run('ruby', f'{TOP}/clients/chef/generate.rb', f'{work}/real', real.socket)
case('and of the real agent', rc == 0 and {'reeve_service', 'reeve_local_user'} <= set(out.split()), out)
bad = [f for d in (book, f'{work}/real') for p, _, fs in os.walk(d) for f in fs if run('ruby', '-c', os.path.join(p, f))[0]]
case('all of it is Ruby', not bad, bad)
text = open(f'{work}/real/resources/service.rb').read()
case('states as choices, methods as actions', re.search(r'property :state, String, equal_to: \["Stopped", .*"Running"', text) and 'action :restart,' in text, text[:500])

if shutil.which('chef-client'):
    os.makedirs(f'{work}/cookbooks/demo/recipes')
    open(f'{work}/cookbooks/demo/metadata.rb', 'w').write("name 'demo'\nversion '0.1.0'\ndepends 'reeve'\n")
    recipe = lambda text: open(f'{work}/cookbooks/demo/recipes/default.rb', 'w').write(text)
    open(f'{work}/client.rb', 'w').write(f"local_mode true\nchef_repo_path '{work}'\ncookbook_path '{work}/cookbooks'\nfile_cache_path '{work}/cache'\n"
                                         f"cache_path '{work}/cache'\nfile_backup_path '{work}/backup'\nnode_path '{work}/nodes'\nnode_name 'here'\nlog_level :warn\n")
    json.dump({'reeve': {'agent': modes.path}}, open(f'{work}/attributes.json', 'w'))
    chef = lambda *more: run('chef-client', '-z', '-c', f'{work}/client.rb', '-j', f'{work}/attributes.json', '-o', 'recipe[demo]', '--minimal-ohai', *more)
    item = lambda: modes.call('GetInstance', {'ClassName': 'T_Item', 'InstanceName': {'Name': 'fig'}, 'PropertyList': ['Colour', 'Amount']}).get('result')
    recipe("reeve_t_item 'fig' do\n  amount 3\n  colour 'red'\n  password 'hunter2'\nend\nreeve_t_item 'old' do\n  action :remove\nend\n")
    rc, out = chef('--why-run')
    case('why-run tells and does nothing', rc == 0 and 'Would create fig' in out and '1/2 resources would have been updated' in out and item() is None, out[-1500:])
    rc, out = chef()
    case('converged', rc == 0 and '1/2 resources updated' in out and item() == {'Colour': 'red', 'Amount': 3}, out[-1500:])
    case('a secret is not shown', 'hunter2' not in out)
    rc, out = chef()
    case('the second run updates nothing', rc == 0 and '0/2 resources updated' in out, out[-1500:])
    recipe("reeve_t_item 'fig' do\n  amount 4\nend\n")
    rc, out = chef()
    case('a change', rc == 0 and re.search(r'set amount to 4 \(was 3\)', out) and item() == {'Colour': 'red', 'Amount': 4}, out[-1500:])
    recipe("reeve_t_item 'fig' do\n  action :remove\nend\n")
    rc, out = chef()
    case('removed', rc == 0 and '1/1 resources updated' in out and item() is None, out[-1500:])
    recipe("reeve_t_item 'fig' do\n  amount 666\nend\n")
    rc, out = chef()
    case('a failure is told', rc != 0 and 'there are never 666' in out, out[-1500:])
    recipe("reeve_t_item 'fig' do\n  colour 'pink'\nend\n")
    rc, out = chef()
    case('a value that does not fit is found before', rc != 0 and 'must be equal to' in out, out[-1500:])
    # target mode: nothing of Chef on the host
    os.makedirs(f'{work}/.chef')
    open(f'{work}/.chef/credentials', 'w').write(f"['reeve-host']\ntransport_protocol = 'reeve'\nhost = 'reeve-host'\nssh_config = '{remote.config}'\n")
    recipe("reeve_t_item 'fig' do\n  amount 3\nend\n")
    for i, want in enumerate(('1/1', '0/1')):
        rc, out = run('chef-client', '-z', '-c', f'{work}/client.rb', '-o', 'recipe[demo]', '--target', 'reeve-host')
        case(f'target mode, run {i + 1}', rc == 0 and f'{want} resources updated' in out, out[-2500:])
else:
    case.skip('converge by chef-client', 'no chef-client (gem install chef-bin -v "~> 18")')

# ---- Ohai ----
if shutil.which('ohai'):
    rc, out = run('ohai', '-d', f'{TOP}/clients/chef/ohai', '-l', 'fatal', 'reeve')
    try:
        facts = json.loads(out[out.index('{'):])
    except ValueError:
        facts = {}
    facts = facts.get('reeve', facts)
    case('ohai reeve', facts.get('OperatingSystem', {}).get('KernelRelease') == os.uname().release and any(m['Name'] == '/' for m in facts.get('Mount', [])), out[:600])
else:
    case.skip('ohai', 'not installed (Debian: ohai)')

# ---- train ----
if has('require "train"; require "minitest"'):
    ENV['REEVE_TEST_SSH'] = real.config
    rc, out = run('ruby', f'{TOP}/clients/train-reeve/test/test_train.rb')
    m = re.search(r'(\d+) runs, \d+ assertions, 0 failures, 0 errors, 0 skips', out)
    case('train-reeve under train', rc == 0 and m and int(m[1]) >= 11, out[-2500:])
else:
    case.skip('train-reeve', 'no train (Debian: ruby-train-core)')
for x in (modes, real, remote):
    x.stop()
shutil.rmtree(work)
case.end()
