#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Thread, OpenFile and ProcessUsage beside what /proc says of every process, read here and by itself; and of processes made for it."""
import fcntl, os, re, shutil, socket, stat, subprocess, sys, tempfile, threading, time

sys.path[:0] = [os.path.dirname(os.path.abspath(__file__))]
import agentlib
from proclib import KINDS, caps, maybe, signals, text

check = agentlib.Cases()
agent = agentlib.Agent()
peer = agent.open()
ROOT = os.geteuid() == 0
TICK = 10**9 // os.sysconf('SC_CLK_TCK')
FLAGS = {'O_CREAT': 0o100, 'O_EXCL': 0o200, 'O_NOCTTY': 0o400, 'O_TRUNC': 0o1000, 'O_APPEND': 0o2000, 'O_NONBLOCK': 0o4000, 'O_ASYNC': 0o20000, 'O_DIRECT': 0o40000,
         'O_DIRECTORY': 0o200000, 'O_NOFOLLOW': 0o400000, 'O_NOATIME': 0o1000000, 'O_CLOEXEC': 0o2000000}


def ask(name, *names, **more):
    r = peer.call('EnumerateInstances', {'ClassName': name, **({'PropertyList': list(names)} if names else {}), **more})
    return r['result']['Instances'] if 'result' in r else r


def do(name, key, method, **given):
    return peer.call('InvokeMethod', {'ClassName': name, 'MethodName': method, 'InstanceName': key, 'InParameters': given})


def quiet():
    """Processes that are not part of this question."""
    return [int(p) for p in os.listdir('/proc') if p.isdigit() and int(p) not in (os.getpid(), agent.proc.pid)]


def same(what, expected, rows_of, names):
    """Each row beside what was expected before and after it was read; where these two differ it is read again."""
    wrong, compared = [], 0
    before = {p: e for p in quiet() if (e := maybe(lambda: expected(p))) is not None}
    seen = {}
    for r in ask(what, *names):
        seen.setdefault(r['ProcessId'], []).append(r)
    for pid, was in before.items():
        now, mine = maybe(lambda: expected(pid)), rows_of(seen.get(pid, []))
        for _ in range(20):
            if now is None or was == now and mine == now:
                break
            was, mine, now = maybe(lambda: expected(pid)), rows_of(ask(what, *names, Filter=f'ProcessId = {pid}')), maybe(lambda: expected(pid))
        if now is not None and was == now:
            compared += len(now)
            if mine != now:
                wrong.append((pid, [(k, mine.get(k), now.get(k)) for k in {*mine, *now} if mine.get(k) != now.get(k)][:3]))
    check(f'{what}: {len(names)} properties of every process beside /proc', compared > 3 and not wrong, wrong[:5])
    print(f'{what}: {compared} compared')


# ---- threads ----

def one_thread(pid, tid):
    st = text(pid, f'task/{tid}/stat')
    f = [None, None, None] + st[st.rindex(')') + 2:].split()
    status = dict(l.split(':', 1) for l in text(pid, f'task/{tid}/status').splitlines())
    s = lambda name: status[name].strip()
    n = lambda i: int(f[i])
    wchan = maybe(lambda: text(pid, f'task/{tid}/wchan'))
    stack = maybe(lambda: [l.split(' ', 1)[1] for l in text(pid, f'task/{tid}/stack').splitlines()])
    delay = maybe(lambda: text(pid, f'task/{tid}/schedstat').split())
    call = (maybe(lambda: text(pid, f'task/{tid}/syscall').split()) or ['running'])
    return {'ProcessId': pid, 'ThreadId': tid, 'Name': st[st.index('(') + 1:st.rindex(')')], 'State': f[3], 'MinorFaults': n(10), 'MajorFaults': n(12), 'UserModeTime': n(14) * TICK,
            'KernelModeTime': n(15) * TICK, 'TotalProcessorTime': (n(14) + n(15)) * TICK, 'Priority': n(18), 'Nice': n(19), 'LastProcessor': n(39), 'RealtimePriority': n(40),
            'SchedulingPolicy': KINDS.get(n(41)), 'BlockIOTime': n(42) * TICK, 'WaitChannel': None if not wchan or wchan == '0' else wchan, 'KernelStack': stack,
            'SystemCall': int(call[0]) if len(call) > 1 else None, 'InstructionPointer': int(call[-1], 16) if len(call) > 1 else None,
            'RunDelay': delay and int(delay[1]), 'TimesScheduled': delay and int(delay[2]), 'VoluntaryContextSwitches': int(s('voluntary_ctxt_switches')),
            'InvoluntaryContextSwitches': int(s('nonvoluntary_ctxt_switches')), 'ProcessorAffinity': s('Cpus_allowed_list'), 'SignalsBlocked': signals(s('SigBlk')),
            'SignalsPending': signals(s('SigPnd')), 'CapabilitiesEffective': caps(s('CapEff'))}


