#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""A real Chef Infra Client converges a booted machine through the generated cookbook: a package, a user, files, a service, with
notifications, and a container of a real Docker Engine with its image, network and volume; why-run tells and does nothing, the second run updates
nothing, drift is mended."""
import json, os, re, shutil, subprocess, sys, tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(os.path.dirname(HERE), 'integration')]
import agentlib, lablib

check = agentlib.Cases()
if not shutil.which('chef-client') or not shutil.which('ruby'):
    lablib.skip("no chef-client (gem install chef-bin -v '~> 18')")
ARCHIVE = r'''
set -e
for i in $(seq 300); do docker version >/dev/null 2>&1 && break; sleep 0.1; done
mkdir -p /tmp/b/bin; cp /bin/busybox /tmp/b/bin/; ln -sf busybox /tmp/b/bin/sleep; tar -C /tmp/b -c . | docker import - bb:1 >/dev/null
rm -rf /srv/repo /tmp/d; mkdir -p /srv/repo /tmp/d/DEBIAN /tmp/d/etc; cd /srv/repo
printf 'Package: chefbait\nVersion: 1.0\nArchitecture: all\nMaintainer: Me <me@example.org>\nDescription: a test\n' > /tmp/d/DEBIAN/control
echo 1 > /tmp/d/etc/chefbait.default
dpkg-deb --build /tmp/d ./chefbait_1.0.deb >/dev/null
for f in *.deb; do dpkg-deb -f $f; echo "Filename: ./$f"; echo "Size: $(stat -c %s $f)"; echo "SHA256: $(sha256sum $f | cut -d' ' -f1)"; echo; done > Packages
echo 'deb [trusted=yes] file:/srv/repo ./' > /etc/apt/sources.list; rm -f /etc/apt/sources.list.d/*; apt-get update -qq
printf '[Service]\nExecStart=/bin/sleep infinity\n[Install]\nWantedBy=multi-user.target\n' > /etc/systemd/system/bait.service; systemctl daemon-reload
'''
RECIPE = r'''
reeve_package 'chefbait' do
  held true
end
reeve_local_user 'deploy' do
  full_name 'Deployer'
  shell '/bin/sh'
end
reeve_file '/srv/site' do
  type 'Directory'
  mode '0750'
  owner 'deploy'
end
reeve_file '/srv/site/conf' do
  content "listen = #{node['bait']['port']}\n"
  mode '0640'
  notifies :restart, 'reeve_service[bait]', :delayed
end
reeve_file '/srv/site/current' do
  target 'conf'
end
reeve_service 'bait' do
  state 'Running'
  start_mode 'Auto'
end
reeve_container_image 'bb:1'
reeve_container_network 'appnet' do
  labels({ 'for' => 'app' })
end
reeve_container_volume 'appdata'
reeve_container 'app' do
  image 'bb:1'
  state 'running'
  cmd ['/bin/sleep', '1000']
  environment ["PORT=#{node['bait']['port']}"]
  labels({ 'team' => 'chef' })
  port_bindings ['127.0.0.1:8080:80']
  mounts ['appdata:/data', '/srv/site:/site:ro']
  networks ['appnet']
  restart_policy 'unless-stopped'
  stop_timeout 1
end
reeve_container 'not-there' do
  action :remove
end
reeve_local_user 'nobody-of-that-name' do
  action :remove
end
'''


def main():
    with lablib.Lab() as lab, tempfile.TemporaryDirectory() as work:
        machine = lab.machine('chef', 'docker')
        socket = machine.agent()
        machine.run(ARCHIVE, timeout=120, check=True)
        env = dict(os.environ, HOME=work, CHEF_LICENSE='accept-no-persist', RUBYOPT='-W0', LC_ALL='C.UTF-8')

        def run(*argv):
            r = subprocess.run(argv, env=env, cwd=work, capture_output=True, text=True, timeout=150, stdin=subprocess.DEVNULL)
            return r.returncode, r.stdout + r.stderr

        def chef(*more, port=80):
            with open(f'{work}/attributes.json', 'w') as f:
                json.dump({'reeve': {'agent': socket}, 'bait': {'port': port}}, f)
            return run('chef-client', '-z', '-c', f'{work}/client.rb', '-j', f'{work}/attributes.json', '-o', 'recipe[site]', '--minimal-ohai', *more)

        rc, out = run('ruby', f'{lablib.ROOT}/clients/chef/generate.rb', f'{work}/cookbooks/reeve', socket)
        check('the cookbook', rc == 0 and {'reeve_service', 'reeve_file', 'reeve_local_user', 'reeve_package', 'reeve_container', 'reeve_container_image',
                                                         'reeve_container_network', 'reeve_container_volume'} <= set(out.split()), out)
        os.makedirs(f'{work}/cookbooks/site/recipes')
        with open(f'{work}/cookbooks/site/metadata.rb', 'w') as f:
            f.write("name 'site'\nversion '0.1.0'\ndepends 'reeve'\n")
        with open(f'{work}/cookbooks/site/recipes/default.rb', 'w') as f:
            f.write(RECIPE)
        with open(f'{work}/client.rb', 'w') as f:
            f.write(f"local_mode true\nchef_repo_path '{work}'\ncookbook_path '{work}/cookbooks'\nfile_cache_path '{work}/cache'\ncache_path '{work}/cache'\n"
                    f"file_backup_path '{work}/backup'\nnode_path '{work}/nodes'\nnode_name 'm'\nlog_level :warn\n")
        state = lambda: machine.run('dpkg-query -W chefbait; getent passwd deploy; ls /srv/site; docker ps -a --format "{{.Names}}"; docker network ls -q; docker volume ls -q; '
                                    'systemctl is-active bait; systemctl is-enabled bait').stdout.split('\n')
        inspect = lambda: (json.loads(machine.run('docker inspect --type container app').stdout or '[]') or [{}])[0]

        before = state()
        rc, out = chef('--why-run')
        check('why-run tells and does nothing', rc == 0 and 'resources would have been updated' in out and state() == before and 'Would ' in out, out[-2500:])
        rc, out = chef()
        check('converged', rc == 0 and re.search(r'\b(9|10)/\d+ resources updated', out), out[-3000:])
        got = machine.run('stat -c "%a %U %n" /srv/site /srv/site/conf; cat /srv/site/conf; readlink /srv/site/current; getent passwd deploy; apt-mark showhold; '
                          'systemctl is-active bait; systemctl is-enabled bait').stdout
        check('as the recipe says', got.startswith('750 deploy /srv/site\n640 root /srv/site/conf\nlisten = 80\nconf\n') and ':Deployer' in got
              and got.endswith('chefbait\nactive\nenabled\n'), got)
        app = inspect()
        check('and the container', app.get('State', {}).get('Status') == 'running' and app['Config']['Labels'] == {'team': 'chef'} and 'PORT=80' in app['Config']['Env'] and
              list(app['NetworkSettings']['Networks']) == ['appnet'] and app['HostConfig']['PortBindings'] == {'80/tcp': [{'HostIp': '127.0.0.1', 'HostPort': '8080'}]}, app)
        rc, out = chef()
        check('the second run updates nothing', rc == 0 and re.search(r'\b0/\d+ resources updated', out), out[out.find('Converging'):])
        pid = lambda: machine.run('systemctl show -P MainPID bait').stdout
        old = pid()
        rc, out = chef(port=81)
        check('another environment makes the container anew', inspect().get('Id') != app.get('Id') and 'PORT=81' in inspect()['Config']['Env'], out[-2500:])
        check('a change of a file restarts the service', rc == 0 and 'listen = 81' in machine.run('cat /srv/site/conf').stdout and pid() != old, out[-2500:])
        machine.run('systemctl stop bait; systemctl disable bait; chmod 777 /srv/site; usermod -s /bin/bash deploy; apt-mark unhold chefbait; docker stop app; docker update --restart no app')
        rc, out = chef(port=81)
        check('drift is mended, and nothing else done', rc == 0 and '5/' in out and inspect()['State']['Status'] == 'running' and inspect()['HostConfig']['RestartPolicy']['Name'] == 'unless-stopped' and state()[-3:-1] == ['active', 'enabled'] and machine.run('stat -c %a /srv/site').stdout == '750\n'
              and machine.run('apt-mark showhold').stdout == 'chefbait\n' and '/bin/sh\n' in machine.run('getent passwd deploy').stdout, out[-2500:])
    check.end()


main()
