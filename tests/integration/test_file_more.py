#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The class File beside stat(1), getfacl(1), getfattr(1), lsattr(1), sha256sum(1) and dpkg -S, over many real objects; names that are no
UTF-8; its methods; a file system that does not answer."""
import base64, hashlib, os, random, shutil, socket, stat, struct, subprocess, sys, tempfile, threading, time
sys.path.insert(0, os.path.dirname(__file__))
from agentlib import Agent, Cases
import fuselib

case = Cases()
agent = Agent()
top = os.path.realpath(tempfile.mkdtemp(prefix='reeve-file.'))
ROOT = os.getuid() == 0


def call(op, path=None, **more):
    key = {} if path is None else {'InstanceName': {'Name': path if path.startswith('/') else f'{top}/{path}'}}
    return agent.call(op, {'ClassName': 'File', **key, **more})


def get(path, *properties):
    return call('GetInstance', path, PropertyList=list(properties)).get('result')


def do(path, method, what_if=False, **arguments):
    r = call('InvokeMethod', path, MethodName=method, InParameters=arguments, **({'WhatIf': True} if what_if else {}))
    return r['result'] if 'result' in r else r['error']['data']['Name']


def out(r):
    return r.get('OutParameters', r)


def ok(r):
    return isinstance(r, dict)


def write(path, data=b'x'):
    with open(os.path.join(os.fsencode(top), path if isinstance(path, bytes) else os.fsencode(path)), 'wb') as f:
        f.write(data)


def told(b):
    """A path's bytes as the agent tells them: our own rule, written another way."""
    s = b.decode('utf-8', 'surrogateescape')
    text, i = '', 0
    while i < len(s):
        c = s[i]
        looks = c == '\\' and s[i + 1:i + 2] == 'x' and all(x in '0123456789abcdef' for x in s[i + 2:i + 4]) and len(s[i + 2:i + 4]) == 2
        if 0xdc80 <= ord(c) <= 0xdcff:
            text += f'\\x{ord(c) - 0xdc00:02x}'
        elif looks and (int(s[i + 2:i + 4], 16) >= 0x80 or s[i + 2:i + 4] == '5c'):
            text += '\\x5c'
        else:
            text += c
        i += 1
    return text


def ns(text):
    from datetime import datetime, timezone
    head, _, rest = text.rstrip('Z').partition('.')
    return int(datetime.fromisoformat(head).replace(tzinfo=timezone.utc).timestamp()) * 10**9 + int((rest or '0').ljust(9, '0')[:9])


