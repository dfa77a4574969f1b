#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""LogEntry on a booted machine: the entries beside `journalctl -o json`, whole and by each condition that the index takes."""
import datetime, json, os, sys, time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(os.path.dirname(HERE), 'integration')]
import agentlib, lablib
from hostlib import Asked, status, good, differ

check = agentlib.Cases()
LEVELS = ['Emergency', 'Alert', 'Critical', 'Error', 'Warning', 'Notice', 'Information', 'Debug']
EPOCH = datetime.datetime(1970, 1, 1, tzinfo=datetime.timezone.utc)


def stamp(us):
    return (EPOCH + datetime.timedelta(microseconds=us)).isoformat().replace('+00:00', 'Z')


def micro(text):
    return round((datetime.datetime.fromisoformat(text.replace('Z', '+00:00')) - EPOCH) / datetime.timedelta(microseconds=1))


def text(v):
    if isinstance(v, list):
        return bytes(v).decode('utf-8', 'replace') if all(isinstance(x, int) for x in v) else text(v[-1])
    return v


def journal(m, *args):
    out = m.run("journalctl --no-pager -r --all -o json " + ' '.join(args)).stdout
    return [json.loads(line) for line in out.splitlines()]


def unit_of(e):
    return (text(e.get('UNIT')) if e.get('UNIT') and e.get('_PID') == '1' else None) or (text(e.get('OBJECT_SYSTEMD_UNIT')) if e.get('_UID') == '0' else None) \
        or e.get('COREDUMP_UNIT') or text(e.get('_SYSTEMD_UNIT'))


def prepare(m):
    m.run(r'''for i in 0 1 2 3 4 5 6 7; do logger -t tester -p user.$i "level $i"; done
        logger -t Tester -p user.info "another case"; logger -t odd "$(printf 'a \033[31mred\033[0m \377\376 end')"
        printf 'MESSAGE=first line\nMESSAGE_ID=0123456789abcdef0123456789abcdef\nSYSLOG_IDENTIFIER=native\nPRIORITY=5\nMYFIELD=mine\n' | logger --journald
        systemd-run -q --unit=speaker --wait sh -c 'echo out; echo err >&2; exit 3'
        journalctl --sync''')


def same(name, mine, real, **k):
    a, b = [r['Cursor'] for r in mine], [e['__CURSOR'] for e in real]
    check(name, a == b and a, (len(a), len(b), next((i for i, (x, y) in enumerate(zip(a, b)) if x != y), None), k))


def main():
    with lablib.Lab() as lab:
        m = lab.machine('journal')
        a = Asked(m.agent())
        prepare(m)
        everything(m, a)
        conditions(m, a)
        rest(m, a)
        following(m, a)
        channel(m, a)
    check.end()


def everything(m, a):
    real = journal(m)
    mine = a.rows('LogEntry', PropertyList=['Cursor', 'TimeGenerated', 'Message', 'Priority', 'LevelDisplayName', 'ProviderName', 'Unit', 'ProcessId', 'Uid', 'HostName', 'BootId', 'MessageId', 'Transport', 'ExecutablePath', 'CommandLine', 'Facility', 'Fields'])
    if mine and mine[0]['Cursor'] != real[0]['__CURSOR']:  # something was written between the two
        real = journal(m)
    same('all entries, newest first', mine[-len(real):], real[-len(mine):])
    by = {e['__CURSOR']: e for e in real}
    wrong = []
    for r in mine:
        e = by.get(r['Cursor'])
        if not e:
            continue
        number = lambda k: int(text(e[k])) if e.get(k) else None
        want = {'Message': text(e.get('MESSAGE')) or None, 'Priority': number('PRIORITY'), 'ProviderName': e.get('SYSLOG_IDENTIFIER'), 'Unit': unit_of(e), 'Uid': number('_UID'),
                'ProcessId': number('_PID') if '_PID' in e else number('SYSLOG_PID'), 'HostName': e.get('_HOSTNAME'), 'BootId': e.get('_BOOT_ID'), 'MessageId': text(e.get('MESSAGE_ID')), 'Transport': e.get('_TRANSPORT'),
                'ExecutablePath': e.get('_EXE'), 'CommandLine': e.get('_CMDLINE'), 'Facility': number('SYSLOG_FACILITY')}
        want['LevelDisplayName'] = LEVELS[want['Priority']] if want['Priority'] is not None else None
        if r['ProviderName'] == 'odd':  # the agent writes bytes that are no text as \xff
            r['Message'] = r['Message'].replace('\\xff\\xfe', '\ufffd\ufffd')
        if differ(r, want) or micro(r['TimeGenerated']) != int(e['__REALTIME_TIMESTAMP']):
            wrong.append(differ(r, want) or (r['TimeGenerated'], e['__REALTIME_TIMESTAMP']))
        fields = {k: text(v) for k, v in e.items() if not k.startswith('__')}
        got = r['Fields']
        if sorted(got) != sorted(fields):
            wrong.append(('Fields', set(got) ^ set(fields)))
    check(f'properties of {len(mine)} entries', len(mine) > 50 and not wrong, wrong[:4])
    check('bytes that are no UTF-8', any(r['ProviderName'] == 'odd' and 'end' in r['Message'] and '\x1b' in r['Message'] for r in mine))


