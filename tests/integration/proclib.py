# SPDX-License-Identifier: MIT
"""What /proc says of a process, as Process should have it: read by itself, so that the tests have something to hold the agent against."""
import glob, os, re, resource, signal, subprocess

import agentlib

ROOT = ''   # of a machine whose /proc is meant: '/proc/4711/root'
CAPS = """CHOWN DAC_OVERRIDE DAC_READ_SEARCH FOWNER FSETID KILL SETGID SETUID SETPCAP LINUX_IMMUTABLE NET_BIND_SERVICE NET_BROADCAST NET_ADMIN NET_RAW
IPC_LOCK IPC_OWNER SYS_MODULE SYS_RAWIO SYS_CHROOT SYS_PTRACE SYS_PACCT SYS_ADMIN SYS_BOOT SYS_NICE SYS_RESOURCE SYS_TIME SYS_TTY_CONFIG MKNOD LEASE
AUDIT_WRITE AUDIT_CONTROL SETFCAP MAC_OVERRIDE MAC_ADMIN SYSLOG WAKE_ALARM BLOCK_SUSPEND AUDIT_READ PERFMON BPF CHECKPOINT_RESTORE""".split()
KINDS = {0: 'Other', 1: 'FIFO', 2: 'RoundRobin', 3: 'Batch', 5: 'Idle', 6: 'Deadline'}


def text(pid, name):
    with open(f'{ROOT}/proc/{pid}/{name}', 'rb') as f:
        return f.read().decode('utf-8', 'surrogateescape')


def maybe(what):
    try:
        return what()
    except (OSError, KeyError, ValueError):
        return None


def signals(mask):
    out = []
    for i in range(64):
        if int(mask, 16) >> i & 1:
            n = i + 1
            try:
                out.append(signal.Signals(n).name if n < signal.SIGRTMIN else f'SIGRTMIN+{n - signal.SIGRTMIN}' if n > signal.SIGRTMIN else 'SIGRTMIN')
            except ValueError:
                out.append(str(n))
    return ['SIGPOLL' if s == 'SIGIO' else s for s in out]


def caps(mask):
    return ['CAP_' + CAPS[i] if i < len(CAPS) else str(i) for i in range(64) if int(mask, 16) >> i & 1]


def terminal(n):
    major, minor = n >> 8 & 0xfff, n & 0xff | n >> 12 & 0xfff00
    for name in glob.glob(f'{ROOT}/dev/pts/*') + glob.glob(f'{ROOT}/dev/tty*') if n else []:
        st = maybe(lambda: os.stat(name))
        if st and (os.major(st.st_rdev), os.minor(st.st_rdev)) == (major, minor):
            return name[len(ROOT) + 5:]


def word(pid, name, number=True):
    s = maybe(lambda: text(pid, name).rstrip('\n\0'))
    return None if not s else int(s) if number else s


