#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Certificate beside Python's ssl module and hashlib: every certificate that this host trusts, and some made for the test;
thousands of damaged ones, which must be left out and harm nobody."""
import datetime, hashlib, os, random, re, shutil, ssl, subprocess, sys, time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(os.path.dirname(HERE), 'integration')]
import agentlib, lablib
from hostlib import Asked, status, good, differ

check = agentlib.Cases()
FOLDER = '/usr/local/share/ca-certificates'
LONG = {'countryName': 'C', 'organizationName': 'O', 'organizationalUnitName': 'OU', 'commonName': 'CN', 'localityName': 'L', 'stateOrProvinceName': 'S', 'serialNumber': 'SERIALNUMBER',
        'emailAddress': 'E', 'domainComponent': 'DC', 'organizationIdentifier': 'OID.2.5.4.97'}


def decoded(path):
    return ssl._ssl._test_decode_cert(path)


def name(parts):
    quote = lambda v: '"' + v.replace('"', '""') + '"' if re.search(r'[,+"<>;=]', v) else v
    return ', '.join(f'{LONG[k]}={quote(v)}' for rdn in reversed(parts) for k, v in rdn)


def stamp(text):
    return datetime.datetime.strptime(text, '%b %d %H:%M:%S %Y GMT').strftime('%Y-%m-%dT%H:%M:%SZ')


def compare(rows, read=lambda p: p):
    wrong, n = [], 0
    for r in rows:
        text = open(read(r['Path'])).read()
        if text.count('BEGIN CERTIFICATE') != 1:
            continue
        d, der = decoded(read(r['Path'])), ssl.PEM_cert_to_DER_cert(text[text.index('-----BEGIN'):])
        n += 1
        known = all(k in LONG for rdn in d['subject'] + d['issuer'] for k, _ in rdn)
        want = {'Thumbprint': hashlib.sha1(der).hexdigest().upper(), 'Sha256': hashlib.sha256(der).hexdigest(), 'NotBefore': stamp(d['notBefore']), 'NotAfter': stamp(d['notAfter']),
                'CertificateVersion': d['version']}
        if known:
            want.update(Subject=name(d['subject']), Issuer=name(d['issuer']), SelfSigned=d['subject'] == d['issuer'])
        if differ(r, want) or int(r['SerialNumber'], 16) != int(d['serialNumber'], 16):
            wrong.append((r['Path'], differ(r, want)))
    return n, wrong


def main():
    if not shutil.which('openssl') or not os.path.isdir(FOLDER):
        lablib.skip('openssl or ' + FOLDER + ' is missing')
    with lablib.Lab() as lab:
        enter = lab.enter('-m', '-n', '-p')
        run = lambda c: subprocess.run(enter + ['/bin/sh', '-c', c], capture_output=True, text=True, timeout=50)
        run(f'mount -t tmpfs tmpfs {FOLDER}')
        sock = os.path.join(lab.dir, 'a.sock')
        agent = subprocess.Popen(enter + [os.path.join(lablib.BUILD, 'bin/reeve-agent'), '--socket', sock, '--state', os.path.join(lab.dir, 'state')], stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        for _ in range(200):
            if os.path.exists(sock):
                break
            time.sleep(0.02)
        a = Asked(sock)
        inside = f'/proc/{lab.init}/root'
        rows = a.rows('Certificate', PropertyList=['Path', 'Thumbprint', 'Sha256', 'Subject', 'Issuer', 'SerialNumber', 'NotBefore', 'NotAfter', 'SelfSigned', 'CertificateVersion', 'IsCA', 'Store'])
        n, wrong = compare(rows, lambda p: inside + p)
        if rows:
            check(f'{n} certificates that this host trusts', not wrong and n == len(rows), wrong[:3])
            check('no file twice', len({r['Thumbprint'] for r in rows}) >= len(rows) - 3)
        else:
            check.skip('certificates of this host', 'it has none')
        made(a, run, inside)
        damaged(a, inside)
        issues(a, run, inside)
        agent.terminate()
    check.end()


def made(a, run, inside):
    r = run(f'''cd {FOLDER} && openssl req -x509 -newkey rsa:2048 -nodes -keyout k -out rsa.crt -days 400 -subj '/C=DE/O=A, B "x"/CN=a.example' -addext 'subjectAltName=DNS:a.example,DNS:*.b.example,IP:192.0.2.1,IP:2001:db8::1' \
          -addext 'keyUsage=digitalSignature,keyEncipherment' -addext 'extendedKeyUsage=serverAuth,clientAuth' -addext 'basicConstraints=critical,CA:FALSE' &&
        openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:secp384r1 -nodes -keyout k -out ec.crt -days 10 -subj /CN=ec && openssl req -x509 -newkey ed25519 -nodes -keyout k -out ed.crt -days 1 -subj /CN=ed &&
        openssl x509 -in rsa.crt -outform der -out der.cer && cat ec.crt k ed.crt > both.pem && mkdir -p sub/deep && cp ed.crt sub/deep/x.crt && echo nothing > empty.pem && cp ed.crt other.txt''')
    check('openssl makes some', r.returncode == 0, r.stderr[-300:])
    rows = a.rows('Certificate', Filter=f"Path LIKE '{FOLDER}%'", PropertyList=['Path', 'Thumbprint', 'Sha256', 'Subject', 'Issuer', 'SerialNumber', 'NotBefore', 'NotAfter', 'SelfSigned', 'CertificateVersion'])
    n, wrong = compare([r for r in rows if not r['Path'].endswith(('.cer', 'both.pem'))], lambda p: inside + p)
    check('as ssl has them', n == 4 and not wrong, (n, wrong))
    of = lambda file: [r for r in a.rows('Certificate', Filter=f"Path = '{FOLDER}/{file}'")]
    rsa, ec, ed, der, both = of('rsa.crt')[0], of('ec.crt')[0], of('ed.crt')[0], of('der.cer')[0], of('both.pem')
    check('extensions', not differ(rsa, {'DnsNameList': ['a.example', '*.b.example', '192.0.2.1', '2001:db8::1'], 'KeyUsage': ['DigitalSignature', 'KeyEncipherment'], 'EnhancedKeyUsage': ['Server Authentication', 'Client Authentication'],
                                         'IsCA': False, 'SignatureAlgorithm': 'sha256RSA', 'PublicKeyAlgorithm': 'RSA', 'PublicKeySize': 2048, 'Subject': 'CN=a.example, O="A, B ""x""", C=DE', 'IsValid': True, 'Store': 'Trust'}), rsa)
    check('days', rsa['DaysLeft'] in (399, 400) and ec['DaysLeft'] in (9, 10) and ed['DaysLeft'] in (0, 1), [r['DaysLeft'] for r in (rsa, ec, ed)])
    check('kinds of keys', (ec['PublicKeyAlgorithm'], ec['PublicKeySize'], ed['PublicKeyAlgorithm'], ec['IsCA']) == ('EC', 384, 'Ed25519', True), (ec, ed))
    check('DER', der['Thumbprint'] == rsa['Thumbprint'] and der['Subject'] == rsa['Subject'])
    check('several in a file, a key between', sorted(r['Subject'] for r in both) == ['CN=ec', 'CN=ed'], both)
    check('below folders', of('sub/deep/x.crt') and not of('other.txt') and not of('empty.pem'))
    check('expiring soon', {'CN=ec', 'CN=ed'} <= {r['Subject'] for r in a.rows('Certificate', Filter='DaysLeft <= 20')} and not any(r['Subject'].startswith('CN=a.') for r in a.rows('Certificate', Filter='DaysLeft <= 20')))
    check('by key', a.one('Certificate', {'Path': f'{FOLDER}/rsa.crt', 'Thumbprint': rsa['Thumbprint']})['Subject'] == rsa['Subject'])
    check('no other file by a path', a.rows('Certificate', Filter=f"Path = '{FOLDER}/../../../../etc/shadow'") == [])


