#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""LogEntry of plain files, in a /var/log of its own: each kind of line, order, conditions, a file of gigabytes, what a log was
rotated to (also packed), cursors that outlast that, and what must not be read."""
import datetime, gzip, json, os, re, subprocess, sys, time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(os.path.dirname(HERE), 'integration')]
import agentlib, lablib
from hostlib import Asked, status, good, differ

check = agentlib.Cases()
UTC = datetime.timezone.utc
NOW = datetime.datetime.now(UTC).replace(microsecond=0)
LEVELS = ['Emergency', 'Alert', 'Critical', 'Error', 'Warning', 'Notice', 'Information', 'Debug']


def iso(t):
    return t.strftime('%Y-%m-%dT%H:%M:%S') + (f'.{t.microsecond:06}'.rstrip('0') if t.microsecond else '') + 'Z'


def yearless(t):
    return t.strftime('%b ') + f'{t.day:2}' + t.strftime(' %H:%M:%S')


def local(*a):
    """A time of this host's zone."""
    return datetime.datetime(*a).astimezone().astimezone(UTC)


class Host:
    """An agent in namespaces of its own, with an empty /var/log that the test writes as `self.path`."""

    def __init__(self, lab, zone='Europe/Berlin'):
        self.enter = lab.enter('-m', '-n', '-p')
        os.mkdir(os.path.join(lab.dir, 'varlog'))   # on a disk: it will hold a gigabyte
        subprocess.run(self.enter + ['mount', '--bind', os.path.join(lab.dir, 'varlog'), '/var/log'], check=True)
        self.path = f'/proc/{lab.init}/root/var/log'
        sock = os.path.join(lab.dir, 'a.sock')
        os.environ['TZ'] = zone
        time.tzset()
        self.agent = subprocess.Popen(self.enter + [os.path.join(lablib.BUILD, 'bin/reeve-agent'), '--socket', sock, '--state', os.path.join(lab.dir, 'state')],
                                      stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        agentlib.until(lambda: os.path.exists(sock))
        self.sock = sock
        self.asked = Asked(sock)

    def write(self, name, data, mtime=None):
        path = os.path.join(self.path, name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, 'wb') as f:
            f.write(data if isinstance(data, bytes) else ''.join(line + '\n' for line in data).encode('utf-8', 'surrogateescape'))
        if mtime:
            os.utime(path, (mtime, mtime))

    def rows(self, where, **more):
        r = self.asked.rows('LogEntry', Filter=where, **more)
        return r if isinstance(r, list) else (status(r) or r)

    def log(self, name, where='', **more):
        return self.rows(f"LogName = '/var/log/{name}'" + (f' AND {where}' if where else ''), **more)


# line, when (None: not told), host, program, pid, priority, facility, message (None: the whole line)
def kinds():
    n = NOW
    this = lambda *a: local(*a)
    return [
        ('2026-03-29T02:14:52.123456+02:00 web sshd[812]: Accepted publickey for anna', datetime.datetime(2026, 3, 29, 0, 14, 52, 123456, UTC), 'web', 'sshd', 812, None, None, 'Accepted publickey for anna'),
        ('2026-03-29T02:14:52Z web kernel: [ 12.5] eth0: up', datetime.datetime(2026, 3, 29, 2, 14, 52, 0, UTC), 'web', 'kernel', None, None, None, '[ 12.5] eth0: up'),
        ('<34>1 2003-10-11T22:14:15.003Z mymachine.example.com su 77 ID47 - \ufeff\'su root\' failed', datetime.datetime(2003, 10, 11, 22, 14, 15, 3000, UTC), 'mymachine.example.com', 'su', 77, 2, 4, "'su root' failed"),
        ('<165>1 2003-08-24T05:14:15.000003-07:00 192.0.2.1 myproc 8710 - [ex@32473 iut="3" a="x \\" ] y"][b] It is done', datetime.datetime(2003, 8, 24, 12, 14, 15, 3, UTC), '192.0.2.1', 'myproc', 8710, 5, 20, 'It is done'),
        ('<13>1 2003-08-24T05:14:15Z - - - - - only this', datetime.datetime(2003, 8, 24, 5, 14, 15, 0, UTC), None, None, None, 5, 1, 'only this'),
        ('<30>' + yearless(n.astimezone()) + ' db cron[4]: (root) CMD (true)', n, 'db', 'cron', 4, 6, 3, '(root) CMD (true)'),
        (yearless(n.astimezone() - datetime.timedelta(days=200)) + ' db CRON[44]: x', 'yearless200', 'db', 'CRON', 44, None, None, 'x'),
        (yearless(n.astimezone()) + ' db last message repeated 2 times', n, None, None, None, None, None, 'db last message repeated 2 times'),
        ('2026-01-15 03:14:52 status installed libc6:amd64 2.36-9', this(2026, 1, 15, 3, 14, 52), None, None, None, None, None, 'status installed libc6:amd64 2.36-9'),
        ('2026-07-15 03:14:52,250 WARN  [main] o.e.App - slow', this(2026, 7, 15, 3, 14, 52, 250000), None, None, None, 4, None, 'WARN  [main] o.e.App - slow'),
        ('2026-07-15 03:14:52.123 UTC [123] anna@db LOG:  started', datetime.datetime(2026, 7, 15, 3, 14, 52, 123000, UTC), None, None, None, 6, None, '[123] anna@db LOG:  started'),
        ('2026-07-15 03:14:52.123 CEST [123] ERROR:  no such table', this(2026, 7, 15, 3, 14, 52, 123000), None, None, None, 3, None, '[123] ERROR:  no such table'),
        ('2026/07/15 03:14:52 [error] 12#12: *3 open() failed', this(2026, 7, 15, 3, 14, 52), None, None, None, 3, None, '[error] 12#12: *3 open() failed'),
        ('[Wed Jul 15 03:14:52.123456 2026] [core:crit] [pid 1:tid 2] AH00094: Command line', this(2026, 7, 15, 3, 14, 52, 123456), None, None, None, 2, None, '[core:crit] [pid 1:tid 2] AH00094: Command line'),
        ('[15-Jul-2026 03:14:52] NOTICE: fpm is running, pid 1', this(2026, 7, 15, 3, 14, 52), None, None, None, 5, None, 'NOTICE: fpm is running, pid 1'),
        ('[15-Jul-2026 03:14:52 UTC] PHP Warning:  x', datetime.datetime(2026, 7, 15, 3, 14, 52, 0, UTC), None, None, None, 4, None, 'PHP Warning:  x'),
        ('192.0.2.7 - anna [15/Jul/2026:03:14:52 -0700] "GET /a?b HTTP/1.1" 200 12 "-" "curl"', datetime.datetime(2026, 7, 15, 10, 14, 52, 0, UTC), None, None, None, None, None, None),
        ('type=USER_AUTH msg=audit(1364481363.243:24287): pid=1', datetime.datetime(2013, 3, 28, 14, 36, 3, 243000, UTC), None, None, None, None, None, None),
        ('update-alternatives 2026-01-15 03:14:52: run with --install', this(2026, 1, 15, 3, 14, 52), None, None, None, None, None, None),
        ('Start-Date: 2026-01-15  03:14:52', this(2026, 1, 15, 3, 14, 52), None, None, None, None, None, None),
        ('1764386092.123    200 192.0.2.7 TCP_MISS/200 512 GET http://x/ - HIER_DIRECT/- text/html', datetime.datetime(2025, 11, 29, 3, 14, 52, 123000, UTC), None, None, None, None, None, None),
        ('just a text: with a colon', None, None, None, None, None, None, None),
        ('', None, None, None, None, None, None, 'empty'),
        ('2026-13-15 03:14:52 no such month', None, None, None, None, None, None, None),
        ('2026-01-15 25:14:52 no such hour', None, None, None, None, None, None, None),
        ('<999>1 x', None, None, None, None, None, None, None),
        ('ä \x1b[31mred\x00nul', None, None, None, None, None, None, None)]


def line_kinds(h):
    table = kinds()
    h.write('kinds.log', [k[0] for k in table])
    rows = h.log('kinds.log', PropertyList=['LogName', 'Path', 'TimeGenerated', 'Message', 'Priority', 'LevelDisplayName', 'ProviderName', 'ProcessId', 'HostName', 'Facility', 'Unit', 'Fields', 'Cursor'])
    check('each line is an entry, the last first', len(rows) == len(table), len(rows))
    for (line, when, host, program, pid, priority, facility, message), r in zip(table, reversed(rows)):
        if when == 'yearless200':
            t = NOW.astimezone() - datetime.timedelta(days=200)
            when = local(t.year, t.month, t.day, t.hour, t.minute, t.second)
        want = {'LogName': '/var/log/kinds.log', 'Path': '/var/log/kinds.log', 'TimeGenerated': when and iso(when), 'HostName': host, 'ProviderName': program, 'ProcessId': pid, 'Priority': priority,
                'Facility': facility, 'Message': None if message == 'empty' else line if message is None else message, 'LevelDisplayName': None if priority is None else LEVELS[priority], 'Unit': None}
        check(f'a line: {line[:50]!r}', not differ(r, want) and (r['Fields'] or {}).get('LINE') in (line, None if line else ''), (differ(r, want), r['Fields']))
    wrong = [r for r in rows if h.asked.one('LogEntry', {'Cursor': r['Cursor']}, 'Message', 'TimeGenerated') != {k: r[k] for k in ('Message', 'TimeGenerated')}]
    check('each by its cursor', not wrong, wrong[:2])
    h.write('bytes.log', b'2026-01-15 03:14:52 a \xff\xfe b\r\nlast, without an end')
    rows = h.log('bytes.log', PropertyList=['Message'])
    check('bytes that are no UTF-8; the end of DOS; a last line without end', [r['Message'] for r in rows] == ['last, without an end', 'a \\xff\\xfe b'], rows)
    h.write('long.log', b'2026-01-15 03:14:52 first\n2026-01-15 03:14:53 ' + b'x' * 700000 + b'\n' + b'y' * 300000 + b'\n2026-01-15 03:14:54 last\n')
    rows = h.log('long.log', PropertyList=['Message', 'TimeGenerated', 'Cursor'])
    check('lines longer than the window are cut', [len(r['Message'] or '') for r in rows] == [4, 65536, 65536 - 20, 5] and rows[2]['TimeGenerated'] == iso(local(2026, 1, 15, 3, 14, 53)), [len(r['Message']) for r in rows])
    check('and found again', [h.asked.one('LogEntry', {'Cursor': r['Cursor']}, 'Message') == {'Message': r['Message']} for r in rows] == [True] * 4)
    h.write('empty.log', b'')
    check('an empty file', h.log('empty.log') == [])
    h.write('newlines.log', b'\n\n\n')
    check('nothing but ends', len(h.log('newlines.log')) == 3)


def conditions(h):
    lines = [f'{iso(NOW - datetime.timedelta(seconds=2000 - i))} host{i % 3} prog{i % 7}[{100 + i % 5}]: message {i}' for i in range(2000)]
    lines[1500:1500] = ['  at a stack', '  trace without time']
    h.write('syslog', lines)
    at = lambda line: line.split(' ')[0]
    text = lambda rows: [r['Fields']['LINE'] for r in rows]
    ask = lambda where='', **k: text(h.log('syslog', where, PropertyList=['Fields'], **k))
    back = lines[::-1]
    check('all, newest first', ask() == back)
    check('the last five', ask(Limit=5) == back[:5])
    check('oldest first', ask(OrderBy=['TimeGenerated'])[-3:] == lines[-3:])
    timed = [l for l in back if l[0] == '2']
    check('since', ask(f"TimeGenerated >= '{at(lines[1700])}'") == [l for l in timed if at(l) >= at(lines[1700])])
    check('until', ask(f"TimeGenerated <= '{at(lines[300])}'") == [l for l in timed if at(l) <= at(lines[300])])
    check('between', ask(f"TimeGenerated > '{at(lines[300])}' AND TimeGenerated < '{at(lines[400])}'") == [l for l in timed if at(lines[300]) < at(l) < at(lines[400])])
    check('without a time', ask('TimeGenerated IS NULL') == ['  trace without time', '  at a stack'])
    check('a program', ask("ProviderName = 'PROG3'") == [l for l in timed if ' prog3[' in l])
    check('programs', ask("ProviderName = 'prog3' OR ProviderName LIKE '%6'") == [l for l in timed if re.search(r' prog[36]\[', l)])
    check('not a program', ask("NOT ProviderName LIKE 'prog%'") == [])
    check('a process and a text', ask("ProcessId = 102 AND Message LIKE '%message 1%7'") == [l for l in timed if '[102]' in l and re.search('message 1.*7$', l)])
    check('a host', ask("HostName = 'host1'") == [l for l in timed if ' host1 ' in l])
    h.write('app.log', [f'2026/07/15 03:14:5{i} [{w}] 1#1: {w}' for i, w in enumerate(['error', 'warn', 'info', 'crit', 'debug'])])
    said = lambda where: [r['Message'].split()[-1] for r in h.log('app.log', where)]
    check('priorities', said('Priority <= 3') == ['crit', 'error'] and said('Priority >= 4 AND Priority <= 6') == ['info', 'warn'] and said("LevelDisplayName = 'warning'") == ['warn'])
    r = h.asked.peer.call('ExecQuery', {'Query': "SELECT ProviderName, count(*) AS n FROM LogEntry WHERE LogName = '/var/log/syslog' GROUP BY ProviderName ORDER BY ProviderName", 'QueryLanguage': 'SQL'})
    got = {x['ProviderName']: x['n'] for x in r['result']['Instances']}
    check('in SQL', got.get('prog0') == 286 and got.get(None) == 2, got)
    r = h.asked.peer.call('ExecQuery', {'Query': "SELECT * FROM Win32_NTLogEvent WHERE Logfile = '/var/log/app.log' AND EventType = 2", 'QueryLanguage': 'WQL'})
    check('as WMI has it', [x['Message'] for x in r['result']['Instances']] == ['[warn] 1#1: warn'], r)


def several(h):
    rows = h.rows("LogName LIKE '%/app.log' OR LogName = '/var/log/syslog'", PropertyList=['LogName', 'TimeGenerated'])
    times = [r['TimeGenerated'] for r in rows if r['TimeGenerated']]
    check('two, merged by time', {r['LogName'] for r in rows} == {'/var/log/app.log', '/var/log/syslog'} and times == sorted(times, reverse=True) and len(rows) == 2007, len(rows))
    rows = h.asked.rows('LogEntry', PropertyList=['LogName', 'TimeGenerated'])
    journal = any(r['LogName'] == 'journal' for r in rows)
    if journal or os.path.isdir('/run/log/journal'):
        check.skip('a host without a journal', 'this one has one in /run')
    else:
        times = [r['TimeGenerated'] for r in rows if r['TimeGenerated']]
        check('without a journal: all files', {'/var/log/app.log', '/var/log/syslog', '/var/log/kinds.log'} <= {r['LogName'] for r in rows}, {r['LogName'] for r in rows})
        newest = h.asked.rows('LogEntry', PropertyList=['LogName'], Limit=1)
        check('the newest of all first', len(newest) == 1 and newest[0]['LogName'] in ('/var/log/kinds.log', '/var/log/syslog', '/var/log/bytes.log', '/var/log/newlines.log', '/var/log/long.log'), newest)
    check('the journal alone', h.rows("LogName = 'journal'") in ([], 'NOT_SUPPORTED') or journal)


def refused(h):
    h.write('secret.log', ['a log'])
    os.symlink('/etc/passwd', h.path + '/leak.log')
    os.symlink('secret.log', h.path + '/link.log')
    os.symlink('/etc', h.path + '/etc')
    os.mkfifo(h.path + '/pipe.log')
    h.write('wtmp', b'\0' * 400)
    h.write('journal/x.log', ['x'])
    for bad, why in (('/etc/passwd', 'INVALID_PARAMETER'), ('/var/log/../../etc/passwd', 'INVALID_PARAMETER'), ('/var/log/leak.log', 'NOT_FOUND'), ('/var/log/link.log', 'NOT_FOUND'), ('/var/log/etc/passwd', 'any'),
                     ('/var/log/pipe.log', 'NOT_FOUND'), ('/var/log/nope.log', 'NOT_FOUND'), ('/var/log/wtmp', 'INVALID_PARAMETER'), ('System', 'INVALID_PARAMETER'), ('/var/log/journal/x.log', 'INVALID_PARAMETER'),
                     ('/var/log', 'INVALID_PARAMETER'), ('/var/log/', 'INVALID_PARAMETER'), ('/var/log//secret.log', 'INVALID_PARAMETER'), ('', 'any')):
        got = h.rows(f"LogName = '{bad}'", PropertyList=['Message'])
        check(f'not read: {bad}', got == why or (why == 'any' and (got == [] or isinstance(got, str))), got)
    check('a cursor leads nowhere else', all(h.asked.one('LogEntry', {'Cursor': f'f=0;h=0;{p}'}) is None for p in ('/etc/passwd', '/var/log/leak.log', '/var/log/../../etc/passwd', 'x', '/var/log/secret.log')))


def rotated(h):
    lines = [f'{iso(NOW - datetime.timedelta(seconds=9000 - i))} h p: line {i}' for i in range(9000)]
    base = NOW.timestamp()
    h.write('app/r.log', lines[8000:], base)
    h.write('app/r.log.1', lines[6000:8000], base - 1000)
    part = lambda a, b: gzip.compress(''.join(l + '\n' for l in lines[a:b]).encode())
    h.write('app/r.log.2.gz', part(4000, 5000) + part(5000, 6000), base - 3000)   # two members: as appended ones
    h.write('app/r.log.3.gz', part(2000, 4000), base - 5000)
    h.write('app/r.log-20260101.gz', part(0, 2000), base - 7000)
    h.write('app/r.log.x', ['not of it'])
    h.write('app/r.log2', ['not of it either'])
    ask = lambda where='', **k: [r['Fields']['LINE'] for r in h.log('app/r.log', where, PropertyList=['Fields'], **k)]
    check('what it was rotated to, packed or not, behind it', ask() == lines[::-1])
    at = lambda i: lines[i].split(' ')[0]
    for a, b in ((2500, 2600), (5900, 6100), (100, 110)):
        check(f'times in it: {a}', ask(f"TimeGenerated >= '{at(a)}' AND TimeGenerated < '{at(b)}'") == lines[a:b][::-1])
    check('one of them alone', [r['Fields']['LINE'] for r in h.rows("Path = '/var/log/app/r.log.3.gz'", PropertyList=['Fields'])] == lines[2000:4000][::-1])
    check('a part is no log', h.rows("LogName = '/var/log/app/r.log.1'") == 'INVALID_PARAMETER')
    cursors = {i: h.log('app/r.log', f"TimeGenerated = '{at(i)}'", PropertyList=['Cursor'])[0]['Cursor'] for i in (10, 4500, 7000, 8500)}
    found = lambda: [h.asked.one('LogEntry', {'Cursor': c}, 'Message')['Message'].split()[-1] for c in cursors.values()]
    check('cursors', found() == ['10', '4500', '7000', '8500'])
    os.rename(h.path + '/app/r.log.1', h.path + '/app/r.log.4')
    os.rename(h.path + '/app/r.log', h.path + '/app/r.log.1')
    h.write('app/r.log', ['new'])
    h.write('app/r.log.4.gz', part(6000, 8000), base - 1000)
    os.unlink(h.path + '/app/r.log.4')
    check('cursors after it was rotated and packed', found() == ['10', '4500', '7000', '8500'])
    h.write('app/r.log.9.xz', b'\xfd7zXZ')
    h.write('app/r.log.8.gz', b'no gzip at all', base - 9000)
    h.write('app/r.log.7.gz', part(0, 2000)[:-4000], base - 8000)
    r = h.asked.peer.call('EnumerateInstances', {'ClassName': 'LogEntry', 'Filter': "LogName = '/var/log/app/r.log'", 'PropertyList': ['Message']})
    said = json.dumps(r['result'].get('Partial', []))
    check('what cannot be read is told', 'r.log.9.xz' in said and 'r.log.8.gz' in said and len(r['result']['Instances']) > 9000, said[:300])


def channels(h):
    lines = [f'{iso(NOW - datetime.timedelta(seconds=500 - i))} h p: {i}' for i in range(500)]
    h.write('ch.log', lines[300:])
    h.write('ch.log.1', lines[200:300], NOW.timestamp() - 300)
    h.write('ch.log.2.gz', gzip.compress(''.join(l + '\n' for l in lines[:200]).encode()), NOW.timestamp() - 400)
    names = {r['Name'] for r in h.asked.rows('LogChannel', PropertyList=['Name'])}
    check('the logs', {'/var/log/ch.log', '/var/log/app/r.log', '/var/log/syslog'} <= names and not any(n.endswith(('.gz', '.1', 'wtmp', 'link.log', 'pipe.log')) or '/journal/' in n for n in names), names)
    one = h.asked.one('LogChannel', {'Name': '/var/log/ch.log'}, 'FileSize', 'TotalSize', 'RotatedFiles', 'NumberOfRecords', 'OldestEntry', 'NewestEntry', 'LastModified', 'Uid', 'Kind', 'MaximumSize')
    size = lambda n: os.path.getsize(h.path + '/' + n)
    want = {'FileSize': size('ch.log'), 'TotalSize': size('ch.log') + size('ch.log.1') + size('ch.log.2.gz'), 'RotatedFiles': ['/var/log/ch.log.1', '/var/log/ch.log.2.gz'], 'NumberOfRecords': 200, 'OldestEntry': iso(NOW - datetime.timedelta(seconds=500)),
            'NewestEntry': iso(NOW - datetime.timedelta(seconds=1)), 'Uid': 0, 'Kind': 'File', 'MaximumSize': None}
    check('a log with what it was rotated to', not differ(one, want), differ(one, want))
    check('one without times', not differ(h.asked.one('LogChannel', {'Name': '/var/log/newlines.log'}, 'OldestEntry', 'NewestEntry', 'NumberOfRecords', 'RotatedFiles'), {'OldestEntry': None, 'NewestEntry': None, 'NumberOfRecords': 3, 'RotatedFiles': None}))
    check('an empty one', h.asked.one('LogChannel', {'Name': '/var/log/empty.log'}, 'NumberOfRecords', 'FileSize') == {'NumberOfRecords': 0, 'FileSize': 0})
    do = lambda name, method, what_if=False, **k: h.asked.do('LogChannel', {'Name': name}, method, what_if, **k)
    before = open(h.path + '/ch.log').read()
    r = do('/var/log/ch.log', 'BackupEventlog', True, ArchiveFileName='/var/log/kept')
    check('what-if of a backup', good(r) and not os.path.exists(h.path + '/kept'), r)
    check('a backup', good(do('/var/log/ch.log', 'BackupEventlog', ArchiveFileName='/var/log/kept')) and open(h.path + '/kept').read() == before)
    check('not onto what is there', status(do('/var/log/ch.log', 'ClearEventlog', ArchiveFileName='/var/log/kept')) == 'ALREADY_EXISTS' and open(h.path + '/ch.log').read() == before)
    check('a path', status(do('/var/log/ch.log', 'BackupEventlog', ArchiveFileName='kept')) == 'INVALID_PARAMETER')
    check('what-if of Clear', good(do('/var/log/ch.log', 'ClearEventlog', True)) and open(h.path + '/ch.log').read() == before)
    check('cleared, with a backup', good(do('/var/log/ch.log', 'ClearEventlog', ArchiveFileName='/var/log/kept2')) and open(h.path + '/ch.log').read() == '' and open(h.path + '/kept2').read() == before and size('ch.log.1'))
    for bad, why in (('/var/log/ch.log.1', 'NOT_FOUND'), ('/etc/passwd', 'NOT_FOUND'), ('/var/log/link.log', 'NOT_FOUND'), ('/var/log/nope', 'NOT_FOUND')):
        check(f'not cleared: {bad}', status(do(bad, 'ClearEventlog')) == why, do(bad, 'ClearEventlog', True))
    check('bounds are the journal\'s', status(do('/var/log/ch.log', 'SetRetention', MaximumSize=1 << 20)) == 'NOT_SUPPORTED' and status(do('journal', 'SetRetention')) == 'INVALID_PARAMETER')


def cmdlet(h):
    """Get-WinEvent as PowerShell has it."""
    def ps(script):
        r = subprocess.run([os.path.join(lablib.BUILD, 'bin/reeve'), '-NoProfile', '-Command', script], capture_output=True, text=True, env={**os.environ, 'REEVE_SOCKET': h.sock}, timeout=60)
        return r.stdout.strip(), r.stderr.strip()
    lines = [f'2026/07/15 03:14:0{i} [{w}] 1#1: {w} {i}' for i, w in enumerate(['error', 'warn', 'info', 'crit', 'debug', 'notice', 'alert'])]
    h.write('we.log', lines)
    log = "-LogName /var/log/we.log"
    said = lambda out: [l.split()[-1] for l in out.splitlines()]
    table = (('newest first', f'Get-WinEvent {log} | % Message', '6543210'), ('-Oldest', f'Get-WinEvent {log} -Oldest | % Message', '0123456'), ('-MaxEvents', f'Get-WinEvent {log} -MaxEvents 2 | % Message', '65'),
             ('-Oldest -MaxEvents', f'Get-WinEvent {log} -Oldest -MaxEvents 2 | % Message', '01'),
             ('FilterHashtable: level', "Get-WinEvent -FilterHashtable @{LogName='/var/log/we.log'; Level=1,3} | % Message", '631'),
             ('information', "Get-WinEvent -FilterHashtable @{LogName='/var/log/we.log'; Level=4} | % Message", '52'),
             ('times', "Get-WinEvent -FilterHashtable @{LogName='/var/log/we.log'; StartTime='2026-07-15 03:14:02'; EndTime=[datetime]'2026-07-15 03:14:04'} | % Message", '432'),
             ('two tables', "Get-WinEvent -FilterHashtable @{LogName='/var/log/we.log'; Level=5}, @{LogName='/var/log/we.log'; Priority=1} | % Message", '64'),
             ('a pattern of logs', "Get-WinEvent -LogName '*/we.l?g' -MaxEvents 1 | % Message", '6'), ('-Path', 'Get-WinEvent -Path /var/log/we.log -MaxEvents 1 | % Message', '6'),
             ('Where-Object', f'Get-WinEvent {log} | Where-Object Priority -le 2 | % Message', '63'))
    for name, script, want in table:
        out, err = ps(script)
        check(f'Get-WinEvent: {name}', ''.join(said(out)) == want and not err, (out, err))
    check('-ListLog', ps('Get-WinEvent -ListLog */we.log | % LogName')[0] == '/var/log/we.log' and ps('(Get-WinEvent -ListLog * | Measure-Object).Count')[0].isdigit())
    for name, script, want in (('no such log in a list', 'Get-WinEvent -ListLog nope', 'matches "nope"'), ('nothing fits', f'Get-WinEvent {log} -Priority 0', 'No events were found'), ('no level', "Get-WinEvent -FilterHashtable @{LogName='/var/log/we.log'; Level=9}", 'from 0 to 5'),
                               ('no such key', "Get-WinEvent -FilterHashtable @{Colour='red'}", 'is no condition here'), ('no such log', 'Get-WinEvent -LogName /var/log/nope.log', 'here is no log')):
        out, err = ps(script)
        check(f'Get-WinEvent: {name}', want in err.replace('\n', ' ') and not out, (out, err))
    check('Backup-EventLog', ps('Backup-EventLog -Name /var/log/we.log -ArchiveFileName /var/log/we.kept')[1] == '' and os.path.exists(h.path + '/we.kept'), ps('Backup-EventLog -Name /var/log/we.log -ArchiveFileName /var/log/we.kept9'))


def gigabytes(h):
    """A file of 1.5 GB, most of it a hole's worth of equal blocks: times rise through all of it."""
    path, n = h.path + '/big.log', 1500
    begin = NOW - datetime.timedelta(days=20)
    with open(path, 'wb') as f:
        for i in range(n):
            t = iso(begin + datetime.timedelta(seconds=i * 1000))
            f.write(''.join(f'{t} host prog[1]: block {i} line {j:05} {"x" * 60}\n' for j in range(9500)).encode() if i < 3 or i == 700 or i >= n - 2
                    else (f'{t} host prog[1]: block {i} {"y" * 200}\n' * 4200).encode())
    size = os.path.getsize(path)
    memory = lambda: sum(int(l.split()[1]) for l in open(f'/proc/{agent_pid(h)}/status') if l.startswith('VmHWM'))
    before = memory()
    took = []

    def ask(where, **k):
        t = time.monotonic()
        r = h.log('big.log', where, PropertyList=['Message', 'TimeGenerated'], **k)
        took.append(time.monotonic() - t)
        return r
    check(f'the last ten of {size >> 20} MiB', [r['Message'][:24] for r in ask('', Limit=10)] == [f'block {n - 1} line {j:05} xx' for j in range(9499, 9489, -1)])
    t = begin + datetime.timedelta(seconds=700000)
    rows = ask(f"TimeGenerated = '{iso(t)}'")
    check('an hour in the middle', len(rows) == 9500 and all(r['TimeGenerated'] == iso(t) for r in rows), len(rows))
    rows = ask(f"TimeGenerated <= '{iso(begin)}'")
    check('its beginning', len(rows) == 9500, len(rows))
    rows = ask(f"TimeGenerated > '{iso(begin + datetime.timedelta(seconds=(n - 1) * 1000 - 1))}'", Limit=5)
    check('its end', len(rows) == 5)
    check('nothing before or behind it', ask(f"TimeGenerated < '{iso(begin - datetime.timedelta(seconds=1))}'") == [] and ask(f"TimeGenerated > '{iso(NOW + datetime.timedelta(days=2))}'") == [])
    check('each in bounded time', max(took) < 5, took)
    check('and in bounded memory', memory() - before < 40 << 10, (before, memory()))
    packed = h.path + '/packed.log.1.gz'
    h.write('packed.log', ['2026-01-01 00:00:00 new'])
    with gzip.open(packed, 'wb', 1) as out, open(path, 'rb') as f:
        for _ in range(300):
            out.write(f.read(1 << 20))
    os.utime(packed, (NOW.timestamp() - 10,) * 2)
    t = time.monotonic()
    rows = h.log('packed.log', PropertyList=['Message', 'Path'], Limit=10)
    check('300 MiB, packed: the last ten', len(rows) == 10 and rows[0]['Path'] == '/var/log/packed.log' and rows[9]['Path'] == '/var/log/packed.log.1.gz', rows[:2])
    check('in bounded time and memory', time.monotonic() - t < 15 and memory() - before < 60 << 10, (time.monotonic() - t, before, memory()))
    os.unlink(path), os.unlink(packed)


def agent_pid(h):
    """The agent's id here: the child of nsenter's."""
    pid = h.agent.pid
    while True:
        with open(f'/proc/{pid}/task/{pid}/children') as f:
            children = f.read().split()
        with open(f'/proc/{pid}/comm') as f:
            name = f.read().strip()
        if name.startswith('reeve') or not children:
            return pid
        pid = int(children[0])


def main():
    with lablib.Lab() as lab:
        h = Host(lab)
        line_kinds(h)
        conditions(h)
        several(h)
        refused(h)
        rotated(h)
        channels(h)
        cmdlet(h)
        gigabytes(h)
        h.agent.terminate()
    check.end()


if __name__ == '__main__':
    main()