def expected(pid):
    """All of it, as Process should have it. Raises OSError when the process goes."""
    stat = text(pid, 'stat')
    f = [None, None, None] + stat[stat.rindex(')') + 2:].split()
    f = [f[i] if i < 4 else int(f[i]) for i in range(len(f))]
    tick = 10**9 // os.sysconf('SC_CLK_TCK')
    status = dict(l.split(':', 1) for l in text(pid, 'status').splitlines())
    s = lambda name: status[name].strip() if name in status else None
    kib = lambda name: int(s(name).split()[0]) * 1024 if s(name) is not None else None
    ids = lambda name, i: int(s(name).split()[i])
    io = maybe(lambda: dict(l.split(': ') for l in text(pid, 'io').splitlines())) or {}
    roll = maybe(lambda: dict(re.findall(r'^(\w+): +(\d+) kB', text(pid, 'smaps_rollup'), re.M))) or {}
    rolled = lambda *names: sum(int(roll[n]) for n in names) * 1024 if roll else None
    link = lambda name: maybe(lambda: os.fsencode(os.readlink(f'{ROOT}/proc/{pid}/{name}')).decode('utf-8', 'surrogateescape'))
    ns = lambda name: maybe(lambda: os.stat(f'{ROOT}/proc/{pid}/ns/{name}').st_ino)
    never = lambda v: None if v == 0xffffffff else v
    limits = maybe(lambda: {m[1][0].upper() + m[1][1:]: m[2] + ':' + m[3] for m in re.finditer(r'^Max (.*?)  +(\S+) +(\S+)', text(pid, 'limits'), re.M)})
    exe = link('exe')
    cgroup = [l.split(':', 2) for l in text(pid, 'cgroup').splitlines()]
    v2, v1 = [p for n, c, p in cgroup if n == '0'], [p for n, c, p in cgroup if c == 'name=systemd']
    return {
        'ProcessId': pid, 'ParentProcessId': f[4], 'ProcessGroupId': f[5], 'SessionId': f[6], 'Terminal': terminal(f[7]), 'MinorFaults': f[10], 'MajorFaults': f[12],
        'PageFaults': f[10] + f[12], 'UserModeTime': f[14] * tick, 'KernelModeTime': f[15] * tick, 'TotalProcessorTime': (f[14] + f[15]) * tick, 'ChildProcessorTime': (f[16] + f[17]) * tick,
        'Priority': f[18], 'Nice': f[19], 'ThreadCount': f[20], 'VirtualSize': f[23], 'WorkingSetSize': f[24] * resource.getpagesize(), 'LastProcessor': f[39],
        'RealtimePriority': f[40], 'SchedulingPolicy': KINDS.get(f[41]), 'BlockIOTime': f[42] * tick, 'State': f[3],
        'WorkingDirectory': link('cwd'), 'RootDirectory': link('root'), 'ExecutablePath': exe and re.sub(r' \(deleted\)$', '', exe), 'ExecutableDeleted': None if exe is None else exe.endswith(' (deleted)'),
        'OomScore': word(pid, 'oom_score'), 'OomScoreAdjust': word(pid, 'oom_score_adj'), 'LoginUid': never(word(pid, 'loginuid')), 'AuditSessionId': never(word(pid, 'sessionid')),
        'SecurityLabel': word(pid, 'attr/current', False), 'Limits': limits,
        'ReadTransferCount': maybe(lambda: int(io['rchar'])), 'WriteTransferCount': maybe(lambda: int(io['wchar'])), 'ReadOperationCount': maybe(lambda: int(io['syscr'])),
        'WriteOperationCount': maybe(lambda: int(io['syscw'])), 'DiskReadBytes': maybe(lambda: int(io['read_bytes'])), 'DiskWriteBytes': maybe(lambda: int(io['write_bytes'])),
        'DiskCancelledWriteBytes': maybe(lambda: int(io['cancelled_write_bytes'])),
        'ProportionalSetSize': rolled('Pss'), 'UniqueSetSize': rolled('Private_Clean', 'Private_Dirty'), 'ProportionalSwapSize': rolled('SwapPss'),
        **{k + 'Namespace': ns(n) for k, n in zip('Cgroup Ipc Mount Net Pid Time User Uts'.split(), 'cgroup ipc mnt net pid time user uts'.split())},
        'RealUid': ids('Uid', 0), 'EffectiveUid': ids('Uid', 1), 'SavedUid': ids('Uid', 2), 'RealGid': ids('Gid', 0), 'EffectiveGid': ids('Gid', 1), 'SavedGid': ids('Gid', 2),
        'Groups': [int(x) for x in s('Groups').split()], 'PeakVirtualSize': kib('VmPeak'), 'PeakWorkingSetSize': kib('VmHWM'), 'SwapUsage': kib('VmSwap'), 'LockedMemory': kib('VmLck'),
        'DataSize': kib('VmData'), 'StackSize': kib('VmStk'), 'PageTableSize': kib('VmPTE'), 'AnonymousSize': kib('RssAnon'),
        **{'Capabilities' + k: caps(s(n)) for k, n in (('Effective', 'CapEff'), ('Permitted', 'CapPrm'), ('Inheritable', 'CapInh'), ('Bounding', 'CapBnd'), ('Ambient', 'CapAmb'))},
        'NoNewPrivileges': s('NoNewPrivs') == '1', 'SeccompMode': int(s('Seccomp')), 'SeccompFilters': maybe(lambda: int(s('Seccomp_filters'))), 'TracerProcessId': int(s('TracerPid')) or None,
        'VoluntaryContextSwitches': int(s('voluntary_ctxt_switches')), 'InvoluntaryContextSwitches': int(s('nonvoluntary_ctxt_switches')),
        'NamespaceProcessIds': [int(x) for x in s('NSpid').split()], 'SignalsBlocked': signals(s('SigBlk')), 'SignalsIgnored': signals(s('SigIgn')), 'SignalsCaught': signals(s('SigCgt')),
        'Umask': s('Umask'), 'ProcessorAffinity': s('Cpus_allowed_list'), 'MemoryNodes': s('Mems_allowed_list'), 'CoreDumping': s('CoreDumping') and s('CoreDumping') == '1',
        'Cgroup': ([p for p in v2 if p != '/'] or v1 or v2 or [None])[0], 'HandleCount': maybe(lambda: len(os.listdir(f'{ROOT}/proc/{pid}/fd'))), 'Uid': os.stat(f'{ROOT}/proc/{pid}').st_uid,
    }


