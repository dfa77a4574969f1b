#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""SSH user certificates with OpenSSH's client: who is let in by which authority, and everything that keeps one out."""
import base64, os, shutil, subprocess, sys, tempfile, time, warnings

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import agentlib, sshhost
warnings.simplefilter('ignore')
import paramiko

check = agentlib.Cases()


def keygen(*args, **kw):
    return subprocess.run(['ssh-keygen', '-q', *args], check=True, capture_output=True, **kw)


class User:
    """A key, and a login with one certificate of it."""
    def __init__(self, host, name, *kind):
        self.host, self.path = host, os.path.join(host.dir, name)
        keygen('-N', '', '-f', self.path, *(kind or ('-t', 'ed25519')))

    def cert(self, ca, *options, principals=None):
        keygen('-s', ca, '-I', 'id of ' + os.path.basename(self.path), '-n', principals or self.host.user, *options, self.path + '.pub')
        return self

    def login(self, *command):
        config = self.path + '.conf'
        with open(config, 'w') as f:
            f.write(open(self.host.config).read().replace(f'IdentityFile {self.host.key}', f'IdentityFile {self.path}\n CertificateFile {self.path}-cert.pub'))
        return subprocess.run(['ssh', '-F', config, '-o', 'BatchMode=yes', *(command or ('reeve-host', '"in"'))], capture_output=True, text=True, timeout=40,
                              stdin=subprocess.DEVNULL)

    def is_in(self):
        return self.login().stdout.strip() == 'in'

    def is_out(self):
        r = self.login()
        return r.returncode == 255 and 'ermission denied' in r.stderr and not r.stdout


def by_paramiko(user):
    """A client that offers whatever certificate it has."""
    c = paramiko.SSHClient()
    c.set_missing_host_key_policy(paramiko.AutoAddPolicy())
    key = paramiko.Ed25519Key.from_private_key_file(user.path)
    key.load_certificate(user.path + '-cert.pub')
    try:
        c.connect('127.0.0.1', user.host.port, user.host.user, pkey=key, look_for_keys=False, allow_agent=False, timeout=30)
        return True
    except paramiko.SSHException:
        return False
    finally:
        c.close()


def log(host):
    return open(os.path.join(host.dir, 'log'), errors='replace').read()


def said(host, text):
    end = time.monotonic() + 30
    while text not in log(host):
        if time.monotonic() > end:
            return False
        time.sleep(0.05)
    return True


def pub(path):
    return open(path + '.pub').read()


def write(path, text):
    with open(path + '.new', 'w') as f:
        f.write(text)
    os.rename(path + '.new', path)


def trusted(host, ca):
    for n, kind in enumerate((('-t', 'ed25519'), ('-t', 'ecdsa', '-b', '256'), ('-t', 'ecdsa', '-b', '384'), ('-t', 'ecdsa', '-b', '521'),
                              ('-t', 'rsa', '-b', '2048'))):
        user = User(host, f'kind{n}', *kind)
        check(f'a certificate of {" ".join(kind[1:])}', user.cert(ca).is_in())
        own = os.path.join(host.dir, f'ca{n}')
        keygen('-N', '', '-f', own, *kind)
        write(host.authorities, pub(ca) + pub(own))
        check(f'an authority with {" ".join(kind[1:])}', user.cert(own, *(('-t', 'rsa-sha2-256') if kind[1] == 'rsa' else ())).is_in())
    check('the log names certificate and key', said(host, 'certificate "id of kind0" serial 0'))
    write(host.authorities, pub(ca))
    anna = User(host, 'anna')
    check('the key alone does not count', User(host, 'other').cert(os.path.join(host.dir, 'ca0')).is_out())
    check('another authority', anna.cert(os.path.join(host.dir, 'ca1')).is_out())
    check('another principal', anna.cert(ca, principals='somebody').is_out() and said(host, 'does not name this user'))
    check('several principals', anna.cert(ca, principals=f'a,b,{host.user}').is_in())
    keygen('-s', ca, '-I', 'x', anna.path + '.pub')
    check('no principals at all', anna.is_out())
    check("a host's certificate", not by_paramiko(anna.cert(ca, '-h')) and said(host, "is a host's") and by_paramiko(anna.cert(ca)))
    check('one that has expired', anna.cert(ca, '-V', '20200101:20210101').is_out() and said(host, 'certificate has expired'))
    check('one that does not count yet', anna.cert(ca, '-V', '+1d:+2d').is_out() and said(host, 'does not count yet'))
    check('one that counts now', anna.cert(ca, '-V', '-1d:+1d').is_in())
    write(host.authorities, pub(ca) + pub(os.path.join(host.dir, 'ca4')))
    check('an authority that signs with SHA-1', anna.cert(os.path.join(host.dir, 'ca4'), '-t', 'ssh-rsa').is_out())
    write(host.authorities, pub(ca))


def options(host, ca):
    anna = User(host, 'options')
    check('source-address that fits', anna.cert(ca, '-O', 'source-address=127.0.0.0/8').is_in())
    check('source-address that does not', anna.cert(ca, '-O', 'source-address=10.0.0.0/8').is_out() and said(host, 'source-address does not name'))
    check('a critical option that nobody knows', anna.cert(ca, '-O', 'critical:what@example.com=1').is_out() and said(host, 'critical option that is not known'))
    check('an extension that nobody knows', anna.cert(ca, '-O', 'extension:what@example.com=1').is_in())
    anna.cert(ca, '-O', 'force-command="forced"')
    r = anna.login('reeve-host', '"asked"')
    check('force-command', r.stdout.strip() == 'forced', r)
    check('a terminal where it is permitted', anna.cert(ca).login('-tt', 'reeve-host', '"in"').returncode == 0)
    r = anna.cert(ca, '-O', 'no-pty').login('-tt', 'reeve-host', '"in"')
    check('and none where it is not', 'PTY allocation request failed' in r.stderr or r.returncode != 0, r)


