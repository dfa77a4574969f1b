#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Copy-Item -ToSession and -FromSession: bytes exact, at the destination whole or not at all, trees, many hosts at once, hosts that
refuse a file or go away in the middle; nothing that a host names lands elsewhere."""
import base64, hashlib, json, os, random, shutil, signal, socket, subprocess, sys, tempfile, time
sys.path.insert(0, os.path.dirname(__file__))
from agentlib import Cases, BUILD
from sshhost import Host

case = Cases()
host = Host()
work = tempfile.mkdtemp(prefix='reeve-copy.')
here, there = f'{work}/here', f'{work}/there'
os.makedirs(here)
os.makedirs(there)
with open(f'{work}/config', 'w') as f:
    f.write(f'Host *\n HostName 127.0.0.1\n Port {host.port}\n IdentityFile {host.key}\n User {host.user}\n IdentitiesOnly yes\n'
            f' UserKnownHostsFile {host.known_hosts}\n StrictHostKeyChecking yes\n LogLevel ERROR\n')
ENV = dict(os.environ, REEVE_SSH=f'ssh -F {work}/config', NO_COLOR='1', LC_ALL='C.UTF-8')
ENV.pop('REEVE_SOCKET', None)


def run(script, env=ENV, timeout=50):
    r = subprocess.run([f'{BUILD}/bin/reeve', '-NoProfile', '-Command', f'Set-Location {here}; $s = New-PSSession -HostName good; ' + script],
                       capture_output=True, text=True, timeout=timeout, env=env, stdin=subprocess.DEVNULL)
    return r.returncode, r.stdout, r.stderr


def write(path, data, mode=0o644):
    with open(path, 'wb') as f:
        f.write(data)
    os.chmod(path, mode)


def read(path):
    with open(path, 'rb') as f:
        return f.read()


def left(folder=there):
    return sorted(os.path.relpath(os.path.join(d, n), folder) for d, ds, fs in os.walk(folder) for n in ds + fs)


# ---- one file ----
every = bytes(range(256)) * 3 + b'\r\n\0\xff'
big = random.Random(1).randbytes(5 << 20) + b'x'         # several pieces, the last one short
write(f'{here}/every', every, 0o640)
write(f'{here}/big', big, 0o755)
write(f'{here}/empty', b'')
os.utime(f'{here}/big', ns=(0, 1_600_000_000_123_456_789))
rc, out, err = run(f'Copy-Item every, big, empty -Destination {there} -ToSession $s')
case('files arrive byte for byte', rc == 0 and not out and [read(f'{there}/{n}') for n in ('every', 'big', 'empty')] == [every, big, b''], (rc, out, err))
case('with their permissions and times', os.stat(f'{there}/every').st_mode & 0o777 == 0o640 & ~0o022 and os.stat(f'{there}/big').st_mode & 0o777 == 0o755
     and os.stat(f'{there}/big').st_mtime_ns == 1_600_000_000_123_456_789, os.stat(f'{there}/big'))
case('and nothing beside them', left() == ['big', 'empty', 'every'], left())
rc, out, err = run(f'Copy-Item {there}/b*, {there}/every -Destination {here}/back -FromSession $s; New-Item -ItemType Directory {here}/back2 | Out-Null; '
                   f'(Copy-Item {there}/* -Destination {here}/back2 -FromSession $s -PassThru).Name -join ","')
case('and back: the last one under the new name, all of a pattern into a folder', rc == 0 and read(f'{here}/back') == every
     and [read(f'{here}/back2/{n}') for n in ('every', 'big', 'empty')] == [every, big, b''] and sorted(out.strip().split(',')) == ['big', 'empty', 'every'], (rc, out, err))
rc, out, err = run('Copy-Item every x -ToSession $s -WhatIf; Copy-Item every y -FromSession $s -WhatIf', timeout=30)
case('-WhatIf', 'What if' in out + err and not os.path.exists(os.path.expanduser('~/x')), (rc, out, err))

# ---- what is there already ----
write(f'{there}/every', b'old', 0o600)
os.symlink('every', f'{there}/link')
inode = os.stat(f'{there}/every').st_ino
with open(f'{there}/every', 'rb') as old:
    rc, out, err = run(f'Copy-Item big {there}/link -ToSession $s')
    case('a file is replaced at once: who reads the old one reads on', rc == 0 and old.read() == b'old' and read(f'{there}/every') == big, (rc, err))
case('a link stays a link, permissions stay', os.path.islink(f'{there}/link') and os.stat(f'{there}/every').st_mode & 0o777 == 0o600, os.stat(f'{there}/every'))
rc, out, err = run(f'''Copy-Item every /proc/nix/y -ToSession $s; $Error[0].TargetObject
    Copy-Item nix {there} -ToSession $s
    Copy-Item {there}/nix . -FromSession $s
    Copy-Item every /dev/null -ToSession $s
    Copy-Item every {there}/a -ToSession $s -FromSession $s''')
case('errors name the host, the path and the reason', rc == 1 and out.strip() == 'good' and "[good] '/proc/nix/y': there is no such" in err and 'nix' in err
     and f"[good] '{there}/nix': there is no such" in err and "'/dev/null': it is not a regular file" in err and 'cannot be used together' in err, (rc, out, err))

# ---- trees ----
tree = f'{here}/tree'
os.makedirs(f'{tree}/a/b c')
write(f'{tree}/a/b c/ä', b'deep')
write(f'{tree}/top', b'top')
write(f'{tree}/.hidden', b'h')
os.symlink('top', f'{tree}/tolink')
os.symlink('..', f'{tree}/a/round')
rc, out, err = run(f'Copy-Item tree {there} -Recurse -ToSession $s')
want = ['.hidden', 'a', 'a/b c', 'a/b c/ä', 'tolink', 'top']
case('a tree, but no links that lead round', left(f'{there}/tree') == want and read(f'{there}/tree/a/b c/ä') == b'deep' and 'LinkToFolder' not in out and 'link to a folder' in err, (rc, err, left(f'{there}/tree')))
rc, out, err = run(f'Copy-Item {there}/tree {here}/again -Recurse -FromSession $s')
case('and back, under another name', rc == 0 and left(f'{here}/again') == want and read(f'{here}/again/tolink') == b'top', (rc, err))
os.makedirs(f'{there}/shallow')
rc, out, err = run(f'Copy-Item tree {there}/shallow -ToSession $s')
case('without -Recurse the folder alone', rc == 0 and left(f'{there}/shallow') == ['tree'], (rc, err, left(f'{there}/shallow')))

# ---- many hosts; one that fails does not stop the others ----
rc, out, err = run(f'''$all = New-PSSession -HostName one, two, three
    Invoke-Command -Session $all {{ Set-Location (New-Item -ItemType Directory "{there}/$PID").FullName; $PID }} | Out-Null
    Invoke-Command -Session $all[1] {{ New-Item -ItemType Directory big/big | Out-Null }}
    Copy-Item {here}/big, {here}/every -ToSession $all''')
got = {n: [os.path.isfile(f'{d}/big') or os.path.isfile(f'{d}/big/big'), os.path.exists(f'{d}/every')] for n in os.listdir(there) if n.isdigit() for d in [f'{there}/{n}']}
case('each host gets what it can take', rc == 1 and sorted(got.values()) == [[False, True], [True, True], [True, True]] and err.count('it is a folder') == 1 and '[two]' in err, (got, err))

# ---- what ends in the middle ----
os.makedirs(f'{there}/mid')
os.mkfifo(f'{here}/gate')
rc, out, err = run(f'Copy-Item {here}/gate {there}/mid -ToSession $s')
case('a pipe is no file', rc == 1 and left(f'{there}/mid') == [], (rc, err))
r = subprocess.Popen([f'{BUILD}/bin/reeve', '-NoProfile', '-Command', f'''$s = New-PSSession -HostName good; Invoke-Command -Session $s {{ Set-Content {there}/pid $PID }}
    while ($true) {{ Copy-Item {here}/big {there}/mid/big -ToSession $s -ErrorAction Stop }}'''], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=ENV)
end = time.monotonic() + 30
while not os.path.exists(f'{there}/mid/big') and time.monotonic() < end:
    time.sleep(0.01)
os.kill(int(read(f'{there}/pid')), signal.SIGKILL)
err = r.communicate(timeout=30)[1]
case('the far end dies: an error, the file is whole, nothing beside it', r.returncode == 1 and 'went away' in err and left(f'{there}/mid') == ['big']
     and read(f'{there}/mid/big') == big, (r.returncode, err, left(f'{there}/mid')))

# ---- what a host says is not believed ----
def fake(lines, script):
    """A session with a host that answers the n-th request with the n-th lines."""
    path = f'{work}/fake'
    with open(path, 'w') as f:
        f.write('#!/bin/sh\necho \'{"Reeve":1}\'\n' + ''.join(f"read -r line\ncat <<'END'\n{t}\nEND\n" for t in lines) + 'cat >/dev/null\n')
    os.chmod(path, 0o755)
    os.makedirs(f'{here}/in', exist_ok=True)
    got = run(script, env=dict(ENV, REEVE_SSH=path))
    inside = left(f'{here}/in')
    shutil.rmtree(f'{here}/in')
    return *got, inside


entry = lambda n, **more: json.dumps({'Id': 1, 'Entry': n, 'Top': '/x', 'Folder': False, 'Mode': 420, 'Time': '1', **more})
done = lambda i: f'{{"Id":{i},"End":true,"Failed":false}}'
data = lambda d: json.dumps({'Id': 2, 'Data': d})
for name in ('../escape', '..', '/etc/escape', 'a/../../escape', '', 'a//b', './a', 'a/'):
    rc, out, err, inside = fake([entry(name) + '\n' + done(1), data(base64.b64encode(b'bad').decode()) + '\n' + done(2)], 'Copy-Item x in -FromSession $s; "on"')
    case(f'a file named {name!r} lands nowhere', 'on' in out and 'elsewhere' in err and inside == [] and not os.path.exists(f'{here}/escape'), (out, err, inside))
rc, out, err, inside = fake([entry('ok') + '\n' + done(1), data(base64.b64encode(b'fine').decode()) + '\n' + done(2)], 'Copy-Item x in -FromSession $s')
case('(a good one does)', rc == 0 and inside == ['ok'], (rc, err, inside))
for text in ('!', 'AAA', 'A===', 'AA==AAAA', '\\u0000AAA'):
    rc, out, err, inside = fake([entry('ok') + '\n' + done(1), '{"Id":2,"Data":"' + text + '"}\n' + done(2)], 'Copy-Item x in -FromSession $s; "on"')
    case(f'data {text!r} is an error, and no file', 'on' in out and err and inside == [], (out, err, inside))
rc, out, err, inside = fake([entry('ok') + '\n' + done(1), data('AAAA') + '\n{"Id":2,"Stream":2,"Message":"disk"}\n{"Id":2,"End":true,"Failed":true}'], 'Copy-Item x in -FromSession $s')
case('a file that breaks off there is none here', rc == 1 and '[good] disk' in err and inside == [], (rc, err, inside))
far = subprocess.Popen([f'{BUILD}/bin/reeve', 'remote'], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=ENV)
requests = ['{"Id":1,"File":"Piece","Data":"AAAA"}', '{"Id":2,"File":"Nix"}', '{"Id":3,"File":7}', '{"Id":4,"File":"Put","Path":"/tmp","Leaf":"a/b"}', '{"Id":5,"File":"Put","Leaf":"a"}',
            '{"Id":6,"File":"List"}', '{"Id":7,"File":"Get","Path":"/dev/zero"}', f'{{"Id":8,"File":"Put","Path":"{there}","Leaf":"short"}}', '{"Id":9,"File":"Close","Size":"3"}',
            '{"Id":10,"File":"Close","Size":"0"}', '{"Id":11,"File":"Get"}', '{"Id":12,"File":"Put","Under":"x"}']
far.stdin.write('\n'.join(requests) + '\n')
far.stdin.flush()
lines = []
while not lines or not ('"Id":12,' in lines[-1] and '"End"' in lines[-1]):
    lines.append(far.stdout.readline())
far.communicate(timeout=30)
out = ''.join(lines)
ends = {j['Id']: j['Failed'] for j in map(json.loads, out.splitlines()) if j.get('End')}
case('malformed requests are answered, each as failed', ends == {i: i != 8 for i in range(1, 13)} and not os.path.exists(f'{there}/short'), out)

host.stop()
shutil.rmtree(work)
case.end()
