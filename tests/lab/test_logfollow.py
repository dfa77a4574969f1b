#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""LogEntryEvent of log files, in a /var/log of its own: lines as they come, with rotation by rename, by copy and truncation, while a
writer goes on; files and folders that come and go; what is lost is told; a slow reader; the snapshot and the stream together."""
import gzip, os, shutil, signal, sys, threading, time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(os.path.dirname(HERE), 'integration')]
import agentlib, lablib
from test_logfile import Host

check = agentlib.Cases()


class Followed:
    def __init__(self, h, where=''):
        self.peer = agentlib.Peer(h.sock)
        self.peer.sock.settimeout(30)
        r = self.peer.call('Subscribe', {'Query': 'SELECT * FROM LogEntryEvent' + (' WHERE ' + where if where else '')})
        self.ok = 'result' in r
        self.error = r

    def until(self, last, seconds=30):
        """Events up to one with that message."""
        got, end = [], time.monotonic() + seconds
        while time.monotonic() < end:
            self.peer.sock.settimeout(max(0.05, end - time.monotonic()))
            try:
                m = self.peer.line()
            except OSError:
                break
            if m is None:
                break
            if m.get('params', {}).get('Kind') == 'Sync':
                continue
            e = m['params'].get('Indication')
            if e is None:
                got.append(m['params'])
                continue
            got.append(e)
            if e['Message'] == last:
                break
        return got


def append(h, name, *lines, end='\n'):
    os.makedirs(os.path.dirname(os.path.join(h.path, name)), exist_ok=True)
    with open(os.path.join(h.path, name), 'a') as f:
        f.write(''.join(l + end for l in lines))


said = lambda events: [e.get('Message') for e in events]


def simple(h):
    append(h, 'a.log', 'before')
    f = Followed(h)
    check('subscribed', f.ok, f.error)
    append(h, 'a.log', '2026-01-15 03:14:52 first', 'second')
    got = f.until('second')
    check('lines as they come', said(got) == ['first', 'second'] and got[0]['LogName'] == '/var/log/a.log' and got[0]['TimeGenerated'].startswith('2026-01-1') and not got[0]['Lost'], got)
    one = h.asked.one('LogEntry', {'Cursor': got[1]['Cursor']}, 'Message')
    check('the same entry by its cursor', one == {'Message': 'second'}, one)
    append(h, 'a.log', 'a half', end='')
    append(h, 'a.log', ' and the other', 'next')
    check('a line is told when it has its end', said(f.until('next')) == ['a half and the other', 'next'])
    append(h, 'new/deep/b.log', 'in a new folder')
    check('a new file in a new folder', said(f.until('in a new folder')) == ['in a new folder'])
    with open(h.path + '/a.log', 'ab') as out:
        out.write(b'x' * 300000 + b'\n\xff\xfe\n')
    got = f.until('\\xff\\xfe')
    check('a long line is cut; bytes', [len(m) for m in said(got)] == [65536, 8], [len(m) for m in said(got)])
    os.unlink(h.path + '/a.log')
    append(h, 'a.log', 'made anew')
    check('removed and made anew', said(f.until('made anew')) == ['made anew'])
    os.symlink('/etc/passwd', h.path + '/link.log')
    append(h, 'wtmp', 'x'), append(h, 'x.gz', 'y'), append(h, 'a.log', 'end')
    check('no links, nothing binary', said(f.until('end')) == ['end'])
    return f


def filtered(h):
    f = Followed(h, "LogName = '/var/log/f.log' AND Priority <= 3")
    append(h, 'f.log', '2026/07/15 03:14:50 [info] 1#1: a', '2026/07/15 03:14:51 [error] 1#1: b')
    append(h, 'a.log', '2026/07/15 03:14:51 [error] 1#1: c')
    append(h, 'f.log', '2026/07/15 03:14:52 [crit] 1#1: d')
    check('a condition', said(f.until('[crit] 1#1: d')) == ['[error] 1#1: b', '[crit] 1#1: d'])


def shift(path):
    """As logrotate counts up what is there."""
    for i in range(9, 0, -1):
        for end in ('', '.gz'):
            if os.path.exists(f'{path}.{i}{end}'):
                os.rename(f'{path}.{i}{end}', f'{path}.{i + 1}{end}')


def rename_rotation(h):
    """A writer that keeps its descriptor for a while after each rename, as one that waits for a signal does."""
    f = Followed(h, "LogName = '/var/log/r.log'")
    path, n = h.path + '/r.log', 0
    out = open(path, 'a', buffering=1)
    out.write('begin\n')
    check('it begins', said(f.until('begin')) == ['begin'])
    for turn in range(6):
        for _ in range(200):
            out.write(f'line {n}\n')
            n += 1
        shift(path)
        os.rename(path, path + '.1')
        new = open(path, 'a', buffering=1)
        for _ in range(50):   # into the one that was renamed
            out.write(f'line {n}\n')
            n += 1
        out.close()
        out = new
        if turn > 2:   # packed at once
            with open(path + '.1', 'rb') as i, gzip.open(path + '.1.tmp', 'wb') as o:
                shutil.copyfileobj(i, o)
            os.rename(path + '.1.tmp', path + '.1.gz')
            os.unlink(path + '.1')
    out.write('the end\n')
    got = said(f.until('the end'))
    check('six rotations by rename: each line once', got == [f'line {i}' for i in range(n)] + ['the end'] or sorted(got, key=str) == sorted([f'line {i}' for i in range(n)] + ['the end'], key=str) and len(set(got)) == len(got),
          (len(got), n + 1, [x for x in got if got.count(x) > 1][:3], [f'line {i}' for i in range(n) if f'line {i}' not in set(got)][:5]))


def copy_rotation(h):
    f = Followed(h, "LogName = '/var/log/c.log'")
    path, n, got = h.path + '/c.log', 0, []
    out = open(path, 'a', buffering=1)
    out.write('begin\n')
    check('it begins', said(f.until('begin')) == ['begin'])
    for turn in range(6):
        for _ in range(300):
            out.write(f'line {n}\n')
            n += 1
        shift(path)
        shutil.copyfile(path, path + '.1')
        os.truncate(path, 0)
        for _ in range(turn * 100 + 1):   # soon longer than what was read of it
            out.write(f'line {n}\n')
            n += 1
        got += said(f.until(f'line {n - 1}'))   # so that something of it was read before the next turn
    out.write('the end\n')
    got += said(f.until('the end'))
    check('six times copied and truncated: each line once', got == [f'line {i}' for i in range(n)] + ['the end'], (len(got), n + 1, [f'line {i}' for i in range(n) if f'line {i}' not in set(got)][:5]))
    os.truncate(path, 0)
    out.write('after\n')
    got = f.until('after')
    check('truncated without a copy: told as lost', [e['Lost'] for e in got] == [True, False] and got[0]['LogName'] == '/var/log/c.log', got)


def many(h):
    """A subscriber that does not read, and much more than any queue."""
    f = Followed(h, "LogName = '/var/log/m.log'")
    other = Followed(h, "LogName = '/var/log/other.log'")
    n = 30000
    with open(h.path + '/m.log', 'w') as out:
        for i in range(n):
            out.write(f'line {i} {"z" * 100}\n')
        out.write('the end\n')
    append(h, 'other.log', 'others')
    t = time.monotonic()
    h.asked.rows('LogChannel')
    check('others are answered', time.monotonic() - t < 10)
    got = f.until('the end', 60)
    lines = [m for m in said(got) if m]
    told = [e for e in got if 'Message' not in e]
    check('a slow reader: all, or the gap is told', len(lines) == n + 1 or told, (len(lines), told[:2]))
    check('another subscription', said(other.until('others')) == ['others'])


def snapshot(h):
    """A writer that never stops: what was read and what is told have no gap between them."""
    path, go = h.path + '/s.log', threading.Event()

    def writer():
        i = 0
        with open(path, 'a', buffering=1) as out:
            while not go.is_set():
                out.write(f'n {i}\n')
                i += 1
                time.sleep(0.0005)
            out.write('the end\n')
    t = threading.Thread(target=writer)
    t.start()
    agentlib.until(lambda: os.path.exists(path) and os.path.getsize(path) > 2000)
    f = Followed(h, "LogName = '/var/log/s.log'")
    seen = h.log('s.log', PropertyList=['Cursor', 'Message'])
    time.sleep(0.3)
    go.set()
    t.join()
    got = f.until('the end')
    by = {r['Cursor']: r['Message'] for r in seen}
    by.update({e['Cursor']: e['Message'] for e in got})
    whole = open(path).read().split('\n')[:-1]
    have = set(by.values())
    check('no line is missing between snapshot and stream', [l for l in whole if l not in have] == [], [l for l in whole if l not in have][:5])
    check('and they are told apart by their cursors', len(by) == len(whole) or len(by) == len(whole) + 1, (len(by), len(whole)))


def rushed(h):
    """A log that is new, and was rotated three times before anybody could look."""
    f = Followed(h, "LogName = '/var/log/rush.log'")
    h.agent.send_signal(signal.SIGSTOP)
    threads = f'/proc/{h.agent.pid}/task'
    check('the agent stands still', agentlib.until(lambda: all(open(f'{threads}/{t}/stat').read().rsplit(')', 1)[1].split()[0] == 'T' for t in os.listdir(threads))))
    want = []
    for r in range(3, -1, -1):
        lines = [f'rush {r} {n}' for n in range(250)]
        want += lines
        append(h, 'rush.log', *lines)
        for k in range(2, -1, -1):
            if r and os.path.exists(h.path + '/rush.log' + (f'.{k}' if k else '')):
                os.rename(h.path + '/rush.log' + (f'.{k}' if k else ''), h.path + f'/rush.log.{k + 1}')
    h.agent.send_signal(signal.SIGCONT)
    got = said(f.until(want[-1]))
    check('a new log that was rotated before it was looked at', got == want, (len(got), len(want), got[:2]))
    append(h, 'rush.log', 'rush on')
    check('and it goes on', said(f.until('rush on')) == ['rush on'])


def entries(h):
    """New entries as creations of LogEntry and WMI's Win32_NTLogEvent: nothing is read for a beginning, and nothing polled."""
    calls = lambda: [r['Calls'] for r in h.asked.rows('Provider', Filter="Name = 'LogEntry'")]
    before = calls()
    readers = [agentlib.Reader(agentlib.Peer(h.sock), Query=q) for q in (
        "SELECT * FROM __InstanceCreationEvent WITHIN 600 WHERE TargetInstance ISA 'Win32_NTLogEvent' AND TargetInstance.Message LIKE 'needle%'",
        "SELECT * FROM __InstanceCreationEvent WHERE TargetInstance ISA 'LogEntry' AND TargetInstance.Message LIKE 'needle%'",
        "SELECT * FROM __InstanceOperationEvent WHERE TargetInstance ISA 'LogEntry' AND TargetInstance.LogName LIKE '%/needle.log'")]
    check('subscribed to entries', all(r.result.get('Push') for r in readers), [(r.result, r.error) for r in readers])
    append(h, 'needle.log', 'hay', 'needle one', 'hay', 'needle two')
    told = lambda r, want: [e['Indication'] for e in r.until(lambda e: e.get('Indication', {}).get('TargetInstance', {}).get('Message') == want, 30) if e and 'Indication' in e]
    for r, n in zip(readers, (2, 2, 4)):
        got = told(r, 'needle two')
        check('new entries are creations', len(got) == n and got[-1]['__CLASS'] == '__InstanceCreationEvent' and got[-2 if n == 2 else 1]['TargetInstance']['Message'] == 'needle one', got)
    one = got[-1]['TargetInstance']
    check('with all that an entry has', one['LogName'] == '/var/log/needle.log' and h.asked.one('LogEntry', {'Cursor': one['Cursor']}, 'Message') == {'Message': 'needle two'}, one)
    check('and the log was not read for it', calls()[0] - before[0] <= 1, (before, calls()))
    append(h, 'needle.log', 'needle three')
    os.truncate(h.path + '/needle.log', 0)
    append(h, 'needle.log', 'needle four')
    check('and on', told(readers[1], 'needle four')[-1]['TargetInstance']['Message'] == 'needle four')
    snap = agentlib.Reader(agentlib.Peer(h.sock), ClassName='LogEntry', Filter="LogName = '/var/log/needle.log'", Snapshot=True)
    got = snap.until(lambda e: e['Kind'] == 'Sync', 30)
    check('a snapshot reads what is there', got[-1] and len(got) >= 2 and not snap.result.get('Push'), (snap.result, got[-3:]))


def goes(h):
    """The last subscription ends: nothing is held open any more."""
    f = Followed(h)
    append(h, 'a.log', 'last')
    check('still', said(f.until('last'))[-1:] == ['last'])
    f.peer.sock.close()
    f = Followed(h)
    append(h, 'a.log', 'again')
    check('and again', said(f.until('again')) == ['again'])


def main():
    with lablib.Lab() as lab:
        h = Host(lab)
        simple(h)
        filtered(h)
        rename_rotation(h)
        copy_rotation(h)
        many(h)
        snapshot(h)
        rushed(h)
        entries(h)
        goes(h)
        h.agent.terminate()
    check.end()


main()
