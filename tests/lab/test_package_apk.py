#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Package and PackageUpdate over apk: a machine that has no dpkg, packages in a repository made for the test; each property beside apk's own
database, each change by its effect and its refusals. Debian has no apk: fake-apk stands in for it, unless $REEVE_APK names a real
one (linked statically)."""
import gzip, hashlib, json, os, shutil, sys, tarfile

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(os.path.dirname(HERE), 'integration')]
import agentlib, lablib
from hostlib import Asked, status, good, differ

check = agentlib.Cases()
REAL = os.environ.get('REEVE_APK')
PACKAGES = [('apple', '1.0-r0', ''), ('apple', '2.0-r0', ''), ('fig', '1.0-r0', ''), ('pear', '1.0-r0', 'needs apple'), ('plum', '1.0-r0', 'against pear'),
            ('rotten', '1.0-r0', 'rotten')]


def member(name, data=b'', kind=tarfile.REGTYPE, mode=0o644, sums=False):
    t = tarfile.TarInfo(name)
    t.size, t.type, t.mode = len(data), kind, mode
    if sums and kind == tarfile.REGTYPE:
        t.pax_headers = {'APK-TOOLS.checksum.SHA1': hashlib.sha1(data).hexdigest()}
    return t.tobuf(tarfile.PAX_FORMAT) + data + b'\0' * (-len(data) % 512)


def package(folder, name, version, more):
    """A package as abuild makes it: two tars, each compressed, the first without an end."""
    data = b''.join([member('etc', kind=tarfile.DIRTYPE, mode=0o755), member(f'etc/{name}.conf', f'{version}\n'.encode(), sums=True), member('usr', kind=tarfile.DIRTYPE, mode=0o755),
                     member('usr/share', kind=tarfile.DIRTYPE, mode=0o755), member(f'usr/share/{name}', kind=tarfile.DIRTYPE, mode=0o755),
                     member(f'usr/share/{name}/file', f'{name} {version}\n'.encode(), sums=True)]) + b'\0' * 1024
    data = gzip.compress(data)
    words = more.split()
    info = [f'pkgname = {name}', f'pkgver = {version}', f'pkgdesc = a test of {name}', f'url = https://example.org/{name}', 'arch = noarch', 'origin = fruit', 'size = 4096', 'license = MIT',
            'maintainer = Me <me@example.org>', f'datahash = {hashlib.sha256(data).hexdigest()}']
    info += [f'depend = {words[1]}'] if words[:1] == ['needs'] else [f'depend = !{words[1]}'] if words[:1] == ['against'] else []
    control = member('.PKGINFO', ('\n'.join(info) + '\n').encode()) + (member('.post-install', b'#!/bin/sh\nexit 7\n', mode=0o755) if more == 'rotten' else b'')
    open(os.path.join(folder, f'{name}-{version}.apk'), 'wb').write(gzip.compress(control) + data)


def prepare(m):
    shutil.copy(REAL or os.path.join(HERE, 'fake-apk'), os.path.join(m.share, 'apk'))
    with open(os.path.join(m.share, 'list'), 'w') as f:
        f.writelines(' '.join(p) + '\n' for p in PACKAGES)
    m.run('mv /var/lib/dpkg /var/lib/dpkg.gone; install -m 755 /lab/apk /sbin/apk; mkdir -p /srv/repo; cp /lab/list /srv/repo', check=True)
    if not REAL:
        m.run('mkdir -p /lib/apk/db /etc/apk; touch /etc/apk/world', check=True)
        return
    os.makedirs(os.path.join(m.share, 'x86_64'))
    for p in PACKAGES:
        package(os.path.join(m.share, 'x86_64'), *p)
    m.run('cp -r /lab/x86_64 /srv/repo; cd /srv/repo/x86_64; apk index --rewrite-arch x86_64 --allow-untrusted -o APKINDEX.tar.gz *.apk; apk add --initdb; mkdir -p /etc/apk; echo /srv/repo > /etc/apk/repositories;'
          # The test's packages are signed by nobody: what reeve does not say is said for it.
          'mv /sbin/apk /sbin/apk.real; printf "#!/bin/sh\\nexec /sbin/apk.real --allow-untrusted \\"\\$@\\"\\n" > /sbin/apk; chmod 755 /sbin/apk', check=True)


def database(m):
    """apk's database, read by somebody else."""
    ret = {}
    for text in m.run('cat /lib/apk/db/installed').stdout.split('\n\n'):
        f, files, folder = {}, [], ''
        for line in text.strip().split('\n'):
            if line[:2] == 'F:':
                folder = line[2:]
                files += ['/' + folder] if folder else []
            elif line[:2] == 'R:':
                files.append(f'/{folder}/{line[2:]}')
            elif not files and line:
                f[line[0]] = line[2:]
        if f:
            ret[f['P']] = f, files
    return ret


