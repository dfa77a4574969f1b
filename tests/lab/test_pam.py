#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Logins with PAM: a mount namespace with pam.d, passwd and shadow of its own, users made for it, and reeved in there as root. Real modules:
pam_unix checks, pam_time and pam_access refuse, pam_limits, pam_env and pam_exec leave their marks on the session."""
import os, shutil, subprocess, sys, tempfile, time, warnings

sys.path[:0] = [os.path.join(os.path.dirname(os.path.abspath(__file__)), '../integration')]
if os.geteuid():
    print('SKIP PAM: needs root')
    sys.exit(77)
if subprocess.run(['unshare', '-m', 'true'], capture_output=True).returncode:
    print('SKIP PAM: namespaces cannot be made here (unshare)')
    sys.exit(77)
for module in ('unix', 'exec', 'limits', 'env', 'deny', 'permit', 'succeed_if'):
    if not any(os.path.exists(f'{d}/pam_{module}.so') for d in ('/lib/x86_64-linux-gnu/security', '/usr/lib/security', '/lib/aarch64-linux-gnu/security')):
        print(f'SKIP PAM: pam_{module} is not installed')
        sys.exit(77)
import agentlib, sshhost
from agentlib import until
warnings.simplefilter('ignore')
import paramiko

check = agentlib.Cases()
SERVICE = """auth    required pam_unix.so
account required pam_succeed_if.so quiet user != locked
account required pam_unix.so
session required pam_limits.so conf={place}/limits.conf
session required pam_env.so conffile={place}/env.conf readenv=0
session required pam_exec.so {place}/mark
"""


class PamHost(sshhost.Host):
    """reeved under files of its own."""
    def __init__(self, place, pam):
        self.place = place
        bind = ' && '.join(f'mount --bind {place}/{name} /etc/{name}' for name in ('passwd', 'shadow', 'group', 'pam.d'))
        program = os.path.join(place, 'reeved')
        real = os.path.realpath(f'{sshhost.BUILD}/bin/reeved')
        with open(program, 'w') as f:
            f.write(f'#!/bin/sh\nexec unshare -m sh -c \'{bind} && exec {real} "$@"\' sh "$@"\n')
        os.chmod(program, 0o755)
        build = sshhost.BUILD
        os.makedirs(f'{place}/bin', exist_ok=True)
        shutil.move(program, f'{place}/bin/reeved')
        sshhost.BUILD = place
        try:
            super().__init__(config=f'[ssh]\npenalties = no\npam = {pam}\n')
        finally:
            sshhost.BUILD = build


def prepare(place):
    os.chmod(place, 0o755)
    os.makedirs(f'{place}/pam.d')
    for name in ('anna', 'ben', 'locked'):
        os.makedirs(f'{place}/{name}')
        os.chown(f'{place}/{name}', 40000, 40000)
    # "correct horse" for anna and locked; ben has none
    secret = subprocess.run(['openssl', 'passwd', '-6', '-salt', 'reeve', 'correct horse'], capture_output=True, text=True, check=True).stdout.strip()
    passwd, shadow, group = (open(f'/etc/{n}').read() for n in ('passwd', 'shadow', 'group'))
    for uid, (name, hashed, expired) in enumerate((('anna', secret, ''), ('ben', '', ''), ('locked', secret, ''), ('old', secret, '1')), 40000):
        home = f'{place}/{name}' if os.path.isdir(f'{place}/{name}') else '/'
        passwd += f'{name}:x:{uid}:40000::{home}:/bin/sh\n'
        shadow += f'{name}:{hashed}:19000:0:99999:7::{expired}:\n'
    for name, text, mode in (('passwd', passwd, 0o644), ('shadow', shadow, 0o600), ('group', group + 'pamusers:x:40000:\n', 0o644)):
        with open(f'{place}/{name}', 'w') as f:
            f.write(text)
        os.chmod(f'{place}/{name}', mode)
    open(f'{place}/pam.d/reeve', 'w').write(SERVICE.format(place=place))
    open(f'{place}/pam.d/other', 'w').write('auth required pam_deny.so\naccount required pam_deny.so\nsession required pam_deny.so\n')
    open(f'{place}/limits.conf', 'w').write('* hard nproc 321\n* soft nofile 654\n* hard nofile 655\n')
    open(f'{place}/env.conf', 'w').write('FROM_PAM DEFAULT=yes\nHOME DEFAULT=/nowhere\nLD_PRELOAD DEFAULT=/evil.so\n')
    open(f'{place}/mark', 'w').write(f'#!/bin/sh\necho "$PAM_TYPE $PAM_USER $PAM_RHOST $PAM_SERVICE" >> {place}/marks\n')
    os.chmod(f'{place}/mark', 0o755)
    open(f'{place}/marks', 'w').close()


def login(host, user, password, way='password'):
    """A transport that is in, or None."""
    t = paramiko.Transport(('127.0.0.1', host.port))
    try:
        t.start_client(timeout=30)
        t.auth_timeout = 60
        if way == 'password':
            t.auth_password(user, password, fallback=False)
        else:
            t.auth_interactive(user, lambda title, text, prompts: [password for _ in prompts])
        return t
    except (paramiko.SSHException, EOFError):
        t.close()
        return None


def run(t, command):
    c = t.open_session(timeout=30)
    c.settimeout(30)
    c.exec_command(command)
    out = b''
    while piece := c.recv(65536):
        out += piece
    return out.decode().strip()


def gets_in(host, *args):
    t = login(host, *args)
    if t:
        t.close()
    return t is not None


def marks(host):
    return open(f'{host.place}/marks').read().split('\n')[:-1]


def passwords(host):
    for way in ('password', 'interactive'):
        check(f'{way}: the right one', gets_in(host, 'anna', 'correct horse', way))
        check(f'{way}: a wrong one', not gets_in(host, 'anna', 'wrong horse', way))
        check(f'{way}: none', not gets_in(host, 'anna', '', way))
        check(f'{way}: a user who is not there', not gets_in(host, 'nobody-here', 'correct horse', way))
        check(f'{way}: an account with an empty password', not gets_in(host, 'ben', '', way) and not gets_in(host, 'ben', 'x', way))
        check(f'{way}: root needs a key', not gets_in(host, 'root', 'correct horse', way))
        check(f'{way}: the account step refuses', not gets_in(host, 'locked', 'correct horse', way))
        check(f'{way}: an account that has expired', not gets_in(host, 'old', 'correct horse', way))
    log = lambda: open(os.path.join(host.dir, 'log')).read()
    check('the log says how and why not', until(lambda: 'anna logged in from' in log() and 'by password' in log() and 'PAM lets locked not in' in log()), log()[-800:])
    check('and never the password', 'horse' not in log())


def session(host):
    before = len(marks(host))
    t = login(host, 'anna', 'correct horse')
    check('the session step is done once', until(lambda: len(marks(host)) > before) and marks(host)[before:] == ['open_session anna 127.0.0.1 reeve'], marks(host)[before:])
    check('as the user', run(t, 'id -un; id -u').split() == ['anna', '40000'])
    sftp = paramiko.SFTPClient.from_transport(t)
    path = f'{host.place}/anna/file'
    sftp.open(path, 'w').close()
    denied = ''
    try:
        sftp.open('/etc/shadow')
    except PermissionError:
        denied = 'yes'
    check('file transfer is hers too', os.stat(path).st_uid == 40000 and denied, os.stat(path))
    sftp.close()
    check("PAM's variables, but for ours", run(t, '"$env:FROM_PAM|$env:HOME|$env:LD_PRELOAD"') == f'yes|{host.place}/anna|')
    limits = {line[:25].strip(): line[26:].split()[:2] for line in run(t, 'cat /proc/self/limits').splitlines()}
    check("PAM's limits", limits['Max processes'][1] == '321' and limits['Max open files'] == ['654', '655'], limits)
    t.close()
    check('and ended with the connection', until(lambda: marks(host)[before + 1:] == ['close_session anna 127.0.0.1 reeve']), marks(host)[before:])
    check('its process has gone', until(lambda: not host.children('reeve-pam')), host.children('reeve-pam'))
    with open(os.path.join(host.dir, 'keys.d', 'anna.keys'), 'w') as f:
        f.write(open(host.key + '.pub').read())
    r = subprocess.run(['ssh', '-F', host.config, '-l', 'anna', 'reeve-host', '"$env:FROM_PAM"'], capture_output=True, text=True, timeout=30, stdin=subprocess.DEVNULL)
    check('a login by key has account and session steps too', r.stdout.strip() == 'yes', r)
    with open(os.path.join(host.dir, 'keys.d', 'locked.keys'), 'w') as f:
        f.write(open(host.key + '.pub').read())
    r = subprocess.run(['ssh', '-F', host.config, '-l', 'locked', '-o', 'BatchMode=yes', 'reeve-host', '1'], capture_output=True, text=True, timeout=30, stdin=subprocess.DEVNULL)
    check('and PAM can refuse it', r.returncode == 255 and 'ermission denied' in r.stderr, r)


class Forger(paramiko.Ed25519Key):
    """Somebody who knows a public key, and cannot sign with it."""
    def sign_ssh_data(self, data, algorithm=None):
        m = super().sign_ssh_data(data, algorithm)
        raw = bytearray(m.asbytes())
        raw[-1] ^= 1
        return paramiko.Message(bytes(raw))


def unproven(host):
    """A key that was shown but not proven leaves nothing behind for the password after it."""
    with open(os.path.join(host.dir, 'keys.d', 'anna.keys'), 'w') as f:
        f.write('command="1 + 1" ' + open(host.key + '.pub').read())
    t = paramiko.Transport(('127.0.0.1', host.port))
    t.start_client(timeout=30)
    refused = False
    try:
        t.auth_publickey('anna', Forger.from_private_key_file(host.key))
    except paramiko.AuthenticationException:
        refused = True
    t.auth_password('anna', 'correct horse', fallback=False)
    check('a key that was only shown counts for nothing', refused and run(t, '"asked"') == 'asked')
    t.close()


def guesses(host):
    """One connection may not try for ever."""
    t = paramiko.Transport(('127.0.0.1', host.port))
    t.start_client(timeout=30)
    tries = 0
    try:
        while tries < 20:
            tries += 1
            try:
                t.auth_password('anna', f'guess {tries}', fallback=False)
            except paramiko.AuthenticationException:
                if not t.is_active():
                    break
    except (paramiko.SSHException, EOFError):
        pass
    t.close()
    check('six guesses, and the connection ends', 5 <= tries <= 7, tries)


def openssh(host):
    ask = f'{host.place}/ask'
    with open(ask, 'w') as f:
        f.write('#!/bin/sh\necho correct horse\n')
    os.chmod(ask, 0o755)
    env = dict(os.environ, SSH_ASKPASS=ask, SSH_ASKPASS_REQUIRE='force')
    for way in ('password', 'keyboard-interactive'):
        r = subprocess.run(['ssh', '-F', '/dev/null', *host.options[2:], '-p', str(host.port), '-o', f'PreferredAuthentications={way}', 'anna@127.0.0.1', '"in"'],
                           env=env, capture_output=True, text=True, timeout=60, stdin=subprocess.DEVNULL)
        check(f"OpenSSH's client, {way}", r.stdout.strip() == 'in', r)


place = tempfile.mkdtemp(prefix='reeve-pam.')
host = None
try:
    prepare(place)
    host = PamHost(place, 'yes')
    os.chmod(host.dir, 0o711)
    passwords(host)
    session(host)
    unproven(host)
    guesses(host)
    openssh(host)
    host.stop()
    host = PamHost(place, 'keys')
    os.chmod(host.dir, 0o711)
    check('pam = keys: no passwords', not gets_in(host, 'anna', 'correct horse') and not gets_in(host, 'anna', 'correct horse', 'interactive'))
    before = len(marks(host))
    check('but session steps', host.ssh('1').stdout.strip() == '1' and until(lambda: len(marks(host)) == before + 2), marks(host)[before:])
    host.stop()
    host = PamHost(place, 'no')
    before = len(marks(host))
    check('pam = no: none of it', not gets_in(host, 'anna', 'correct horse') and host.ssh('1').stdout.strip() == '1' and len(marks(host)) == before)
finally:
    if host:
        host.stop()
    shutil.rmtree(place, ignore_errors=True)
check.end()