def threads_of(pid):
    return {tid: one_thread(pid, tid) for tid in map(int, os.listdir(f'/proc/{pid}/task'))}


def threads():
    names = list(one_thread(os.getpid(), os.getpid()))
    same('Thread', threads_of, lambda rows: {r['ThreadId']: {k: r.get(k) for k in names} for r in rows}, names)
    child = subprocess.Popen(['/usr/bin/python3', '-c', '''
import ctypes, threading, time
def f():
    ctypes.CDLL(None).prctl(15, b'a) R (\\nb\\xff', 0, 0, 0)
    print(1, flush=True)
    time.sleep(600)
for _ in range(2): threading.Thread(target=f, daemon=True).start()
time.sleep(600)'''], stdout=subprocess.PIPE)
    try:
        child.stdout.readline()
        child.stdout.readline()
        rows = ask('Thread', Filter=f'ProcessId = {child.pid}')
        check('the threads of a process', {r['ThreadId'] for r in rows} == {int(t) for t in os.listdir(f'/proc/{child.pid}/task')} and len(rows) == 3, rows)
        check('a name of parentheses, a line end and no UTF-8', sum(r['Name'].startswith('a) R (\nb') for r in rows) == 2, rows)
        second = [r for r in rows if r['ThreadId'] != child.pid][0]
        tid = second['ThreadId']
        alone = ask('Thread', Filter=f'ThreadId = {tid}')
        check('a thread by its own id', [(r['ProcessId'], r['ThreadId']) for r in alone] == [(child.pid, tid)], alone)
        view = ask('Win32_Thread', Filter=f"Handle = '{tid}'")
        check('as WMI shows it', len(view) == 1 and (view[0]['ProcessHandle'], view[0]['ThreadState'], view[0]['ProcessCreationClassName']) == (str(child.pid), 5, 'Win32_Process'), view)
        key = {k: second[k] for k in ('ProcessId', 'ThreadId', 'CreationDate')}
        r = do('Thread', key, 'SetPriority', Priority=4)
        check('SetPriority: this thread only', r.get('result', {}).get('ReturnValue') == 0 and os.getpriority(os.PRIO_PROCESS, tid) == 4 and os.getpriority(os.PRIO_PROCESS, child.pid) == 0, r)
        some = min(os.sched_getaffinity(0))
        r = do('Thread', {'ThreadId': tid}, 'SetAffinity', Processors=str(some))
        check('SetAffinity', r.get('result', {}).get('ReturnValue') == 0 and os.sched_getaffinity(tid) == {some}, r)
        for k, want in (({**key, 'CreationDate': '2001-01-01T00:00:00.000000Z'}, 'STALE'), ({'ProcessId': child.pid, 'ThreadId': 1}, 'NOT_FOUND'), ({'ThreadId': 4194305}, 'NOT_FOUND')):
            r = do('Thread', k, 'SetPriority', Priority=1)
            check(f'another thread: {want}', r.get('error', {}).get('data', {}).get('Name') == want, r)
        r = peer.call('Associators', {'ClassName': 'Process', 'InstanceName': {'ProcessId': child.pid}, 'AssocClass': 'ProcessThread', 'PropertyList': ['ThreadId']})
        check('ProcessThread', {x['ThreadId'] for x in r['result']['Instances']} == {x['ThreadId'] for x in rows}, r)
    finally:
        child.kill()
        child.wait()


# ---- what they have open ----

