#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Package and PackageUpdate over rpm and dnf: a machine that has no dpkg, packages made by rpmbuild in a repository made for the test;
each property beside `rpm -q`, each change by its effect and its refusals. At the end as rpm itself tells it, as where its database
is not of SQLite."""
import json, os, sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(os.path.dirname(HERE), 'integration')]
import agentlib, lablib
from hostlib import Asked, status, good, differ

check = agentlib.Cases()
LONG = 'a-package-with-a-name-that-is-far-too-long-for-any-column-of-a-table-made-for-a-terminal'
ARCHIVE = r'''
set -e
mkdir -p /srv/repo /srv/top /etc/rpm; cd /srv
printf '%%_dbpath /var/lib/rpm\n' > /etc/rpm/macros                 # Debian's rpm keeps it in root's home
mv /var/lib/dpkg /var/lib/dpkg.gone; rm -rf /var/lib/rpm; mkdir -p /var/lib/rpm
echo "127.0.0.1 localhost $(hostname)" >> /etc/hosts                # or each tool waits for a name server
printf '[main]\nenabled=0\n' > /etc/dnf/plugins/local.conf
mkdir -p /etc/dnf/vars; echo 12 > /etc/dnf/vars/releasever
mkdir -p /etc/yum.repos.d; printf '[fruit]\nname=fruit\nbaseurl=file:///srv/repo\ngpgcheck=0\n' > /etc/yum.repos.d/fruit.repo
spec() { # NAME VERSION MORE-HEAD SCRIPT
        cat > /srv/$1.spec <<EOF
Name: $1
Version: $2
Release: 1
Summary: a test of $1
License: MIT
Group: Tests/Fruit
URL: https://example.org/$1
Vendor: Me <me@example.org>
BuildArch: noarch
$3
%description
a test of $1
more of it

and the end
%install
mkdir -p %{buildroot}/usr/share/$1 %{buildroot}/etc
echo "$1 $2" > %{buildroot}/usr/share/$1/file
echo $2 > %{buildroot}/etc/$1.conf
$4
%files
%dir /usr/share/$1
/usr/share/$1/file
%config(noreplace) /etc/$1.conf
EOF
        rpmbuild -bb --quiet --define '_topdir /srv/top' --define '_rpmdir /srv/repo' /srv/$1.spec
}
spec apple 1.0
spec apple 2.0
spec fig 1.0 'Epoch: 2
Recommends: plum'
spec fig 1.1 'Epoch: 2'
spec pear 1.0 'Requires: apple >= 1.0'
spec plum 1.0 'Conflicts: pear'
spec rotten 1.0 '' '%pre -p <lua>
error("it is rotten")'
spec LONG 1.0 'Requires: apple
Epoch: 3'
createrepo_c -q /srv/repo
cat > /srv/updateinfo.xml <<EOF
<?xml version="1.0"?><updates><update from="me@example.org" status="final" type="security" version="1"><id>FRUIT-1</id><title>worms</title>
<issued date="2026-01-01 00:00:00"/><severity>Important</severity><description>worms</description>
<pkglist><collection short="f"><name>f</name><package name="fig" version="1.1" release="1" epoch="2" arch="noarch" src="fig-1.1-1.src.rpm"><filename>fig-1.1-1.noarch.rpm</filename></package></collection></pkglist></update></updates>
EOF
modifyrepo_c /srv/updateinfo.xml /srv/repo/repodata >/dev/null
'''.replace('LONG', LONG)
FORMAT = r'%{NAME}\t%{ARCH}\t%|EPOCH?{%{EPOCH}:}|%{VERSION}-%{RELEASE}\t%{SIZE}\t%{VENDOR}\t%{URL}\t%{GROUP}\t%{SUMMARY}\t%{INSTALLTIME:date}\n'


def reading(m, a, some):
    real = {}
    for line in m.run(f"rpm -qa --qf '{FORMAT}'").stdout.splitlines():
        name, arch, version, size, vendor, url, group, summary, when = line.split('\t')
        real[name, arch] = {'Version': version, 'Status': 'installed', 'InstalledSize': int(size), 'Vendor': vendor, 'Homepage': url, 'Section': group,
                            'Summary': summary, 'SourcePackage': name, 'Manager': 'rpm'}
    mine = {(r['Name'], r['Architecture']): r for r in a.rows('Package')}
    check('the same packages', sorted(real) == sorted(mine) and len(real) >= some, set(real) ^ set(mine))
    wrong = [(k, differ(mine.get(k), w)) for k, w in real.items() if differ(mine.get(k), w)]
    check(f'properties of {len(real)} packages', not wrong, wrong[:5])
    for name, arch in real:
        r = a.one('Package', {'Name': name, 'Architecture': arch}, 'Files', 'Depends', 'InstallDate', 'Description')
        check(f'description of {name}', r['Description'] == f'a test of {name}\nmore of it\n\nand the end', r)
        check(f'files of {name}', r['Files'] == m.run(f'rpm -ql {name}').stdout.split('\n')[:-1], r['Files'])
        needs = sorted(set(m.run(f'rpm -qR {name}').stdout.split('\n')[:-1]))
        check(f'what {name} needs', sorted(set(r['Depends'] or [])) == needs, (r['Depends'], needs))
        check(f'when {name} came', (r['InstallDate'] or '').startswith(m.run(f"date -u -d @$(rpm -q --qf '%{{INSTALLTIME}}' {name}) +%Y-%m-%dT%H:%M:%S").stdout.strip()), r['InstallDate'])


def changes(m, a):
    version = lambda name: m.run(f"rpm -q --qf '%{{VERSION}}' {name} || true").stdout if m.run(f'rpm -q {name}').returncode == 0 else ''
    changed = lambda r: {(c['Property'], c['From'], c['To']) for c in r['result'].get('Changed') or []}
    r = a.do('PackageUpdate', None, 'Scan')
    check('a repository\'s lists', good(r), r)
    install = lambda *names, what_if=False, **kw: a.do('Package', None, 'Install', what_if, Name=list(names), **kw)
    r = install('pear', LONG, what_if=True)
    check('what-if says what comes', good(r) and changed(r) == {('apple', None, '2.0-1'), ('pear', None, '1.0-1'), (LONG, None, '3:1.0-1')}, r)
    check('and nothing came', version('pear') == '')
    r = install('apple', Version='1.0-1')
    check('an older version', good(r) and version('apple') == '1.0', r)
    r = install('pear', LONG)
    check('those that need it', good(r) and version('pear') == '1.0' and version(LONG) == '1.0' and version('apple') == '1.0', r)
    for name, want in (('no-such-package', 'NOT_FOUND'), ('app*', 'INVALID_PARAMETER'), ('@group', 'INVALID_PARAMETER'), ('/srv/repo/noarch/plum-1.0-1.noarch.rpm', 'INVALID_PARAMETER'), ('-x', 'INVALID_PARAMETER'), ('a b', 'INVALID_PARAMETER'), ('', 'INVALID_PARAMETER')):
        r = install(name)
        check(f'no such package: {name!r}', status(r) == want, r)
    r = install('apple', Version='9.9')
    check('no such version', status(r) == 'NOT_FOUND', r)
    check('no version at all', status(install('apple', Version='1;x')) == 'INVALID_PARAMETER')
    r = install('plum')
    check('one that would push another out', status(r) == 'FAILED' and 'Force' in r['error']['data']['Hint'] and version('pear') == '1.0', r)
    r = install('plum', Force=True, what_if=True)
    check('or forced, it says so', good(r) and ('pear', '1.0-1', None) in changed(r) and version('pear') == '1.0', r)
    r = install('fig', Version='2:1.0-1', NoRecommends=True)
    check('with an epoch', good(r) and version('fig') == '1.0' and version('plum') == '', r)
    # updates
    u = {x['Name']: x for x in a.rows('PackageUpdate')}
    check('the updates are seen', {(x['Name'], x['Architecture'], x['InstalledVersion'], x['Version'], x['Origin'], x['Security']) for x in u.values()} ==
          {('apple', 'noarch', '1.0-1', '2.0-1', 'fruit', False), ('fig', 'noarch', '2:1.0-1', '2:1.1-1', 'fruit', True)}, u)
    key = {'Name': 'apple'}
    check('installed for itself', {r['Name']: r['AutoInstalled'] for r in a.rows('Package')} == {'apple': False, 'pear': False, LONG: False, 'fig': False}, a.rows('Package', PropertyList=['Name', 'AutoInstalled']))
    r = a.do('Package', key, 'Hold')
    check('Hold', good(r) and 'apple-' in m.run('cat /etc/dnf/plugins/versionlock.list').stdout, r)
    check('it is held', a.one('Package', key, 'Held', 'Wanted') == {**a.one('Package', key, 'Held', 'Wanted'), 'Held': True, 'Wanted': 'hold'})
    check('Hold again changes nothing', not a.do('Package', key, 'Hold')['result'].get('Changed'))
    names = [x['Name'] for x in a.rows('PackageUpdate', PropertyList=['Name'])]
    check('a held one is no update', names == ['fig'], names)
    r = a.call('ModifyInstance', 'Package', key, {'Held': False})
    check('Held is written', good(r) and 'apple-' not in m.run('cat /etc/dnf/plugins/versionlock.list').stdout, r)
    m.run('echo mine > /etc/apple.conf')
    r = a.do('Package', key, 'Upgrade', True)
    check('what-if of Upgrade', changed(r) == {('apple', '1.0-1', '2.0-1')} and version('apple') == '1.0', r)
    r = a.do('Package', key, 'Upgrade')
    check('Upgrade', good(r) and version('apple') == '2.0', r)
    check('what was changed by hand stays', m.run('cat /etc/apple.conf').stdout == 'mine\n')
    r = a.do('Package', key, 'Verify')['result']
    check('Verify', not r['Intact'] and r['ChangedFiles'] == ['/etc/apple.conf'], r)
    m.run('rm /usr/share/apple/file')
    check('a file that is gone', '/usr/share/apple/file' in a.do('Package', key, 'Verify')['result']['ChangedFiles'])
    # Reinstall, and how far it has come
    a.peer.send(json.dumps({'jsonrpc': '2.0', 'id': 'far', 'method': 'InvokeMethod', 'params': {'ClassName': 'Package', 'InstanceName': key, 'MethodName': 'Reinstall',
                            'partialResultToken': 'far'}}) + '\n')
    said = []
    while (line := a.peer.line()).get('method') == '$/progress':
        said += line['params']['value']
    check('progress, then the answer', 'result' in line and any('apple' in v['Status'] for v in said) and all(0 <= v.get('PercentComplete', 0) <= 100 for v in said), (line, said))
    check('Reinstall', m.run('cat /usr/share/apple/file').stdout == 'apple 2.0\n')
    find = lambda path: a.do('Package', None, 'FindOwner', Path=path)
    check('whose file it is', find('/usr/share/apple/file')['result']['Name'] == ['apple'] and status(find('/no/such')) == 'NOT_FOUND', find('/usr/share/apple/file'))
    check('nothing is half configured', status(a.do('Package', None, 'Configure')) == 'NOT_SUPPORTED')
    check('Intact', a.do('Package', {'Name': 'pear'}, 'Verify')['result']['Intact'] is True)
    r = install('apple', Version='1.0-1')
    check('an older one is refused', status(r) == 'FAILED' and version('apple') == '2.0', r)
    r = a.do('PackageUpdate', {'Name': 'fig', 'Architecture': 'noarch'}, 'Install')
    check('an update by its key', good(r) and version('fig') == '1.1', r)
    r = install('apple', Version='1.0-1', Force=True)
    check('an older one, forced', good(r) and version('apple') == '1.0', r)
    r = a.do('PackageUpdate', None, 'ApplyUpdates')
    check('all updates', good(r) and version('apple') == '2.0', r)
    # removing
    r = a.do('Package', key, 'Uninstall', True)
    check('what-if of Uninstall', {c[0] for c in changed(r)} == {'apple', 'pear', LONG} and version('pear') == '1.0', r)
    r = a.do('Package', {'Name': 'pear'}, 'Uninstall', Purge=True)
    check('no Purge', status(r) == 'NOT_SUPPORTED' and version('pear') == '1.0', r)
    r = a.do('Package', {'Name': 'pear'}, 'Uninstall')
    check('Uninstall', good(r) and version('pear') == '', r)
    check('Uninstall again', status(a.do('Package', {'Name': 'pear'}, 'Uninstall')) == 'NOT_FOUND')
    r = install('rotten')
    check('one whose script fails', status(r) == 'FAILED' and version('rotten') == '', (r, version('rotten')))
    # desired state
    r = a.call('SetInstance', 'Package', {'Name': 'pear'}, {})
    check('SetInstance installs', good(r) and version('pear') == '1.0', r)
    r = a.call('SetInstance', 'Package', {'Name': 'pear'}, {})
    check('and then finds nothing to do', good(r) and not r['result'].get('Changed'), r)


def main():
    with lablib.Lab() as lab:
        m = lab.machine('rpm', 'rpm')
        done = m.run(ARCHIVE)
        check('packages are made', done.returncode == 0, done.stderr[-1000:])
        a = Asked(m.agent())
        check('no package at all', a.rows('Package') == [], a.rows('Package'))
        changes(m, a)
        reading(m, a, 4)
        # Debian's rpm writes no other kind than SQLite: the agent sees what looks like one, and rpm, asked, has its own elsewhere.
        m.run('mv /var/lib/rpm /srv/db; mkdir /var/lib/rpm; echo x > /var/lib/rpm/Packages.db; echo "%_dbpath /srv/db" > /etc/rpm/macros')
        reading(m, a, 4)
    check.end()


main()