def differing(seen, before, after):
    """Properties that are neither what they were before nor after nor, where they grew or shrank, between."""
    out = []
    for k, v in seen.items():
        a, b = before[k], after[k]
        if k == 'Cgroup' and ROOT:
            continue   # as it is seen from the reader's own namespace of control groups
        if v == a or v == b or (type(a) is type(b) is type(v) is int and k not in ('ProcessId', 'Uid') and min(a, b) <= v <= max(a, b)):
            continue
        out.append((k, v, a, b))
    return out


def busy(name):
    """What may go up and down again between two readings."""
    return re.search(r'Size$|^State$|^ThreadCount$|^LastProcessor$|^HandleCount$|^OomScore$|Usage$|^SignalsBlocked$|^Priority$', name)


def every_property(ask, but=()):
    """ask(names, Filter=...) -> rows. How many processes were compared, of how many properties, and [(pid, property, seen, before, after)]."""
    pids = [int(p) for p in os.listdir(f'{ROOT}/proc') if p.isdigit() and int(p) not in but]
    wrong, compared = [], 0
    before = {p: e for p in pids if (e := maybe(lambda: expected(p)))}
    names = list(next(iter(before.values())))
    rows = {r['ProcessId']: r for r in ask(names)}
    for pid, was in before.items():
        now = maybe(lambda: expected(pid))
        if now is None or pid not in rows or now['State'] == 'Z' != was['State']:
            continue
        compared += 1
        row = rows[pid]
        for _ in range(20):   # whoever is at work is asked about once more, by itself: its figures move
            bad = [d for d in differing({k: row.get(k) for k in names}, was, now) if not (busy(d[0]) and was['TotalProcessorTime'] != now['TotalProcessorTime'])]
            if not bad:
                break
            was = maybe(lambda: expected(pid))
            row = (ask(names, Filter=f'ProcessId = {pid}') or [None])[0]
            now = maybe(lambda: expected(pid))
            if not (was and now and row):
                bad = []
                break
        wrong += [(pid, *d) for d in bad]
    return compared, len(names), wrong


class Crowd:
    """So many processes that sleep, for as long as the `with` lasts."""
    def __init__(self, n):
        self.proc = subprocess.Popen([f'{agentlib.BUILD}/tests/bench/sleepers', str(n)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, start_new_session=True)
        self.proc.stdout.readline()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.proc.stdin.close()
        self.proc.wait()