def one_file(pid, fd):
    link = os.fsencode(os.readlink(f'/proc/{pid}/fd/{fd}')).decode('utf-8', 'surrogateescape')
    info = dict(l.split(':', 1) for l in text(pid, f'fdinfo/{fd}').splitlines())
    flags, deleted = int(info['flags'], 8), link.startswith('/') and not link.startswith('/memfd:') and link.endswith(' (deleted)')
    # A mount that neither the agent nor the process has in its list is not asked.
    known = any(re.search(rf'^{info["mnt_id"].strip()} ', text(p, 'mountinfo'), re.M) for p in ('self', pid))
    mode = os.stat(f'/proc/{pid}/fd/{fd}').st_mode if known else stat.S_IFDIR if flags & 0o200000 else 0
    kind = ('Socket' if link.startswith('socket:') else 'Pipe' if link.startswith('pipe:') else 'Anonymous' if not link.startswith('/') or link.startswith('/memfd:') else
            'Directory' if stat.S_ISDIR(mode) else 'CharacterDevice' if stat.S_ISCHR(mode) else 'BlockDevice' if stat.S_ISBLK(mode) else 'Pipe' if stat.S_ISFIFO(mode) else 'Socket' if stat.S_ISSOCK(mode) else 'File')
    return {'ProcessId': pid, 'Descriptor': fd, 'Path': link[:-10] if deleted else link, 'Deleted': deleted, 'Kind': kind, 'Position': int(info['pos']),
            'AccessMode': 'Path' if flags & 0o10000000 else ['Read', 'Write', 'ReadWrite'][flags & 3], 'MountId': int(info['mnt_id']), 'Inode': int(info.get('ino', 0)),
            'Flags': sorted([k for k, v in FLAGS.items() if flags & v] + (['O_SYNC' if flags & 0o4000000 else 'O_DSYNC'] if flags & 0o10000 else []))}


def files_of(pid):
    return {fd: one_file(pid, fd) for fd in map(int, os.listdir(f'/proc/{pid}/fd'))}


def files():
    names = list(one_file(os.getpid(), 0))
    same('OpenFile', files_of, lambda rows: {r['Descriptor']: {**{k: r.get(k) for k in names}, 'Flags': sorted(r.get('Flags') or [])} for r in rows}, names)
    d = tempfile.mkdtemp(prefix='reeve-open.')
    path = os.path.join(d, 'a\nb \N{SNOWMAN}')
    fds, me = [], os.getpid()
    try:
        fds.append(os.open(os.fsencode(path) + b'\xff', os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_SYNC))
        os.write(fds[0], b'x' * 1000)
        fcntl.flock(fds[0], fcntl.LOCK_EX)
        fds.append(os.open(d, os.O_RDONLY | os.O_DIRECTORY))
        fds.append(os.open(path + 'gone', os.O_WRONLY | os.O_CREAT))
        os.truncate(fds[2], 77)
        os.remove(path + 'gone')
        fds += os.pipe()
        s = socket.socket()
        s.bind(('127.0.0.1', 0))
        s.listen()
        fds.append(s.detach())
        rows = {r['Descriptor']: r for r in ask('OpenFile', *names, 'Locks', 'Size', 'Device', 'LinkCount', Filter=f'ProcessId = {me}')}
        check('exactly what is open', set(rows) == set(int(f) for f in os.listdir('/proc/self/fd')) - {max(rows) + 1} or set(fds) <= set(rows), (sorted(rows), fds))
        a, b, c, p, q, k = (rows[f] for f in fds)
        st = os.fstat(fds[0])
        check('a file with an odd name', a['Path'].startswith(path) and (a['Kind'], a['Position'], a['Size'], a['LinkCount'], a['Inode'], a['AccessMode'], a['Deleted']) ==
              ('File', 1000, 1000, 1, st.st_ino, 'ReadWrite', False) and {'O_APPEND', 'O_SYNC', 'O_CLOEXEC'} <= set(a['Flags']) and a['Device'] == f'{os.major(st.st_dev)}:{os.minor(st.st_dev)}', a)
        check('its lock', len(a['Locks']) == 1 and re.match(rf'FLOCK +ADVISORY +WRITE +{me} ', a['Locks'][0]) and b['Locks'] == [], a)
        check('a directory', (b['Kind'], b['Path'], b['AccessMode']) == ('Directory', d, 'Read'), b)
        check('a file that was removed', (c['Deleted'], c['Path'], c['Size'], c['LinkCount'], c['AccessMode']) == (True, path + 'gone', 77, 0, 'Write'), c)
        check('a pipe', p['Kind'] == q['Kind'] == 'Pipe' and p['Inode'] == q['Inode'] == os.fstat(fds[3]).st_ino and p['Path'] == f'pipe:[{p["Inode"]}]' and p['AccessMode'] == 'Read', (p, q))
        tcp = ask('NetTCPConnection', 'LocalPort', Filter=f'Inode = {k["Inode"]}')
        check('a socket, and the connection that it is', k['Kind'] == 'Socket' and len(tcp) == 1 and tcp[0]['LocalPort'] == socket.socket(fileno=os.dup(fds[5])).getsockname()[1], (k, tcp))
        one = peer.call('GetInstance', {'ClassName': 'OpenFile', 'InstanceName': {'ProcessId': me, 'Descriptor': fds[1]}})
        check('one of them by its key', one.get('result', {}).get('Path') == d and 'Size' not in one['result'], one)
        by = ask('OpenFile', 'ProcessId', 'Descriptor', Filter=f"Path LIKE '{d}%'")
        check('who has it open', sorted(r['Descriptor'] for r in by) == sorted(fds[:3]) and {r['ProcessId'] for r in by} == {me}, by)
        r = peer.call('Associators', {'ClassName': 'OpenFile', 'InstanceName': {'ProcessId': me, 'Descriptor': fds[1]}, 'AssocClass': 'ProcessOpenFile', 'PropertyList': ['ProcessId']})
        check('ProcessOpenFile', [x['ProcessId'] for x in r['result']['Instances']] == [me], r)
    finally:
        for f in fds:
            os.close(f)
        shutil.rmtree(d)
    r = ask('OpenFile', Filter='ProcessId = 4194305')
    check('nobody has nothing open', r == [], r)