def conditions(m, a):
    rows = lambda where, **k: a.rows('LogEntry', Filter=where, PropertyList=['Cursor', 'TimeGenerated', 'Message', 'ProviderName', 'Priority', 'Unit'], **k)
    same('the last five', a.rows('LogEntry', Limit=5), journal(m, '-n 5'))
    same('a unit: its own and what is said about it', rows("Unit = 'speaker.service'"), journal(m, '-u speaker.service'))
    same('a unit that only PID 1 speaks of', rows("Unit = 'multi-user.target'"), journal(m, '-u multi-user.target'))
    same('without case, as everything is compared', rows("Unit = 'SPEAKER.service'"), journal(m, '-u speaker.service'))
    same('a program, in either case', rows("ProviderName = 'tester'"), journal(m, '-t tester -t Tester'))
    same('by a pattern', rows("ProviderName LIKE 'test%'"), journal(m, '-t tester -t Tester'))
    same('priority', rows("Priority <= 3 AND ProviderName = 'tester'"), journal(m, '-p err -t tester'))
    same('a span of priorities', rows("Priority >= 4 AND Priority <= 5"), journal(m, '-p warning..notice'))
    same('a level', rows("LevelDisplayName = 'Warning'"), journal(m, '-p 4..4'))
    same('a boot', rows(f"BootId = '{journal(m, '-n 1')[0]['_BOOT_ID']}' AND Uid = 0 AND Transport = 'syslog'"), journal(m, '-b _TRANSPORT=syslog _UID=0'))
    same('a kind of message', rows("MessageId = '0123456789abcdef0123456789abcdef'"), journal(m, 'MESSAGE_ID=0123456789abcdef0123456789abcdef'))
    all_ = journal(m)
    middle, early = int(all_[len(all_) // 2]['__REALTIME_TIMESTAMP']), int(all_[-5]['__REALTIME_TIMESTAMP'])
    at = lambda e: int(e['__REALTIME_TIMESTAMP'])
    same('since', rows(f"TimeGenerated >= '{stamp(middle)}'")[-20:], [e for e in all_ if at(e) >= middle][-20:])
    same('until', rows(f"TimeGenerated <= '{stamp(middle)}'"), [e for e in all_ if at(e) <= middle])
    same('between', rows(f"TimeGenerated > '{stamp(early)}' AND TimeGenerated < '{stamp(middle)}'"), [e for e in all_ if early < at(e) < middle])
    check('what there is not', rows("ProviderName = 'nobody'") == [] and rows("Unit = 'no.service'") == [] and rows("MessageId = 'x'") == [])
    check('or is not of the index', len(rows("ProviderName = 'tester' OR ProviderName = 'native'")) == 10, rows("ProviderName = 'tester' OR ProviderName = 'native'"))
    check('text of the message', [r['Message'] for r in rows("Message LIKE 'level %' AND Priority < 2")] == ['level 1', 'level 0'])
    key = all_[3]['__CURSOR']
    check('one by its cursor', a.one('LogEntry', {'Cursor': key})['Message'] == text(all_[3]['MESSAGE']))
    for bad in ('nonsense', 's=0;i=0', all_[3]['__CURSOR'].replace(';i=', ';i=f')):
        r = a.peer.call('GetInstance', {'ClassName': 'LogEntry', 'InstanceName': {'Cursor': bad}})
        check(f'no such cursor: {bad[:20]}', status(r) == 'NOT_FOUND', r)
    check('fields of a native entry', a.rows('LogEntry', Filter="ProviderName = 'native'", PropertyList=['Fields'])[0]['Fields']['MYFIELD'] == 'mine')


def rest(m, a):
    do = lambda what_if=False, **kw: a.do('LogEntry', None, 'Write', what_if, **kw)
    check('what-if of Write', good(do(True, Message='not written')) and not journal(m, '-t reeve'))
    check('Write', good(do(Message='written %s %n', Priority=2, ProviderName='me')))
    m.run('journalctl --sync')
    got = journal(m, '-t me')
    check('it is there, as it was given', [(e['MESSAGE'], e['PRIORITY']) for e in got] == [('written %s %n', '2')], got)
    check('a priority that is none', status(do(Message='x', Priority=9)) == 'INVALID_PARAMETER')
    channel = {r['Name']: r for r in a.rows('LogChannel')}
    check('the journal is a channel', channel['journal']['FileSize'] > 100000 and micro(channel['journal']['OldestEntry']) <= int(journal(m)[-1]['__REALTIME_TIMESTAMP']), channel['journal'])
    files = set(m.run("find /var/log -maxdepth 3 -type f -name '*.log'").stdout.split())
    check('log files', files <= set(channel), files - set(channel))
    check('Vacuum needs a bound', status(a.do('LogChannel', {'Name': 'journal'}, 'Vacuum')) == 'INVALID_PARAMETER')
    m.run('touch /var/log/dpkg.log')
    check('of the journal only', status(a.do('LogChannel', {'Name': '/var/log/dpkg.log'}, 'Vacuum', MaximumSize=1)) == 'NOT_SUPPORTED')
    before = m.run('ls /var/log/journal/*/ /run/log/journal/*/ 2>/dev/null | wc -l').stdout
    check('what-if of Vacuum', good(a.do('LogChannel', {'Name': 'journal'}, 'Vacuum', True, MaximumSize=1 << 20)) and m.run('ls /var/log/journal/*/ /run/log/journal/*/ 2>/dev/null | wc -l').stdout == before)
    check('Vacuum', good(a.do('LogChannel', {'Name': 'journal'}, 'Vacuum', MaximumAge=1)))
    # A large journal: the last ten of one program are found without reading the others. (What was written before may have gone with the Vacuum.)
    check('one more', good(do(Message='the needle', ProviderName='needle')))
    m.run("i=0; while [ $i -lt 60 ]; do seq 1 500 | logger -t noise; i=$((i+1)); done; journalctl --sync", timeout=60)
    begin = time.monotonic()
    got = a.rows('LogEntry', Filter="ProviderName = 'needle'", Limit=10)
    took = time.monotonic() - begin
    check('one among 30,000, by the index', len(got) == 1 and took < 0.2, (len(got), took))
    begin = time.monotonic()
    got = a.rows('LogEntry', Limit=10)
    check('the last ten at once', len(got) == 10 and time.monotonic() - begin < 0.2, time.monotonic() - begin)


def following(m, a):
    """Entries as they come, while the journal is rotated and vacuumed under the reader; with what was there before there is no gap."""
    peer = agentlib.Peer(m.agent())
    r = peer.call('Subscribe', {'Query': "SELECT Cursor, Message, LogName, Priority, Unit, TimeGenerated, Lost FROM LogEntryEvent WHERE ProviderName = 'follow'"})
    check('subscribed to the journal', 'result' in r and r['result']['Push'], r)
    m.run(r'''i=0; while [ $i -lt 10 ]; do seq $((i*50+1)) $((i*50+50)) | logger -t follow -p user.notice; [ $((i%3)) = 1 ] && journalctl --rotate; [ $i = 7 ] && journalctl --vacuum-files=1 -q; i=$((i+1)); done
        logger -t follow -p user.crit "the end"; journalctl --sync''', timeout=60)
    got, end = [], time.monotonic() + 40
    peer.sock.settimeout(40)
    while time.monotonic() < end and (not got or got[-1]['Message'] != 'the end'):
        p = peer.line()['params']
        if p['Kind'] == 'Event':
            got.append(p['Indication'])
    want = [str(i) for i in range(1, 501)] + ['the end']
    check('501 entries over three rotations and a vacuum, each once', [e['Message'] for e in got] == want, (len(got), [w for w in want if w not in {e['Message'] for e in got}][:5]))
    check('as they are', got and got[-1]['Priority'] == 2 and got[-1]['LogName'] == 'journal' and not got[-1]['Lost'] and len({e['Cursor'] for e in got}) == len(got), got[-1:])
    same('their cursors are the journal\'s', got[::-1][:20], journal(m, '-t follow -n 20'))
    m.run('echo "2026-01-15 03:14:52 a line" >> /var/log/follow.log; logger -t follow last')
    end = time.monotonic() + 40
    while time.monotonic() < end and peer.line()['params'].get('Indication', {}).get('Message') != 'last':
        pass
    check('a file beside it is read', [e['Message'] for e in a.rows('LogEntry', Filter="LogName = '/var/log/follow.log'", PropertyList=['Message'])] == ['a line'])
    both = a.rows('LogEntry', Filter="LogName = 'journal' OR LogName = '/var/log/follow.log'", PropertyList=['LogName', 'TimeGenerated'])
    times = [micro(r['TimeGenerated']) for r in both]
    check('and merged with the journal by time', {r['LogName'] for r in both} == {'journal', '/var/log/follow.log'} and times == sorted(times, reverse=True), len(both))


def channel(m, a):
    do = lambda method, what_if=False, **k: a.do('LogChannel', {'Name': 'journal'}, method, what_if, **k)
    get = lambda: a.one('LogChannel', {'Name': 'journal'}, 'NumberOfRecords', 'OldestEntry', 'NewestEntry', 'MaximumSize', 'MaximumAge', 'IsPersistent', 'TotalSize')
    m.run('logger -t follow settled; journalctl --sync')
    n, one = len(journal(m)), get()
    check('entries of the journal', n <= one['NumberOfRecords'] <= len(journal(m)) and micro(one['OldestEntry']) <= int(journal(m)[-1]['__REALTIME_TIMESTAMP']) and micro(one['NewestEntry']) >= micro(one['OldestEntry']), (n, one))
    check('no bounds of its own', one['MaximumSize'] is None and one['MaximumAge'] is None and one['IsPersistent'] == (m.run('test -d /var/log/journal').returncode == 0), one)
    r = do('BackupEventlog', ArchiveFileName='/root/journal.export')
    told = m.run("grep -ac '^__CURSOR=' /root/journal.export").stdout.strip()
    check('a backup in the export format', good(r) and n <= int(told or 0) <= len(journal(m)), (r, told, n))
    last = journal(m, '-t odd -n 1')
    if last:
        check('bytes and control characters in it', m.run("grep -ac 'MESSAGE$' /root/journal.export").stdout.strip() != '0')
    r = do('SetRetention', True, MaximumSize=64 << 20)
    check('what-if of bounds', good(r) and m.run('ls /etc/systemd/journald.conf.d/90-reeve.conf').returncode != 0, r)
    r = do('SetRetention', MaximumSize=64 << 20, MaximumAge=86400 * 30)
    check('bounds', good(r) and get()['MaximumSize'] == 64 << 20 and get()['MaximumAge'] == 86400 * 30 and m.run('systemctl is-active systemd-journald').stdout.strip() == 'active', (r, get()))
    said = m.run("journalctl -u systemd-journald -b --no-pager -o cat | grep 'max ' | tail -1").stdout
    check('journald has read them', 'max 64.0M' in said or '64.0M' in said, said)
    m.run("printf '[Journal]\\nSystemMaxUse=1.5G\\nRuntimeMaxUse=1.5G\\nMaxRetentionSec=2week 1d\\n' > /etc/systemd/journald.conf.d/99-theirs.conf")
    check('the last drop-in counts', (get()['MaximumSize'], get()['MaximumAge']) == (1536 << 20, 15 * 86400), get())
    r = do('ClearEventlog', ArchiveFileName='/root/before.export')
    left = a.one('LogChannel', {'Name': 'journal'}, 'NumberOfRecords')['NumberOfRecords']
    check('cleared, with a backup', good(r) and left < 200 and int(m.run("grep -ac '^__CURSOR=' /root/before.export").stdout) >= n, (r, left))


main()
