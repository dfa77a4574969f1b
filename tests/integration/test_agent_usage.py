#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""ProcessorUsage, DiskUsage, NetworkUsage: beside the kernel's counters over the same span, and under a load that is known."""
import os, socket, sys, tempfile, threading, time

sys.path[:0] = [os.path.dirname(os.path.abspath(__file__))]
import agentlib

check = agentlib.Cases()


def rows(agent, name, **more):
    return agent.call('EnumerateInstances', {'ClassName': name, **more})['result']['Instances']


def stat():
    return {l.split()[0]: [int(x) for x in l.split()[1:9]] for l in open('/proc/stat') if l.startswith('cpu')}


def diskstats():
    return {l.split()[2]: [int(x) for x in l.split()[3:14]] for l in open('/proc/diskstats')}


def netdev():
    return {l.split(':')[0].strip(): [int(x) for x in l.split(':')[1].split()] for l in open('/proc/self/net/dev').read().splitlines()[2:]}


class Load:
    """Datagrams over loopback, and a file that is written through to its disk, for as long as the `with` lasts."""
    def __enter__(self):
        self.on = True
        self.threads = [threading.Thread(target=f) for f in (self.send, self.write)]
        for t in self.threads:
            t.start()
        time.sleep(0.1)
        return self

    def __exit__(self, *_):
        self.on = False
        for t in self.threads:
            t.join()

    def send(self):
        s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        s.bind(('127.0.0.1', 0))
        while self.on:
            for _ in range(20):
                s.sendto(b'x' * 1000, s.getsockname())
            time.sleep(0.005)
        s.close()

    def write(self):
        with tempfile.NamedTemporaryFile(dir='.') as f:
            while self.on:
                f.write(b'x' * 65536)
                f.flush()
                os.fsync(f.fileno())
                time.sleep(0.005)


agent = agentlib.Agent()
try:
    with Load():
        a, t = (stat(), diskstats(), netdev()), time.monotonic()
        cpu, net, disk = (rows(agent, n) for n in ('ProcessorUsage', 'NetworkUsage', 'DiskUsage'))
        b, span = (stat(), diskstats(), netdev()), time.monotonic() - t
    real = stat()
    check('a row for each processor and one for all', sorted(r['Name'] for r in cpu) == sorted(n[3:] or '_Total' for n in real), cpu)
    for r in cpu:
        parts = [r[p] for p in r if p.startswith('Percent')]
        check(f'percentages of {r["Name"]}', all(0 <= p <= 100 for p in parts) and 98 <= r['PercentProcessorTime'] + r['PercentIdleTime'] <= 100, r)
    check('each waits a quarter of a second', 0.7 < span < 10, span)
    lo = [r for r in net if r['Name'] == 'lo'][0]
    check('interfaces', sorted(r['Name'] for r in net) == sorted(netdev()), net)
    sent = b[2]['lo'][8] - a[2]['lo'][8]
    check('loopback: what is sent is received', lo['BytesSentPersec'] > 100000 and abs(lo['BytesSentPersec'] - lo['BytesReceivedPersec']) <= lo['BytesSentPersec'] / 10 and lo['BytesTotalPersec'] == lo['BytesSentPersec'] + lo['BytesReceivedPersec'], lo)
    check('and is of the size of what the kernel counted', sent / span / 5 < lo['BytesSentPersec'] < sent / span * 5, (lo, sent / span))
    check('packets', lo['PacketsPersec'] > 100 and 900 < lo['BytesSentPersec'] / max(1, lo['PacketsSentPersec']) < 1200, lo)
    grown = {n: b[1][n][6] - a[1][n][6] for n in b[1] if n in a[1]}
    busiest = max(grown, key=grown.get)
    row = [r for r in disk if r['Name'] == busiest]
    if not grown[busiest]:
        check.skip('disks', 'the folder is on no disk that counts')
    else:
        check('the disk that was written to', row and row[0]['DiskWriteBytesPersec'] > 0 and row[0]['DiskWritesPersec'] > 0 and 0 <= row[0]['PercentDiskTime'] <= 100 and row[0]['AvgDisksecPerTransfer'] is not None, row)
    check('disks that never did anything are left out', all(b[1][r['Name']][0] or b[1][r['Name']][4] for r in disk if r['Name'] in b[1]), disk)
    view = rows(agent, 'Win32_PerfFormattedData_PerfOS_Processor', Filter="Name = '_Total'")
    check('the view', len(view) == 1 and 0 <= view[0]['PercentProcessorTime'] <= 100, view)
    memory = rows(agent, 'Win32_PerfFormattedData_PerfOS_Memory')[0]
    check('memory', memory['AvailableMBytes'] == memory['AvailableBytes'] >> 20 and memory['AvailableBytes'] > 0, memory)
finally:
    agent.stop()
check.end()