def reading(m, a, some):
    real = database(m)
    world = m.run('cat /etc/apk/world').stdout.split()
    mine = {r['Name']: r for r in a.rows('Package')}
    check('the same packages', sorted(real) == sorted(mine) and len(real) >= some, set(real) ^ set(mine))
    for name, (f, files) in real.items():
        want = {'Version': f['V'], 'Architecture': f['A'], 'Status': 'installed', 'Summary': f['T'], 'Vendor': f['m'], 'Homepage': f['U'], 'SourcePackage': f['o'],
                'InstalledSize': int(f['I']), 'AutoInstalled': name not in [w.split('=')[0] for w in world], 'Held': any(w.startswith(name + '=') for w in world), 'Manager': 'apk'}
        check(f'properties of {name}', not differ(mine.get(name), want), differ(mine.get(name), want))
        r = a.one('Package', {'Name': name}, 'Files', 'Depends')
        check(f'files of {name}', r['Files'] == files and len(files) >= 4, (r['Files'], files))
        check(f'what {name} needs', (r['Depends'] or []) == f.get('D', '').split(), (r['Depends'], f))


def changes(m, a):
    version = lambda name: database(m).get(name, ({},))[0].get('V', '')
    changed = lambda r: {(c['Property'], c['From'], c['To']) for c in r['result'].get('Changed') or []}
    r = a.do('PackageUpdate', None, 'Scan')
    check('a repository\'s lists', good(r), r)
    install = lambda *names, what_if=False, **kw: a.do('Package', None, 'Install', what_if, Name=list(names), **kw)
    r = install('pear', what_if=True)
    check('what-if says what comes', good(r) and changed(r) == {('apple', None, '2.0-r0'), ('pear', None, '1.0-r0')}, r)
    check('and nothing came', version('pear') == '')
    r = install('pear', 'apple', Version='1.0-r0')
    check('an older version', good(r) and version('apple') == '1.0-r0' and version('pear') == '1.0-r0', r)
    check('what was named is held', a.one('Package', {'Name': 'apple'}, 'Held')['Held'] is True)
    for key in ('apple', 'pear'):
        r = a.do('Package', {'Name': key}, 'Unhold')
        check(f'Unhold {key}', good(r) and a.one('Package', {'Name': key}, 'Held', 'Wanted')['Wanted'] == 'install' and version('apple') == '1.0-r0', (r, m.run('cat /etc/apk/world').stdout))
    for name, want in (('no-such-package', 'NOT_FOUND'), ('app*', 'INVALID_PARAMETER'), ('apple@edge', 'INVALID_PARAMETER'), ('apple>1', 'INVALID_PARAMETER'), ('-x', 'INVALID_PARAMETER'), ('a b', 'INVALID_PARAMETER'), ('', 'INVALID_PARAMETER')):
        r = install(name)
        check(f'no such package: {name!r}', status(r) == want, r)
    r = install('fig', Version='9.9')
    check('no such version', status(r) == 'FAILED' and 'no such version' in r['error']['data']['Hint'], r)
    check('no version at all', status(install('apple', Version='1;x')) == 'INVALID_PARAMETER')
    r = install('plum')
    check('one that conflicts', status(r) == 'FAILED' and 'conflicts' in r['error']['data']['Hint'] and version('pear') == '1.0-r0', r)
    # updates
    check('the update is seen', [(x['Name'], x['Architecture'], x['InstalledVersion'], x['Version']) for x in a.rows('PackageUpdate')] == [('apple', database(m)['apple'][0]['A'], '1.0-r0', '2.0-r0')], a.rows('PackageUpdate'))
    key = {'Name': 'apple'}
    r = a.do('Package', key, 'Hold')
    check('Hold', good(r) and 'apple=1.0-r0' in m.run('cat /etc/apk/world').stdout.split(), r)
    check('Hold again changes nothing', not a.do('Package', key, 'Hold')['result'].get('Changed'))
    check('a held one is no update', a.rows('PackageUpdate') == [], a.rows('PackageUpdate'))
    r = a.call('ModifyInstance', 'Package', key, {'Held': False})
    check('Held is written', good(r) and 'apple' in m.run('cat /etc/apk/world').stdout.split(), r)
    r = a.do('Package', key, 'Upgrade', True)
    check('what-if of Upgrade', good(r) and changed(r) == {('apple', '1.0-r0', '2.0-r0')} and version('apple') == '1.0-r0', r)
    r = a.do('Package', key, 'Upgrade')
    check('Upgrade', good(r) and version('apple') == '2.0-r0', r)
    r = a.do('Package', {'Name': 'pear'}, 'Verify')['result']
    check('Intact', r['Intact'] is True, r)
    m.run('echo mine > /etc/pear.conf; rm /usr/share/pear/file')
    r = a.do('Package', {'Name': 'pear'}, 'Verify')['result']
    find = lambda path: a.do('Package', None, 'FindOwner', Path=path)
    check('whose file it is', find('/usr/share/pear/file')['result']['Name'] == ['pear'] and status(find('/no/such')) == 'NOT_FOUND', find('/usr/share/pear/file'))
    check('Verify', not r['Intact'] and r['ChangedFiles'] == ['/etc/pear.conf', '/usr/share/pear/file'], r)
    a.peer.send(json.dumps({'jsonrpc': '2.0', 'id': 'far', 'method': 'InvokeMethod', 'params': {'ClassName': 'Package', 'InstanceName': {'Name': 'pear'}, 'MethodName': 'Reinstall',
                            'partialResultToken': 'far'}}) + '\n')
    said = []
    while (r := a.peer.line()).get('method') == '$/progress':
        said += r['params']['value']
    check('how far it has come', any('pear' in v['Status'] for v in said) and all(0 <= v['PercentComplete'] < 100 for v in said), said)
    check('Reinstall', good(r) and m.run('cat /usr/share/pear/file').stdout == 'pear 1.0-r0\n', r)
    r = install('apple', Version='1.0-r0')
    check('an older one is refused', status(r) == 'FAILED' and version('apple') == '2.0-r0', r)
    r = install('apple', Version='1.0-r0', Force=True)
    check('or forced', good(r) and version('apple') == '1.0-r0', r)
    a.do('Package', key, 'Unhold')
    r = a.do('PackageUpdate', None, 'ApplyUpdates')
    check('all updates', good(r) and version('apple') == '2.0-r0', r)
    # removing
    r = a.do('Package', key, 'Uninstall', True)
    check('what-if of Uninstall', {c[0] for c in changed(r)} == {'apple', 'pear'} and version('pear') == '1.0-r0', r)
    r = a.do('Package', {'Name': 'pear'}, 'Uninstall', Purge=True)
    check('Uninstall', good(r) and version('pear') == '', r)
    check('Uninstall again', status(a.do('Package', {'Name': 'pear'}, 'Uninstall')) == 'NOT_FOUND')
    r = install('rotten')
    check('one whose script fails', status(r) == 'FAILED' and 'error 7' in r['error']['message'], r)
    m.run('apk del rotten')
    r = a.call('SetInstance', 'Package', {'Name': 'pear'}, {})
    check('SetInstance installs', good(r) and version('pear') == '1.0-r0', r)
    r = a.call('SetInstance', 'Package', {'Name': 'pear'}, {})
    check('and then finds nothing to do', good(r) and not r['result'].get('Changed'), r)


def main():
    with lablib.Lab() as lab:
        m = lab.machine('apk')
        m.run('mv /var/lib/dpkg/status /var/lib/dpkg/status.gone')
        a = Asked(m.agent())
        r = a.peer.call('GetInstance', {'ClassName': 'Package', 'InstanceName': {'Name': 'bash', 'Architecture': 'amd64'}})
        check('no manager at all', status(r) == 'NOT_SUPPORTED', r)
        m.run('mv /var/lib/dpkg/status.gone /var/lib/dpkg/status')
        prepare(m)
        r = m.run('apk add fig')
        check('a package to begin with', r.returncode == 0, r)
        changes(m, a)
        reading(m, a, 3)
    check.end()


main()
