#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Events of this host: links, addresses, routes, mounts (in namespaces of their own) and processes, pushed by the kernel."""
import json, os, subprocess, sys, time

sys.path.insert(0, os.path.dirname(__file__))
from agentlib import Agent, Cases, Reader

if os.geteuid():
    print('SKIP events of the kernel: only root is told')
    sys.exit(77)
case = Cases()


def within(agent, *argv):
    subprocess.run(['nsenter', '-t', str(agent.proc.pid), '-m', '-n', *argv], check=True, capture_output=True)


def target(p):
    return (p or {}).get('Indication', {}).get('TargetInstance', {})


try:
    subprocess.run(['unshare', '-mn', 'true'], check=True, capture_output=True)
    spaces = True
except (OSError, subprocess.CalledProcessError):
    spaces = False
    case.skip('links, addresses, routes, mounts', 'no namespaces here')
if spaces:
    agent = Agent(under=('unshare', '-mn', '--propagation', 'private'))
    try:
        op = "SELECT * FROM __InstanceOperationEvent WHERE TargetInstance ISA '%s'"
        link, address, route, mount = [Reader(agent.open(), Query=op % c) for c in ('NetAdapter', 'NetIPAddress', 'NetRoute', 'Mount')]
        for name, r in ('NetAdapter', link), ('NetIPAddress', address), ('NetRoute', route), ('Mount', mount):
            case(f'{name} is pushed', r.sync(), (r.result, r.error))
        took = []
        start = time.monotonic()
        within(agent, 'ip', 'link', 'add', 'ev0', 'type', 'bridge')
        got = link.until(lambda p: p['Kind'] == 'Create' and target(p)['Name'] == 'ev0')
        case('a link comes', got[-1], got)
        within(agent, 'ip', 'link', 'set', 'ev0', 'up', 'mtu', '1400')
        got = link.until(lambda p: p['Kind'] == 'Modify' and target(p)['MtuSize'] == 1400 and target(p)['AdminStatus'])
        case('it is set up', got[-1] and got[0]['Indication']['PreviousInstance']['MtuSize'] == 1500, got)
        within(agent, 'ip', 'addr', 'add', '10.99.0.1/24', 'dev', 'ev0')
        got = address.until(lambda p: p['Kind'] == 'Create' and target(p)['IPAddress'] == '10.99.0.1')
        case('an address', got[-1] and target(got[-1])['InterfaceAlias'] == 'ev0', got)
        got = route.until(lambda p: p['Kind'] == 'Create' and target(p)['DestinationPrefix'] == '10.99.0.0/24')
        case('and its route', got[-1], got)
        within(agent, 'mount', '-t', 'tmpfs', 'ev', '/mnt')
        got = mount.until(lambda p: p['Kind'] == 'Create' and target(p)['Name'] == '/mnt')
        case('a mount', got[-1] and target(got[-1])['FileSystem'] == 'tmpfs', got)
        within(agent, 'mount', '-o', 'remount,ro', '/mnt')
        got = mount.until(lambda p: p['Kind'] == 'Modify')
        case('read-only', got[-1] and target(got[-1])['ReadOnly'] and target(got[-1])['Name'] == '/mnt', got)
        within(agent, 'umount', '/mnt')
        got = mount.until(lambda p: p['Kind'] == 'Delete')
        case('it is gone', target(got[-1]).get('Name') == '/mnt', got)
        within(agent, 'ip', 'link', 'del', 'ev0')
        case('the link goes', link.until(lambda p: p['Kind'] == 'Delete' and target(p)['Name'] == 'ev0')[-1])
        case('the address goes', address.until(lambda p: p['Kind'] == 'Delete' and target(p)['IPAddress'] == '10.99.0.1')[-1])
        case('nothing more is said', link.until(lambda p: True, 0.3) == [None] and mount.until(lambda p: True, 0.3) == [None])

        # From the kernel's change to the reader.
        r = Reader(agent.open(), ClassName='NetAdapter', Filter="Name = 'ev2'")
        r.sync()
        fd = subprocess.Popen(['nsenter', '-t', str(agent.proc.pid), '-m', '-n', '/usr/bin/python3', '-c', '''
import socket, struct, time, sys
s = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 0)
def attr(t, b): return struct.pack("HH", len(b) + 4, t) + b + b"\\0" * (-len(b) % 4)
def ask(type, flags, mtu):
    body = struct.pack("BxHiII", 0, 0, 0, 0, 0) + attr(3, b"ev2\\0") + (attr(4, struct.pack("I", mtu)) if mtu else b"") + (attr(18, attr(1, b"bridge\\0")) if flags & 0x400 else b"")
    s.send(struct.pack("IHHII", 16 + len(body), type, flags | 5, 1, 0) + body); s.recv(4096)
ask(16, 0x600, 0)
for i in range(100):
    sys.stdin.readline()
    print(time.clock_gettime_ns(time.CLOCK_MONOTONIC), flush=True)
    ask(16, 0, 1000 + i)
'''], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        r.until(lambda p: p['Kind'] == 'Create')
        for i in range(100):
            fd.stdin.write('next\n')  # one at a time: what comes close behind another may be told with it
            fd.stdin.flush()
            begun = int(fd.stdout.readline())
            got = r.until(lambda p: p['Kind'] == 'Modify' and target(p)['MtuSize'] == 1000 + i)
            took.append((time.clock_gettime_ns(time.CLOCK_MONOTONIC) - begun) / 1e6)
            if not got[-1]:
                break
        fd.stdin.close()
        fd.wait()
        took.sort()
        print(f'netlink to reader: median {took[len(took) // 2]:.2f} ms, 99th percentile {took[-2 % len(took)]:.2f} ms, most {took[-1]:.2f}')
        case('netlink to reader in time', len(took) == 100 and took[50] < 50, took[-5:])
    finally:
        rc = agent.stop()
        case('ends cleanly', rc == 0, (rc, agent.said))

agent = Agent()
try:
    clock = Reader(agent.open(), Query="SELECT * FROM __InstanceModificationEvent WHERE TargetInstance ISA 'Win32_LocalTime'")
    case('the clock', clock.sync(), clock.error)
    for _ in range(10):   # a busy machine may be late once, but not always
        ticks = []
        for _ in range(3):
            got = clock.until(lambda p: p['Kind'] == 'Modify', 3)
            ticks.append((time.time() % 1, target(got[-1]).get('Second')))
        if [(t[1] - ticks[0][1]) % 60 for t in ticks] == [0, 1, 2] and all(t[0] < 0.2 for t in ticks):
            break
    case('a tick at each full second', [(t[1] - ticks[0][1]) % 60 for t in ticks] == [0, 1, 2] and all(t[0] < 0.2 for t in ticks), ticks)
    now = agent.call('EnumerateInstances', {'ClassName': 'CurrentTime'})['result']['Instances']
    u = time.gmtime()
    case('two clocks', sorted(x['Clock'] for x in now) == ['UTC', 'local'] and all(x['Year'] in (u.tm_year - 1, u.tm_year, u.tm_year + 1) for x in now)
         and next(x['Hour'] for x in now if x['Clock'] == 'UTC') in (u.tm_hour, (u.tm_hour + 23) % 24), now)
    clock.peer.sock.close()
    r = Reader(agent.open(), Query="SELECT * FROM ProcessStart WHERE ProcessName = 'sleep'")
    if r.error:
        case.skip('process events', r.error['message'])
    else:
        stop = Reader(agent.open(), Query="SELECT * FROM Win32_ProcessStopTrace WHERE ExitStatus = 7 OR ProcessName = 'sleep'")
        view = Reader(agent.open(), Query="SELECT * FROM Win32_ProcessStartTrace WHERE ProcessName LIKE 'sle%'")
        made = Reader(agent.open(), Query="SELECT * FROM __InstanceCreationEvent WHERE TargetInstance ISA 'Process' AND TargetInstance.Name = 'sleep'")
        win = Reader(agent.open(), Query="SELECT * FROM __InstanceOperationEvent WITHIN 10 WHERE TargetInstance ISA 'Win32_Process' AND TargetInstance.Name = 'sleep'")
        gone = Reader(agent.open(), Query="SELECT TargetInstance.ProcessId FROM __InstanceDeletionEvent WHERE TargetInstance ISA 'Process'")
        case('they are pushed', r.sync() and stop.sync() and view.sync() and made.sync() and gone.sync())
        win.until(lambda p: p['Kind'] == 'Sync')
        begun = time.monotonic()
        child = subprocess.Popen(['sleep', '60'])
        got = r.until(lambda p: p['Kind'] == 'Event' and p['Indication']['ProcessID'] == child.pid)
        took = time.monotonic() - begun
        case('a program starts', got[-1] and got[-1]['Indication']['ParentProcessID'] == os.getpid() and abs(got[-1]['Indication']['TIME_CREATED'] / 1e7 - 11644473600 - time.time()) < 5, got)
        got = view.until(lambda p: p['Kind'] == 'Event' and p['Indication']['ProcessID'] == child.pid)
        case('as WMI shows it', got[-1] and got[-1]['Indication']['__CLASS'] == 'Win32_ProcessStartTrace' and set(got[-1]['Indication']) == {'__CLASS', 'TIME_CREATED', 'ProcessID', 'ParentProcessID', 'ProcessName', 'SessionID'}, got)
        got = made.until(lambda p: p['Kind'] == 'Create' and target(p)['ProcessId'] == child.pid)
        case('a process is there', got[-1] and target(got[-1])['CommandLine'] == 'sleep 60', got)
        got = win.until(lambda p: p['Kind'] == 'Create' and target(p)['Handle'] == str(child.pid), 4)
        case('as a view, long before its poll', got[-1], got)
        child.kill()
        time.sleep(0.2)   # a zombie for a while
        child.wait()
        got = gone.until(lambda p: p['Kind'] == 'Delete' and target(p)['ProcessId'] == child.pid)
        case('it is gone once its parent knows', got[-1], got[-3:])
        got = stop.until(lambda p: p['Kind'] == 'Event' and p['Indication']['ProcessID'] == child.pid)
        case('killed', got[-1] and got[-1]['Indication']['ExitStatus'] == 137, got)
        short = subprocess.Popen(['sh', '-c', 'exit 7'])
        short.wait()
        case('the shortest life is told', stop.until(lambda p: p['Kind'] == 'Event' and p['Indication']['ProcessID'] == short.pid and p['Indication']['ExitStatus'] == 7)[-1])
        pid = os.fork()
        if not pid:
            time.sleep(1)
            os._exit(0)
        fork = Reader(agent.open(), Query="SELECT * FROM __InstanceDeletionEvent WHERE TargetInstance ISA 'Process' AND TargetInstance.ProcessId = %d" % pid)
        fork.sync()
        os.waitpid(pid, 0)
        case('a fork without a program of its own', fork.until(lambda p: p['Kind'] == 'Delete')[-1])
        for i in range(300):   # many at once
            subprocess.run(['true'])
        case('the agent is well', agent.call('Ping')['result'] == {})
        print(f'program start to reader: {took * 1000:.2f} ms with its fork')
finally:
    rc = agent.stop()
    case('ends cleanly after processes', rc == 0, (rc, agent.said))
case.end()