def changed(host, ca):
    """Each byte of a certificate counts: none of them may be another."""
    anna = User(host, 'bytes').cert(ca)
    path = anna.path + '-cert.pub'
    kind, text, *_ = open(path).read().split()
    blob = base64.b64decode(text)
    step = max(1, len(blob) // 12)
    let_in = []
    for at in range(60, len(blob), step):   # from behind type and nonce's length on
        wrong = bytearray(blob)
        wrong[at] ^= 1
        write(path, f'{kind} {base64.b64encode(bytes(wrong)).decode()} x\n')
        r = anna.login()
        if r.stdout:
            let_in.append(at)
    check('a changed certificate lets nobody in', not let_in, let_in)
    for n in (len(blob) - 1, len(blob) // 2, 80):
        write(path, f'{kind} {base64.b64encode(blob[:n]).decode()} x\n')
        check(f'one cut after {n} bytes', not anna.login().stdout)
    check('and the host is well', host.ssh('1').stdout.strip() == '1')


def own_file(host, ca):
    """cert-authority lines in a user's key file."""
    keys = os.path.join(host.dir, 'keys.d', host.user + '.keys')
    mine = os.path.join(host.dir, 'own-ca')
    keygen('-N', '', '-f', mine, '-t', 'ed25519')
    anna = User(host, 'own').cert(mine, principals='web,ops')
    check('before the line', anna.is_out())
    write(keys, pub(host.key) + 'cert-authority,principals="db,ops" ' + pub(mine))
    check('principals= names one of them', anna.is_in())
    check('the authority itself is no key to log in with', User_of(host, mine).is_out())
    write(keys, pub(host.key) + 'cert-authority,principals="db" ' + pub(mine))
    check('principals= names none', anna.is_out())
    write(keys, pub(host.key) + 'cert-authority ' + pub(mine))
    check('without principals= the user must be named', anna.is_out() and anna.cert(mine).is_in())
    write(keys, pub(host.key) + 'cert-authority,from="10.0.0.0/8" ' + pub(mine))
    check("the line's from= counts", anna.is_out())
    write(keys, pub(host.key) + 'cert-authority,command="1 + 1" ' + pub(mine))
    check("its command= counts", anna.login().stdout.strip() == '2')
    write(keys, pub(host.key) + 'cert-authority,role="clock" ' + pub(mine))
    r = anna.login('reeve-host', 'Get-Process')
    check('and its role=', 'not recognized' in r.stderr and anna.login('reeve-host', 'Get-Date').returncode == 0, r)
    write(keys, pub(host.key))


def User_of(host, path):
    user = User.__new__(User)
    user.host, user.path = host, path
    return user


def revoked(host, ca):
    anna, ben = User(host, 'gone').cert(ca), User(host, 'stays').cert(ca)
    write(host.revoked, '# nobody yet\n')
    check('nobody is revoked', anna.is_in() and ben.is_in())
    write(host.revoked, '# left\n' + pub(anna.path))
    check('a revoked key, whoever has signed it', anna.is_out() and ben.is_in() and said(host, 'among revoked_keys'))
    write(host.revoked, open(ben.path + '-cert.pub').read())
    check('a revoked certificate', anna.is_in() and ben.is_out())
    write(host.revoked, pub(ca))
    check('a revoked authority', anna.is_out() and ben.is_out() and host.ssh('1').stdout.strip() == '1')
    write(host.revoked, pub(host.key))
    check('a revoked key without certificate', host.ssh('1').returncode == 255)
    write(host.revoked, 'what is this\n')
    check('a list that cannot be read lets nobody in', anna.is_out() and host.ssh('1').returncode == 255)
    os.unlink(host.revoked)
    check('nor does one that is missing', anna.is_out() and host.ssh('1').returncode == 255 and said(host, 'cannot be read'))
    write(host.revoked, '')
    check('an empty one does', anna.is_in())


place = tempfile.mkdtemp(prefix='reeve-cert.')
roles = os.path.join(place, 'roles.d')
os.mkdir(roles)
open(os.path.join(roles, 'clock.role'), 'w').write('[Role]\nLanguage = None\n[Cmdlet Get-Date]\n')
authorities, revoked_keys = os.path.join(place, 'ca.pub'), os.path.join(place, 'revoked')
write(revoked_keys, '')
write(authorities, '')
host = sshhost.Host(config=f'[roles]\ndir = {roles}\n[ssh]\npenalties = no\ntrusted_user_ca_keys = {authorities}\nrevoked_keys = {revoked_keys}\n')
host.authorities, host.revoked = authorities, revoked_keys
try:
    ca = os.path.join(host.dir, 'ca')
    keygen('-N', '', '-f', ca, '-t', 'ed25519')
    write(authorities, pub(ca))
    trusted(host, ca)
    options(host, ca)
    changed(host, ca)
    own_file(host, ca)
    revoked(host, ca)
finally:
    host.stop()
    shutil.rmtree(place)
check.end()
