# SPDX-License-Identifier: MIT
"""Chef's target mode and `ohai --target` on a booted machine of the lab, over train-reeve and over train's own SSH transport to a stock sshd: the
same client, recipe and host; wall time from start to end, Ruby's own start in both. Client and servers have real-time
priority, as if the machine did nothing else: load slows what computes (we), not what waits (train's ssh)."""
import json, os, shutil, subprocess, sys, tempfile, time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [os.path.join(os.path.dirname(HERE), 'lab'), os.path.join(os.path.dirname(HERE), 'integration')]
FEW = "log 'hello'\nexecute 'true'\nexecute 'touch /tmp/made' do\n  not_if 'test -e /tmp/made'\nend\nservice 'ssh' do\n  action :nothing\nend\n"
MANY = FEW + "196.times do |i|\n  execute \"touch /tmp/made.#{i}\" do\n    not_if \"test -e /tmp/made.#{i}\"\n  end\nend\n"


def write(path, text):
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, 'w') as f:
        f.write(text)


class Bench:
    def __init__(self, lab, root, work):
        self.lab, self.work = lab, work
        self.m = m = lab.machine('managed')
        subprocess.run(['ssh-keygen', '-q', '-t', 'ed25519', '-N', '', '-f', f'{work}/key'], check=True)
        subprocess.run(['ssh-keygen', '-q', '-t', 'ed25519', '-N', '', '-f', f'{m.share}/hostkey'], check=True)
        os.makedirs(f'{m.share}/keys.d')
        for to in ('keys.d/root.keys', 'authorized'):
            shutil.copy(f'{work}/key.pub', f'{m.share}/{to}')
        m.run('chown -R root: /lab/keys.d /lab/authorized /lab/hostkey; chmod 755 /lab; mkdir -p /run/sshd', check=True)
        quiet = {'stdin': subprocess.DEVNULL, 'stdout': subprocess.DEVNULL, 'stderr': subprocess.DEVNULL}
        environment = {'PATH': '/usr/sbin:/usr/bin:/sbin:/bin', 'HOME': '/root', 'LANG': 'C.UTF-8'}
        self.servers = [m.popen('/opt/reeve/bin/reeved', '--foreground', '--state', '/lab/reeved.state', '--socket', '/run/reeve-bench.sock', '--keys-dir', '/lab/keys.d',
                                '--listen', m.ip, '--ssh-port', '2222', env=environment, **quiet),
                        m.popen('/usr/sbin/sshd', '-D', '-f', '/dev/null', '-p', '2022', '-o', 'HostKey=/lab/hostkey', '-o', 'AuthorizedKeysFile=/lab/authorized',
                                '-o', 'StrictModes=no', '-o', 'UsePAM=no', '-o', 'PermitRootLogin=yes', '-o', 'PidFile=none', env=environment, **quiet)]
        write(f'{work}/ssh_config', f'Host managed\n HostName {m.ip}\n Port 2222\n User root\n IdentityFile {work}/key\n IdentitiesOnly yes\n StrictHostKeyChecking no\n'
              f' UserKnownHostsFile /dev/null\n LogLevel ERROR\n')
        write(f'{work}/.chef/credentials', f"['ours']\ntransport_protocol = 'reeve'\nhost = 'managed'\nssh_config = '{work}/ssh_config'\n\n"
              f"['stock']\ntransport_protocol = 'ssh'\nhost = '{m.ip}'\nport = 2022\nuser = 'root'\nkey_files = ['{work}/key']\n")
        write(f'{work}/cookbooks/demo/metadata.rb', "name 'demo'\nversion '0.1.0'\n")
        for name, text in (('few', FEW), ('many', MANY)):
            write(f'{work}/cookbooks/demo/recipes/{name}.rb', text)
        write(f'{work}/client.rb', ''.join(f"{key} '{work}/{to}'\n" for key, to in (('chef_repo_path', ''), ('cookbook_path', 'cookbooks'), ('file_cache_path', 'cache'),
              ('cache_path', 'cache'), ('file_backup_path', 'backup'), ('node_path', 'nodes'))) + "local_mode true\nnode_name 'here'\nlog_level :warn\n")
        self.env = dict(os.environ, HOME=work, CHEF_LICENSE='accept-no-persist', RUBYOPT='-W0', LC_ALL='C.UTF-8',
                        RUBYLIB=f'{root}/clients/ruby/lib:{root}/clients/train-reeve/lib')

    def run(self, *argv):
        begin = time.perf_counter()
        r = subprocess.run([*self.lab.enter('-n'), *argv], env=self.env, cwd=self.work, capture_output=True, text=True, stdin=subprocess.DEVNULL, timeout=200)
        return time.perf_counter() - begin, r

    def ohai(self, target):
        took, r = self.run('ohai', '--target', target, '-l', 'fatal')
        facts = json.loads(r.stdout[r.stdout.index('{'):])
        if facts.get('platform') != 'debian' or 'memory' not in facts:
            raise SystemExit(f'ohai: {r.stdout[:300]} {r.stderr[-300:]}')
        return took

    def chef(self, target, recipe='few'):
        took, r = self.run('chef-client', '-z', '-c', f'{self.work}/client.rb', '-o', f'recipe[demo::{recipe}]', '--target', target)
        if r.returncode or 'resources updated' not in r.stdout:
            raise SystemExit(f'chef-client: {r.stdout[-800:]} {r.stderr[-300:]}')
        return took

    def anew(self, target):
        self.m.run('rm -f /tmp/made*', check=True)
        return self.chef(target, 'many')


def run(root, row, rounds=2):
    """row(what, ours, peer, theirs, limit, unit): as in run.py."""
    import lablib
    if not shutil.which('ohai'):
        print('SKIP chef: no ohai (Debian: ohai)')
        return
    if os.geteuid() == 0:
        os.sched_setscheduler(0, os.SCHED_RR, os.sched_param(1))
    with lablib.Lab() as lab, tempfile.TemporaryDirectory(prefix='reeve-chef.') as work:
        bench = Bench(lab, root, work)
        try:
            kinds = [('`ohai --target`', bench.ohai, 0.1)] + ([('Chef target mode: a recipe of 4 resources', bench.chef, 0.125),
                                                                  ('Chef target mode: a recipe of 200 resources, nothing to do', lambda t: bench.chef(t, 'many'), 0.125),
                                                                  ('Chef target mode: the same, all to be made', bench.anew, 0.125)] if shutil.which('chef-client') else [])
            for what, measure, limit in kinds:
                took = [(measure('ours'), measure('stock')) for _ in range(rounds)]
                row(what, min(t[0] for t in took), 'the same over train-ssh to OpenSSH', min(t[1] for t in took), limit, 'ms wall')
        finally:
            for s in bench.servers:
                s.terminate()
            os.sched_setscheduler(0, os.SCHED_OTHER, os.sched_param(0))