def many():
    """What stat(1) says of the entries of folders of this host."""
    wrong, n, kinds = [], 0, set()
    for folder in ('/etc', '/usr/bin', '/dev', '/var/lib/dpkg', '/', '/tmp', '/run'):
        rows = call('EnumerateInstances', Filter=f"Directory = '{folder}'", PropertyList=['Name', 'Type', 'Mode', 'Owner', 'Group', 'Size', 'UserId', 'GroupId', 'LinkCount', 'Inode', 'Device', 'AllocatedSize', 'LastModified', 'LastStatusChange', 'Target'])['result']['Instances']
        for r in rows[:400]:
            path = r['Name']
            try:
                st = os.lstat(path)
            except OSError:
                continue
            if '\\x' in path or ns(r['LastStatusChange']) != st.st_ctime_ns:
                continue   # it has changed since
            n += 1
            kinds.add(r['Type'])
            want = {'Mode': f'{stat.S_IMODE(st.st_mode):04o}', 'Size': st.st_size, 'UserId': st.st_uid, 'GroupId': st.st_gid, 'LinkCount': st.st_nlink, 'Inode': st.st_ino, 'Device': f'{os.major(st.st_dev)}:{os.minor(st.st_dev)}',
                    'AllocatedSize': st.st_blocks * 512, 'Target': os.readlink(path) if stat.S_ISLNK(st.st_mode) else None}
            differ = {k: (r[k], v) for k, v in want.items() if r[k] != v}
            if differ or ns(r['LastModified']) != st.st_mtime_ns:
                wrong.append((path, differ))
    case(f'{n} entries of this host, as lstat has them', n > 300 and not wrong and {'File', 'Directory', 'Link', 'CharacterDevice'} <= kinds, (n, kinds, wrong[:3]))
    names = [f'/etc/{f}' for f in sorted(os.listdir('/etc')) if os.path.isfile(f'/etc/{f}') and not os.path.islink(f'/etc/{f}')][:40] + ['/usr/bin/' + f for f in sorted(os.listdir('/usr/bin'))[:10]]
    sums = subprocess.run(['sha256sum', *names], capture_output=True, text=True).stdout
    want = {line[66:]: line[:64] for line in sums.splitlines()}
    case(f'{len(want)} sums, as sha256sum has them', len(want) > 20 and all(get(p, 'Sha256')['Sha256'] == want[p] for p in want if not os.path.islink(p)))
    said = subprocess.run(['stat', '-c', '%n|%U|%G|%W|%Y', *names], capture_output=True, text=True).stdout
    wrong = []
    for line in said.splitlines():
        name, owner, group, birth, _ = line.split('|')
        r = get(name, 'Owner', 'Group', 'CreationDate')
        if (r['Owner'], r['Group']) != (owner, group) or (birth not in ('0', '-') and ns(r['CreationDate']) // 10**9 != int(birth)):
            wrong.append((line, r))
    case('owners and birth, as stat(1) has them', not wrong, wrong[:3])


def packages():
    if not shutil.which('dpkg-query'):
        return case.skip('packages of files', 'no dpkg')
    wrong = []
    for path in ('/bin/sh', '/usr/bin/env', '/etc/bash.bashrc', '/usr/bin/dpkg', '/usr/lib/os-release', '/etc/hostname', f'{top}/none'):
        for p in {path, os.path.realpath(path)}:
            if not os.path.lexists(p):
                continue
            said = ''
            for q in (p, p[4:] if p.startswith(('/usr/bin/', '/usr/sbin/', '/usr/lib')) else p):
                said = said or subprocess.run(['dpkg-query', '-S', q], capture_output=True, text=True).stdout
            want = {w.strip().split(':')[0] for line in said.splitlines() if not line.startswith('diversion') for w in line.rsplit(': ', 1)[0].split(', ')}
            mine = get(p, 'Package')['Package']
            if (mine not in want) if want else mine is not None:
                wrong.append((p, mine, want))
    case('packages of files, as dpkg -S has them', not wrong, wrong)


def odd_names():
    names = [b'new\nline', b'tab\t', b'bell\a', b'\xff\xfe', b'half\xc3', b'ok\xc3\xa4', b'\\xff', b'\\x5c', b'\\x41', b'a\\', b'\\xFF', b'quote"\'', b' lead', b'*?[', b'-rf', b'\xed\xa0\x80', b'\xf4\x90\x80\x80', b'\\\xff', b'x' * 255]
    os.mkdir(f'{top}/odd')
    for n in names:
        write(b'odd/' + n, n)
    rows = call('EnumerateInstances', Filter=f"Directory = '{top}/odd'", PropertyList=['Name', 'Directory', 'Sha256'])['result']['Instances']
    got = {r['Name']: r['Sha256'] for r in rows}
    want = {told(os.fsencode(top) + b'/odd/' + n): hashlib.sha256(n).hexdigest() for n in names}
    case(f'{len(names)} odd names: told apart', got == want and len(got) == len(names), (set(got) ^ set(want)))
    case('each found by what was told', all(get(name, 'Sha256') == {'Sha256': s} for name, s in want.items()), [n for n, s in want.items() if get(n, 'Sha256') != {'Sha256': s}])
    case('invalid bytes are not guessed', get('odd/\\xfe', 'Size') is None)
    r = do(told(os.fsencode(top) + b'/odd/\xff\xfe'), 'Rename', Destination=f'{top}/odd/now\\xf0named')
    case('renamed to such a name', ok(r) and os.path.exists(os.fsencode(top) + b'/odd/now\xf0named') and not os.path.exists(os.fsencode(top) + b'/odd/\xff\xfe'), r)
    r = call('SetInstance', 'odd/made\\xe9', Properties={'Content': 'x'})
    case('made with such a name', 'result' in r and os.path.exists(os.fsencode(top) + b'/odd/made\xe9'), r)
    r = call('SetInstance', 'odd/link', Properties={'Target': 'made\\xe9'})
    case('a link to such a name', 'result' in r and os.readlink(os.fsencode(top) + b'/odd/link') == b'made\xe9' and get('odd/link', 'Target')['Target'] == 'made\\xe9', r)
    os.mkdir(os.fsencode(top) + b'/odd/d\xff')
    write(b'odd/d\xff/in')
    rows = call('EnumerateInstances', Filter=f"Directory = '{top}/odd/d\\xff'", PropertyList=['Name', 'Directory'])['result']['Instances']
    case('a folder of such a name', [(r['Name'], r['Directory']) for r in rows] == [(f'{top}/odd/d\\xff/in', f'{top}/odd/d\\xff')], rows)
    rng, wrong = random.Random(5), []
    for _ in range(200):
        n = bytes(rng.choice(b'\\x5cff\xff\xc3\xa4ab\x80\n') for _ in range(rng.randrange(1, 12)))
        write(b'odd/r' + n, n)
        if get(told(os.fsencode(top) + b'/odd/r' + n), 'Sha256') != {'Sha256': hashlib.sha256(n).hexdigest()}:
            wrong.append(n)
    case('200 more, by chance', not wrong, wrong[:3])


def acls():
    write('acl')
    os.chmod(f'{top}/acl', 0o640)
    entries = ['user::rw-', 'user:daemon:r-x', 'user:54321:rwx', 'group::r--', 'group:daemon:-w-', 'mask::rwx', 'other::---']
    r = do('acl', 'SetAcl', Entries=[e for e in entries if not e.startswith('mask')])
    if r == 'NOT_SUPPORTED':
        return case.skip('access lists', 'this file system has none')
    raw = os.getxattr(f'{top}/acl', 'system.posix_acl_access')
    case('an access list, with a mask made for it', ok(r) and struct.unpack('<IHHI', raw[:12]) == (2, 1, 6, 0xffffffff) and get('acl', 'Acl')['Acl'] == entries, (r, get('acl', 'Acl')))
    if shutil.which('getfacl'):
        said = subprocess.run(['getfacl', '-cpE', f'{top}/acl'], capture_output=True, text=True).stdout.split()
        case('as getfacl has it', sorted(said) == sorted(entries), said)
        subprocess.run(['setfacl', '-m', 'u:bin:r,m::r', f'{top}/acl'], check=True)
        said = subprocess.run(['getfacl', '-cpE', f'{top}/acl'], capture_output=True, text=True).stdout.split()
        case('as setfacl has made it', get('acl', 'Acl')['Acl'] == said, (said, get('acl', 'Acl')))
    else:
        case.skip('as getfacl has it', 'no getfacl')
    os.mkdir(f'{top}/acldir')
    d = ['user::rwx', 'group::r-x', 'group:daemon:rwx', 'mask::rwx', 'other::---']
    case('what new files get', ok(do('acldir', 'SetAcl', Entries=d, Default=True)) and get('acldir', 'DefaultAcl')['DefaultAcl'] == d and get('acldir', 'Acl')['Acl'] is None)
    for bad in (['user::rw-'], ['user::rw-', 'group::r--', 'other::r--', 'other::r--'], ['user::rw-', 'group::r--', 'other::r--', 'user:nobody-here:r'], ['user::rwz', 'group::r--', 'other::r--'], ['x'], ['mask:daemon:r', 'user::r', 'group::r', 'other::r'], ['']):
        case(f'no access list: {bad}', do('acl', 'SetAcl', Entries=bad) == 'INVALID_PARAMETER')
    case('of a file no default', do('acl', 'SetAcl', Entries=d, Default=True) == 'FAILED')
    case('what-if', ok(do('acl', 'SetAcl', True, Entries=d)) and get('acl', 'Acl')['Acl'][1].startswith('user:'))
    case('taken away', ok(do('acl', 'SetAcl', Entries=[])) and get('acl', 'Acl')['Acl'] is None and ok(do('acl', 'SetAcl', Entries=[])))


def attributes():
    write('xa')
    try:
        os.setxattr(f'{top}/xa', 'user.a', b'text \xc3\xa4')
    except OSError:
        return case.skip('extended attributes', 'this file system has none')
    os.setxattr(f'{top}/xa', 'user.bytes', b'\0\xff\x01')
    os.setxattr(f'{top}/xa', 'user.empty', b'')
    got = get('xa', 'ExtendedAttributes')['ExtendedAttributes']
    case('extended attributes', {k: v for k, v in got.items() if k.startswith('user.')} == {'user.a': 'text ä', 'user.bytes': '0s' + base64.b64encode(b'\0\xff\x01').decode(), 'user.empty': ''}, got)
    if shutil.which('getfattr'):
        said = dict(line.split('=', 1) for line in subprocess.run(['getfattr', '-dm-', '--absolute-names', '-e', 'base64', f'{top}/xa'], capture_output=True, text=True).stdout.splitlines() if '=' in line)
        case('as getfattr has them', {k: v for k, v in said.items()} == {k: '0s' + base64.b64encode(os.getxattr(f'{top}/xa', k)).decode() for k in got}, said)
    else:
        case.skip('as getfattr has them', 'no getfattr')
    case('set', ok(do('xa', 'SetExtendedAttribute', AttributeName='user.b', Value='v')) and os.getxattr(f'{top}/xa', 'user.b') == b'v')
    case('set to bytes', ok(do('xa', 'SetExtendedAttribute', AttributeName='user.b', Value='0sAP8=')) and os.getxattr(f'{top}/xa', 'user.b') == b'\0\xff')
    case('what-if', ok(do('xa', 'SetExtendedAttribute', True, AttributeName='user.b')) and os.getxattr(f'{top}/xa', 'user.b') == b'\0\xff')
    case('removed', ok(do('xa', 'SetExtendedAttribute', AttributeName='user.b')) and 'user.b' not in os.listxattr(f'{top}/xa'))
    case('not there', do('xa', 'SetExtendedAttribute', AttributeName='user.b') == 'NOT_FOUND')
    case('access lists have a method of their own', do('xa', 'SetExtendedAttribute', AttributeName='system.posix_acl_access', Value='x') == 'INVALID_PARAMETER')
    case('no base64', do('xa', 'SetExtendedAttribute', AttributeName='user.b', Value='0s!') == 'INVALID_PARAMETER')
    if ROOT and shutil.which('chattr') and subprocess.run(['chattr', '+i', f'{top}/xa'], capture_output=True).returncode == 0:
        got = get('xa', 'Attributes')['Attributes']
        subprocess.run(['chattr', '-i', f'{top}/xa'])
        case('immutable, as lsattr shows it', got == ['Immutable'] and get('xa', 'Attributes')['Attributes'] is None, got)
    else:
        case.skip('immutable', 'chattr does not work here')


def moving():
    data = os.urandom(3 << 20)
    write('from', data)
    os.chmod(f'{top}/from', 0o4751)
    os.utime(f'{top}/from', ns=(10**18, 10**18 + 5))
    if ROOT:
        os.chown(f'{top}/from', 1, 1)
        os.chmod(f'{top}/from', 0o4751)
    case('what-if of Copy', ok(do('from', 'Copy', True, Destination=f'{top}/to')) and not os.path.exists(f'{top}/to'))
    r = do('from', 'Copy', Destination=f'{top}/to')
    a, b = os.stat(f'{top}/from'), os.stat(f'{top}/to')
    case('Copy: contents, mode, owner, times', ok(r) and open(f'{top}/to', 'rb').read() == data and (a.st_mode, a.st_uid, a.st_gid, a.st_mtime_ns) == (b.st_mode, b.st_uid, b.st_gid, b.st_mtime_ns), r)
    case('not onto what is there', do('from', 'Copy', Destination=f'{top}/to') == 'ALREADY_EXISTS' and do('from', 'Rename', Destination=f'{top}/to') == 'ALREADY_EXISTS')
    write('other', b'o')
    case('unless Replace', ok(do('other', 'Copy', Destination=f'{top}/to', Replace=True)) and open(f'{top}/to', 'rb').read() == b'o')
    os.symlink('gone', f'{top}/ln')
    case('a link as a link', ok(do('ln', 'Copy', Destination=f'{top}/ln2')) and os.readlink(f'{top}/ln2') == 'gone')
    os.mkdir(f'{top}/dir')
    case('no folder', do('dir', 'Copy', Destination=f'{top}/dir2') == 'FAILED' and do('other', 'Copy', Destination=f'{top}/dir', Replace=True) == 'FAILED')
    os.mkfifo(f'{top}/fifo')
    case('no pipe', do('fifo', 'Copy', Destination=f'{top}/fifo2') == 'FAILED' and not os.path.exists(f'{top}/fifo2'))
    case('no folder to copy into', do('other', 'Copy', Destination=f'{top}/none/x') in ('NOT_FOUND', 'FAILED'))
    case('nowhere', do('other', 'Copy', Destination='x') == 'INVALID_PARAMETER' and do('other', 'Copy', Destination=f'{top}/other') == 'INVALID_PARAMETER' and do('absent', 'Copy', Destination=f'{top}/x') == 'NOT_FOUND')
    case('a file of /proc', ok(do('/proc/self/status', 'Copy', Destination=f'{top}/status')) and b'reeve-agent' in open(f'{top}/status', 'rb').read())
    case('Rename', ok(do('other', 'Rename', Destination=f'{top}/renamed')) and not os.path.exists(f'{top}/other') and open(f'{top}/renamed', 'rb').read() == b'o')
    case('a folder is renamed', ok(do('dir', 'Rename', Destination=f'{top}/dir3')) and os.path.isdir(f'{top}/dir3'))
    case('SetMode', ok(do('renamed', 'SetMode', Mode='0600')) and os.stat(f'{top}/renamed').st_mode & 0o7777 == 0o600 and do('renamed', 'SetMode', Mode='999x') == 'INVALID_PARAMETER')
    if ROOT:
        case('SetOwner', ok(do('renamed', 'SetOwner', Owner='daemon', Group='2')) and os.stat(f'{top}/renamed').st_uid == 1 and os.stat(f'{top}/renamed').st_gid == 2)
    case('SetOwner of nobody', do('renamed', 'SetOwner') == 'INVALID_PARAMETER' and do('renamed', 'SetOwner', Owner='no-such') == 'INVALID_PARAMETER')
    case('nothing is left beside them', not [n for n in os.listdir(top) if 'reeve-' in n], os.listdir(top))


def contents():
    write('c', 'ä line\n'.encode() * 10)
    r = out(do('c', 'GetContent'))
    case('GetContent', r['Content'] == 'ä line\n' * 10 and r['ContentEncoding'] == 'Text' and r['Size'] == 80 and r['Revision'] == get('c', 'Revision')['Revision'], r)
    r = out(do('c', 'GetContent', Offset=1, Length=3))
    case('a part within a character', r['ContentEncoding'] == 'Base64' and base64.b64decode(r['Content']) == 'ä line'.encode()[1:4], r)
    case('Text that is none', do('c', 'GetContent', Offset=1, Length=3, Encoding='Text') == 'FAILED')
    r = out(do('c', 'GetContent', Offset=1000))
    case('behind the end', r['Content'] == '' and r['Size'] == 80, r)
    case('of a folder', do('/', 'GetContent') == 'FAILED' and do('ln', 'GetContent') == 'FAILED')
    rev = get('c', 'Revision')['Revision']
    r = do('c', 'SetContent', Content='AP8B', Encoding='Base64', IfRevision=rev)
    case('SetContent of bytes', ok(r) and open(f'{top}/c', 'rb').read() == b'\0\xff\x01' and out(r)['Revision'] == get('c', 'Revision')['Revision'] != rev, r)
    case('of another revision: refused', do('c', 'SetContent', Content='lost', IfRevision=rev) == 'FAILED' and open(f'{top}/c', 'rb').read() == b'\0\xff\x01')
    case('what-if', ok(do('c', 'SetContent', True, Content='no')) and open(f'{top}/c', 'rb').read() == b'\0\xff\x01')
    case('no base64', do('c', 'SetContent', Content='!', Encoding='Base64') == 'INVALID_PARAMETER' and do('absent', 'SetContent', Content='x') == 'NOT_FOUND')
    first, n, wins = out(do('c', 'GetContent'))['Revision'], 8, []
    def write_one(i):
        wins.append(ok(do('c', 'SetContent', Content=f'{i}', IfRevision=first)))
    threads = [threading.Thread(target=write_one, args=(i,)) for i in range(n)]
    [t.start() for t in threads], [t.join() for t in threads]
    case('readers see whole contents only; somebody wins', any(wins) and open(f'{top}/c').read() in map(str, range(n)), wins)
    stop, torn = threading.Event(), []
    def reader():
        while not stop.is_set():
            with open(f'{top}/c', 'rb') as f:
                s = f.read()
            if len(set(s)) > 1:
                torn.append(s[:20])
    t = threading.Thread(target=reader)
    do('c', 'SetContent', Content='z')
    t.start()
    for i in range(40):
        do('c', 'SetContent', Content=chr(97 + i % 20) * 100000)
    stop.set()
    t.join()
    case('never a half', not torn, torn[:2])
    with open(f'{top}/big', 'wb') as f:
        f.truncate(200 << 20)
    want = subprocess.run(['sha256sum', f'{top}/big'], capture_output=True, text=True).stdout[:64]
    case('a sum of 200 MiB', get('big', 'Sha256') == {'Sha256': want})


def silent():
    """A FUSE program that hangs: only what lies on it is refused, soon; others are answered meanwhile, however many ask for it."""
    if not ROOT:
        return case.skip('a file system that does not answer', 'needs root')
    os.mkdir(f'{top}/hung'), os.mkdir(f'{top}/mounts')
    os.mkdir(f'{top}/mounts/hung'), write('mounts/fine')
    try:
        fs = fuselib.Hanging(f'{top}/mounts/hung')
    except OSError as e:
        return case.skip('a file system that does not answer', f'FUSE: {e}')
    try:
        os.symlink(f'{top}/mounts/hung', f'{top}/way')
        answers = []

        def ask(path):
            with agent.open() as p:
                p.sock.settimeout(60)
                answers.append((path, p.call('GetInstance', {'ClassName': 'File', 'InstanceName': {'Name': path}})))
        paths = [f'{top}/mounts/hung', f'{top}/mounts/hung/x', f'{top}/way/y'] * 6
        threads = [threading.Thread(target=ask, args=(p,)) for p in paths]
        [t.start() for t in threads]
        begin, slowest = time.monotonic(), 0
        for _ in range(20):
            t = time.monotonic()
            fine = get('/etc/passwd', 'Size')
            slowest = max(slowest, time.monotonic() - t)
        [t.join() for t in threads]
        case('others are answered meanwhile', fine and slowest < 20, slowest)
        names = {(p, r.get('error', {}).get('data', {}).get('Name')) for p, r in answers}
        case('what lies on it: UNAVAILABLE, also by a link', len(answers) == 18 and {n for _, n in names} == {'UNAVAILABLE'}, names)
        r = call('EnumerateInstances', Filter=f"Directory = '{top}/mounts'", PropertyList=['Name', 'Type', 'Size'])['result']
        got = {x['Name'][len(top) + 8:]: (x['Type'], x['Size']) for x in r['Instances']}
        case('the folder that it is in', got == {'fine': ('File', 1), 'hung': ('Directory', None)} and 'does not answer' in str(r.get('Partial')), r)
        case('no change either', do(f'{top}/mounts/hung/x', 'Delete') == 'UNAVAILABLE' and do('acl', 'Copy', Destination=f'{top}/mounts/hung/x') == 'UNAVAILABLE')
    finally:
        fs.wake()
        fuselib.LIBC.umount2(f'{top}/mounts/hung'.encode(), 2)
        fs.close()


try:
    many()
    packages()
    odd_names()
    acls()
    attributes()
    moving()
    contents()
    silent()
finally:
    agent.stop()
    shutil.rmtree(top)
case.end()