# ---- how busy they are ----

def usage():
    busy = subprocess.Popen(['/usr/bin/python3', '-c', 'while True: pass'])
    idle = subprocess.Popen(['sleep', '600'])
    copy = subprocess.Popen(['dd', 'if=/dev/zero', 'of=/dev/null', 'bs=64k'], stderr=subprocess.DEVNULL)
    try:
        a, at = sum(map(int, text(busy.pid, 'stat').rsplit(')', 1)[1].split()[11:13])), time.monotonic()
        rows = {r['ProcessId']: r for r in ask('ProcessUsage', 'ProcessId', 'Name', 'PercentProcessorTime', 'PercentUserTime', 'PercentPrivilegedTime', 'WorkingSetSize', 'IOReadBytesPersec',
                                               'IOWriteBytesPersec', 'IOReadOperationsPersec', 'Interval', Filter='Interval = 1000')}
        b, span = sum(map(int, text(busy.pid, 'stat').rsplit(')', 1)[1].split()[11:13])), time.monotonic() - at
        b_row, i_row, c_row = rows[busy.pid], rows[idle.pid], rows[copy.pid]
        counted = (b - a) * TICK / span / 1e7
        check('it waits the span that was asked for', 1 <= span < 20 and b_row['Interval'] == 1000, span)
        check('a busy process, beside what its counters say', b_row['PercentProcessorTime'] > 1 and counted / 3 - 5 < b_row['PercentProcessorTime'] < min(105, counted * 3 + 5), (b_row, counted))
        check('mostly in the program', b_row['PercentUserTime'] > 4 * b_row['PercentPrivilegedTime'] and
              abs(b_row['PercentUserTime'] + b_row['PercentPrivilegedTime'] - b_row['PercentProcessorTime']) < 0.01, b_row)
        check('an idle one', i_row['PercentProcessorTime'] < 1 and i_row['Name'] == 'sleep' and i_row['WorkingSetSize'] > 0, i_row)
        check('one that copies', c_row['IOReadBytesPersec'] > 1 << 20 and 0.5 < c_row['IOReadBytesPersec'] / max(1, c_row['IOWriteBytesPersec']) < 2 and
              60000 < c_row['IOReadBytesPersec'] / max(1, c_row['IOReadOperationsPersec']) < 70000, c_row)
        one = ask('ProcessUsage', Filter=f'ProcessId = {busy.pid}')
        check('one alone, without what is expensive', len(one) == 1 and one[0]['Interval'] == 250 and 'IOReadBytesPersec' not in one[0], one)
        for wrong in (5, 70000):
            r = ask('ProcessUsage', Filter=f'Interval = {wrong}')
            check(f'a span of {wrong} ms is refused', 'error' in r and r['error']['data']['Name'] == 'INVALID_PARAMETER', r)
        # Processes that come and go all the time.
        stop = threading.Event()
        def churn():
            while not stop.is_set():
                subprocess.run(['true'])
        t = threading.Thread(target=churn)
        t.start()
        try:
            for name in ('ProcessUsage', 'Thread', 'OpenFile', 'Process'):
                r = [ask(name) for _ in range(3)]
                check(f'{name}: while processes come and go', all(isinstance(x, list) and len(x) > 3 for x in r), [x for x in r if not isinstance(x, list)])
        finally:
            stop.set()
            t.join()
    finally:
        for p in (busy, idle, copy):
            p.kill()
            p.wait()


try:
    threads()
    files()
    usage()
finally:
    check('ends cleanly', agent.stop() == 0, agent.said)
check.end()
