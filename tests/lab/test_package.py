#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Package and PackageUpdate on a booted machine: each package beside dpkg-query, each change in an archive made for the test,
by its effect and its refusals."""
import json, os, sys, time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(os.path.dirname(HERE), 'integration')]
import agentlib, lablib
from hostlib import Asked, status, good, differ

check = agentlib.Cases()
FORMAT = r'${Package}\t${Architecture}\t${Version}\t${db:Status-Status}\t${db:Status-Want}\t${Section}\t${Priority}\t${Essential}\t${Installed-Size}\t${Maintainer}\t${Homepage}\t${source:Package}\t${binary:Summary}\n'
ARCHIVE = r'''
set -e
rm -rf /srv/repo; mkdir -p /srv/repo; cd /srv/repo
deb() { # NAME VERSION DEPENDS
        d=/tmp/deb.$1; rm -rf $d; mkdir -p $d/DEBIAN $d/usr/share/$1 $d/etc
        printf 'Package: %s\nVersion: %s\nArchitecture: all\nMaintainer: Me <me@example.org>\n%sInstalled-Size: 5\nDescription: a test of %s\n more of it\n .\n and the end\n' "$1" "$2" "$3" "$1" > $d/DEBIAN/control
        echo "$1 $2" > $d/usr/share/$1/file; echo "$2" > $d/etc/$1.conf; echo /etc/$1.conf > $d/DEBIAN/conffiles
        (cd $d; find . -type f ! -path './DEBIAN/*' | sed 's,^\./,,' | xargs md5sum > DEBIAN/md5sums)
        [ -z "$4" ] || { printf '%s' "$4" > $d/DEBIAN/postinst; chmod 755 $d/DEBIAN/postinst; }
        dpkg-deb --build $d ./$1_$2.deb >/dev/null
}
deb apple 1.0 ""
deb apple 2.0 ""
deb pear 1.0 "Depends: apple (>= 1.0)
"
deb plum 1.0 "Conflicts: pear
"
deb rotten 1.0 "" "#!/bin/sh
exit 7
"
deb slow 1.0 "" "#!/bin/sh
while ! test -e /run/slow.go; do sleep 0.1; done
"
for f in *.deb; do dpkg-deb -f $f; echo "Filename: ./$f"; echo "Size: $(stat -c %s $f)"; echo "SHA256: $(sha256sum $f | cut -d' ' -f1)"; echo; done > Packages
echo 'deb [trusted=yes] file:/srv/repo ./' > /etc/apt/sources.list; rm -f /etc/apt/sources.list.d/*
'''


def reading(m, a):
    real = {}
    for line in m.run(f"dpkg-query -W -f='{FORMAT}'").stdout.splitlines():
        name, arch, version, state, want, section, priority, essential, size, maintainer, homepage, source, summary = line.split('\t')
        real[name, arch] = {'Version': version or None, 'Status': state, 'Wanted': want, 'Section': section or None, 'Priority': priority or None,
                            'Essential': essential == 'yes', 'InstalledSize': int(size) * 1024 if size else None, 'Vendor': maintainer or None,
                            'Homepage': homepage or None, 'SourcePackage': source or None, 'Summary': summary or None, 'Held': want == 'hold'}
    mine = {(r['Name'], r['Architecture']): r for r in a.rows('Package')}
    check('the same packages', sorted(real) == sorted(mine), set(real) ^ set(mine))
    wrong = [(k, differ(mine.get(k), w)) for k, w in real.items() if differ(mine.get(k), w)]
    check(f'properties of {len(real)} packages', len(real) > 100 and not wrong, wrong[:5])
    fixes = {r['HotFixID']: r for r in a.rows('Win32_QuickFixEngineering', PropertyList=['HotFixID', 'ServicePackInEffect', 'Description', 'InstalledOn', 'CSName'])}
    want = {n: w['Version'] for (n, _), w in real.items() if w['Status'] == 'installed'}
    check('as WMI shows updates', {n: r['ServicePackInEffect'] for n, r in fixes.items()} == want and fixes['bash']['Description'] == 'Update' and fixes['bash']['InstalledOn'][:2] == '20', fixes.get('bash'))
    auto = set(m.run('apt-mark showauto').stdout.split())
    got = {r['Name'] for r in mine.values() if r['AutoInstalled']}
    check('installed for others', got == auto, got ^ auto)
    for name in ('bash', 'dpkg', 'systemd'):
        r = a.one('Package', {'Name': name}, 'Files', 'Depends', 'InstallDate', 'Description')
        check(f'files of {name}', r['Files'] == m.run(f'dpkg -L {name}').stdout.split('\n')[:-1], len(r['Files'] or []))
        pre, dep = (m.run(f"dpkg-query -W -f='${{{f}}}' {name}").stdout for f in ('Pre-Depends', 'Depends'))
        check(f'what {name} needs', r['Depends'] == [d for d in (pre + ', ' + dep).split(', ') if d], (r['Depends'], pre, dep))
        check(f'description of {name}', (r['Description'] or '').split('\n')[0] == real[name, 'amd64']['Summary'] and len(r['Description']) > 80)


def owners(m, a):
    """Whose file it is, beside dpkg -S."""
    find = lambda path: a.do('Package', None, 'FindOwner', Path=path)
    paths = m.run('for p in bash dpkg systemd coreutils passwd libc6; do dpkg -L $p | tail -3; done; echo /etc; echo /usr/share/doc').stdout.split()
    for path in paths:
        said = m.run(f'dpkg -S {path}').stdout.splitlines()
        want = {n.strip().split(':')[0] for l in said if l.endswith(': ' + path) and not l.startswith('diversion') for n in l.split(': /')[0].split(',')}
        r = find(path)
        check(f'whose is {path}', good(r) and set(r['result']['Name']) == want and want, (r, want))
    for alias in ('/bin/bash', '/usr/bin/bash', '/sbin/useradd', '/usr/sbin/useradd'):
        r = find(alias)
        check(f'whose is {alias}', good(r) and r['result']['Name'] == [{'bash': 'bash', 'add': 'passwd'}[alias[-4:] if alias.endswith('bash') else 'add']], r)
    for path, want in (('/no/such', 'NOT_FOUND'), ('/usr/bin/*', 'NOT_FOUND'), ('/usr/bin/[b]ash', 'NOT_FOUND'), ('bash', 'INVALID_PARAMETER'), ('/a\n/bin/bash', 'INVALID_PARAMETER'), ('/\\*', 'NOT_FOUND')):
        check(f'whose is {path!r}', status(find(path)) == want, find(path))


def changes(m, a):
    version = lambda name: m.run(f"dpkg-query -W -f='${{db:Status-Abbrev}}${{Version}}' {name}").stdout.replace(' ', '')
    m.run(ARCHIVE, check=True)
    check('an archive\'s lists', good(a.do('PackageUpdate', None, 'Scan')), a.do('PackageUpdate', None, 'Scan'))
    install = lambda *names, what_if=False, **kw: a.do('Package', None, 'Install', what_if, Name=list(names), **kw)
    r = install('pear', what_if=True)
    check('what-if says what comes', {(c['Property'], c['From'], c['To']) for c in r['result']['Changed']} == {('apple', None, '2.0'), ('pear', None, '1.0')}, r)
    check('and nothing came', version('pear') == '')
    check('an older version', good(install('apple', Version='1.0')) and version('apple') == 'ii1.0', version('apple'))
    check('one that needs it', good(install('pear')) and version('pear') == 'ii1.0' and version('apple') == 'ii1.0')
    for name, want in (('no-such-package', 'NOT_FOUND'), ('app.*', 'INVALID_PARAMETER'), ('apple-', 'INVALID_PARAMETER'), ('-x', 'INVALID_PARAMETER'), ('a b', 'INVALID_PARAMETER'), ('', 'INVALID_PARAMETER')):
        r = install(name)
        check(f'no such package: {name!r}', status(r) == want, r)
    check('names are no patterns', status(install('appl.')) in ('NOT_FOUND', 'INVALID_PARAMETER') and version('apple') == 'ii1.0')
    check('no such version', status(install('apple', Version='9.9')) == 'NOT_FOUND', install('apple', Version='9.9'))
    check('no version at all', status(install('apple', Version='1;x')) == 'INVALID_PARAMETER')
    r = install('plum')
    check('one that would push another out', status(r) == 'FAILED' and 'Force' in r['error']['data']['Hint'] and version('pear') == 'ii1.0', r)
    # updates
    u = a.rows('PackageUpdate')
    check('the update is seen', [(x['Name'], x['InstalledVersion'], x['Version']) for x in u] == [('apple', '1.0', '2.0')], u)
    key = {'Name': 'apple'}
    check('Hold', good(a.do('Package', key, 'Hold')) and 'apple' in m.run('apt-mark showhold').stdout)
    check('Hold again changes nothing', not a.do('Package', key, 'Hold')['result'].get('Changed'))
    check('a held one is no update', a.rows('PackageUpdate') == [], a.rows('PackageUpdate'))
    check('Held is written', good(a.call('ModifyInstance', 'Package', key, {'Held': False})) and 'apple' not in m.run('apt-mark showhold').stdout)
    m.run('echo mine > /etc/apple.conf')
    a.peer.send(json.dumps({'jsonrpc': '2.0', 'id': 'far', 'method': 'InvokeMethod', 'params': {'ClassName': 'Package', 'InstanceName': key, 'MethodName': 'Upgrade', 'partialResultToken': 'far'}}) + '\n')
    said = []
    while (r := a.peer.line()).get('method') == '$/progress':
        said += r['params']['value']
    check('Upgrade', good(r) and version('apple') == 'ii2.0', r)
    check('how far it has come', any('apple' in v['Status'] for v in said) and all(0 <= v.get('PercentComplete', 0) < 100 for v in said), said)
    check('it tells from what to what', r['result'].get('Changed') in (None, [{'Property': 'apple', 'From': '1.0', 'To': '2.0'}]), r)
    check('what was changed by hand stays', m.run('cat /etc/apple.conf').stdout == 'mine\n')
    r = a.do('Package', key, 'Verify')['result']
    check('Verify', not r['Intact'] and r['ChangedFiles'] == ['/etc/apple.conf'], r)
    m.run('rm /usr/share/apple/file')
    check('a file that is gone', '/usr/share/apple/file' in a.do('Package', key, 'Verify')['result']['ChangedFiles'])
    check('Reinstall', good(a.do('Package', key, 'Reinstall')) and m.run('cat /usr/share/apple/file').stdout == 'apple 2.0\n')
    check('Intact', a.do('Package', {'Name': 'pear'}, 'Verify')['result']['Intact'] is True)
    check('an older one is refused', status(install('apple', Version='1.0')) == 'FAILED')
    check('or forced', good(install('apple', Version='1.0', Force=True)) and version('apple') == 'ii1.0')
    # removing
    r = a.do('Package', key, 'Uninstall', True)
    check('what-if of Uninstall', {c['Property'] for c in r['result']['Changed']} == {'apple', 'pear'} and version('pear') == 'ii1.0', r)
    check('Uninstall', good(a.do('Package', {'Name': 'pear'}, 'Uninstall')) and version('pear') == 'rc1.0', version('pear'))
    check('its configuration is listed', a.one('Package', {'Name': 'pear'}, 'Status')['Status'] == 'config-files')
    check('Uninstall again', status(a.do('Package', {'Name': 'pear'}, 'Uninstall')) == 'NOT_FOUND')
    check('Purge', good(a.do('Package', {'Name': 'pear'}, 'Uninstall', Purge=True)) and version('pear') in ('', 'un'), version('pear'))
    check('never installed', status(a.do('Package', {'Name': 'rotten'}, 'Uninstall')) == 'NOT_FOUND')
    check('what the system needs', status(a.do('Package', {'Name': 'bash'}, 'Uninstall')) == 'FAILED' and version('bash').startswith('ii'))
    r = install('rotten')
    check('one whose script fails', status(r) == 'FAILED' and version('rotten').startswith('iF'), (r, version('rotten')))
    check('Configure of what fails again', status(a.do('Package', None, 'Configure')) == 'FAILED' and version('rotten').startswith('iF'))
    m.run('printf "#!/bin/sh\nexit 0\n" > /var/lib/dpkg/info/rotten.postinst')
    r = a.do('Package', None, 'Configure', True)
    check('what-if of Configure', good(r) and r['result']['Changed'] == [{'Property': 'rotten', 'From': 'half-configured', 'To': 'installed'}] and version('rotten').startswith('iF'), r)
    check('Configure', good(a.do('Package', None, 'Configure')) and version('rotten') == 'ii1.0', version('rotten'))
    check('nothing left to configure', not a.do('Package', None, 'Configure')['result'].get('Changed'))
    m.run('dpkg --purge --force-all rotten')
    # desired state
    r = a.call('SetInstance', 'Package', {'Name': 'pear'}, {})
    check('SetInstance installs', good(r) and version('pear') == 'ii1.0', r)
    r = a.call('SetInstance', 'Package', {'Name': 'pear'}, {})
    check('and then finds nothing to do', good(r) and not r['result'].get('Changed') and r['result'].get('InDesiredState', True), r)
    # the lock
    lock = m.popen('perl', '-e', 'use Fcntl; open(F,">>/var/lib/dpkg/lock-frontend"); $p=pack("s s l! l! i",F_WRLCK,0,0,0,0); fcntl(F,F_SETLK,$p) or die; print "x\n"; $|=1; sleep 30', stdout=-1)
    time.sleep(0.5)
    r = install('plum', Force=True)
    check('while another changes packages', status(r) == 'UNAVAILABLE' and r['error']['data']['Retryable'], r)
    m.run('pkill -x perl')   # the one inside
    lock.wait()


def job(m, a):
    """A package takes its time, and its agent is killed meanwhile."""
    r = a.call('InvokeMethod', 'Package', None, MethodName='Install', InParameters={'Name': ['slow']}, AsJob=True, RequestKey='slow')
    key = r.get('result', {}).get('Job', {})
    check('Install as a job', key, r)
    now = lambda: a.one('Job', key, 'JobState', 'JobStatus', 'PercentComplete', 'Result', 'ErrorDescription', 'ProcessId')
    check('how far it has come', agentlib.until(lambda: 'slow' in (now()['JobStatus'] or '') and now()['PercentComplete']), now())
    check('its agent is killed', m.run('pkill -KILL -o -x reeve-agent').returncode == 0 and agentlib.until(lambda: a.gone()))
    a = Asked(m.agent())
    check('and it goes on', now()['JobState'] == 'Running' and m.run("dpkg-query -W -f='${db:Status-Abbrev}' slow").stdout.strip() == 'iF', now())
    m.run('touch /run/slow.go')
    check('and completes', agentlib.until(lambda: now()['JobState'] == 'Completed') and now()['PercentComplete'] == 100, now())
    check('done once, and whole', m.run("dpkg-query -W -f='${db:Status-Abbrev}' slow").stdout.strip() == 'ii' and m.run('grep -c "install slow" /var/log/dpkg.log').stdout.strip() == '1')
    r = a.call('InvokeMethod', 'Package', None, MethodName='Install', InParameters={'Name': ['slow']}, AsJob=True, RequestKey='slow')
    check('asked for again it is the same job', r.get('result', {}).get('Job') == key, r)
    return a


def main():
    with lablib.Lab() as lab:
        m = lab.machine('package')
        a = Asked(m.agent())
        reading(m, a)
        owners(m, a)
        changes(m, a)
        a = job(m, a)
        reading(m, a)
    check.end()


main()