def damaged(a, inside):
    folder, rng = inside + FOLDER, random.Random(3)
    der = open(f'{folder}/der.cer', 'rb').read()
    for i in range(400):
        bad = bytearray(der)
        for _ in range(rng.randrange(1, 6)):
            bad[rng.randrange(len(bad))] = rng.randrange(256)
        if rng.random() < 0.4:
            bad = bad[:rng.randrange(1, len(bad))]
        open(f'{folder}/bad{i}.der', 'wb').write(bad)
    rows = a.rows('Certificate', Filter=f"Path LIKE '{FOLDER}/bad%'")
    check('damaged ones are read or left out', isinstance(rows, list) and len(rows) < 400, len(rows))
    check('and the others are still there', len(a.rows('Certificate', Filter=f"Path = '{FOLDER}/rsa.crt'")) == 1)


def issues(a, run, inside):
    """Servers' certificates in an /etc/ssl of their own: what is to be mended, who signed them, who names them."""
    r = run("""mkdir /tmp/keep$$ && cp -r /etc/ssl/openssl.cnf /tmp/keep$$ && mount -t tmpfs tmpfs /etc/ssl && cp /tmp/keep$$/openssl.cnf /etc/ssl && rm -r /tmp/keep$$ && cd /etc/ssl && mkdir certs x &&
        mount -t tmpfs tmpfs /etc/postgresql 2>/dev/null || mkdir -p /etc/ssl/none
        openssl req -x509 -newkey rsa:2048 -nodes -keyout ca.key -out certs/ca.pem -days 30 -subj /CN=ca -addext basicConstraints=critical,CA:TRUE
        leaf() { openssl req -newkey $2 -nodes -keyout $1.key -out $1.csr -subj /CN=$1 && openssl x509 -req -in $1.csr -CA certs/ca.pem -CAkey ca.key -CAcreateserial -out $1.pem -days ${4:-30} -$5 -extfile $3; }
        printf 'subjectAltName=DNS:a\n' > san; : > plain
        leaf good rsa:2048 san 30 sha256; leaf weak rsa:1024 san 30 sha256; leaf bare rsa:2048 plain 30 sha256; leaf old rsa:2048 san 30 sha1
        openssl req -x509 -newkey rsa:2048 -nodes -keyout o.key -out /tmp/other.$$ -days 30 -subj /CN=stranger
        openssl x509 -req -in good.csr -CA /tmp/other.$$ -CAkey o.key -CAcreateserial -out x/alien.pem -days 30 -extfile san
        cat x/alien.pem /tmp/other.$$ > x/chain.pem; cat good.pem good.key > x/open.pem; chmod 644 x/open.pem; cp x/open.pem x/closed.pem; chmod 600 x/closed.pem; rm /tmp/other.$$""")
    rows = {os.path.basename(x['Path']): x for x in a.rows('Certificate', Filter="Store = 'Server' AND IsCA = FALSE", PropertyList=['Path', 'Issues', 'IssuerKnown', 'HasPrivateKey', 'UsedBy', 'Subject'])}
    want = {'good.pem': (None, True, False), 'weak.pem': (['WeakKey'], True, False), 'bare.pem': (['NoAlternativeName'], True, False), 'old.pem': (['WeakSignature'], True, False), 'alien.pem': (None, False, False),
            'open.pem': (['PrivateKeyReadable'], True, True), 'closed.pem': (None, True, True)}
    got = {k: (rows[k]['Issues'], rows[k]['IssuerKnown'], rows[k]['HasPrivateKey']) for k in want if k in rows}
    check('what is to be mended, and whether the issuer is known', got == want, (got, r.stderr[-200:]))
    chain = [x for x in a.rows('Certificate', Filter="Path = '/etc/ssl/x/chain.pem'", PropertyList=['Subject', 'IssuerKnown', 'SelfSigned'])]
    check('the issuer in the same file', sorted((x['Subject'], x['IssuerKnown']) for x in chain) == [('CN=good', True), ('CN=stranger', None)], chain)
    said = run('openssl verify -CAfile /etc/ssl/certs/ca.pem /etc/ssl/good.pem /etc/ssl/bare.pem; openssl verify -CAfile /etc/ssl/certs/ca.pem /etc/ssl/x/alien.pem').stdout
    check('as openssl verify says', said.count(': OK') == 2 and 'alien.pem: OK' not in said, said)
    if os.path.isdir(inside + '/etc/postgresql') and run('mountpoint -q /etc/postgresql').returncode == 0:
        run("""printf "ssl_cert_file = '/etc/ssl/good.pem'\n#ssl_ca_file = '/etc/ssl/weak.pem'\nx = /etc/ssl/bare.pem2\n" > /etc/postgresql/server.conf""")
        used = {os.path.basename(x['Path']): x['UsedBy'] for x in a.rows('Certificate', Filter="Store = 'Server'", PropertyList=['Path', 'UsedBy'])}
        check('who names it', used.get('good.pem') == ['/etc/postgresql/server.conf'] and used['weak.pem'] is None and used['bare.pem'] is None, used)
    else:
        check.skip('who names it', 'there is no /etc/postgresql to be covered')


main()
