#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""BlockDevice, Disk, Partition, Volume, PageFile beside `lsblk -J -b`: this host's devices and a loop device with partitions
made for the test, in a lab's mount namespace where udev's database is written by the test."""
import binascii, json, os, struct, subprocess, sys, time, uuid

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(os.path.dirname(HERE), 'integration')]
import agentlib, lablib
from hostlib import Asked, status, good, differ

check = agentlib.Cases()
COLUMNS = 'NAME,KNAME,PATH,MAJ:MIN,TYPE,SIZE,RO,RM,ROTA,FSTYPE,LABEL,UUID,PTTYPE,PARTUUID,PKNAME,MOUNTPOINTS,LOG-SEC,PHY-SEC,SCHED,RQ-SIZE,DISC-GRAN'
GUIDS = [uuid.UUID(int=0x1000 + i) for i in range(3)]
LINUX = uuid.UUID('0fc63daf-8483-4772-8e79-3d69d8477de4')


def gpt(path, sizes, size=96 << 20):
    """A disk image with a partition table: names p1, p2, ..."""
    sectors, entries, at = size // 512, b'', 2048
    for i, s in enumerate(sizes):
        entries += struct.pack('<16s16sQQQ72s', LINUX.bytes_le, GUIDS[i].bytes_le, at, at + s // 512 - 1, 0, f'part {i + 1}'.encode('utf-16-le'))
        at += s // 512
    entries = entries.ljust(128 * 128, b'\0')

    def header(here, other, table):
        h = struct.pack('<8sIIIIQQQQ16sQIII', b'EFI PART', 0x10000, 92, 0, 0, here, other, 34, sectors - 34, uuid.UUID(int=7).bytes_le, table, 128, 128, binascii.crc32(entries))
        return (h[:16] + struct.pack('<I', binascii.crc32(h)) + h[20:]).ljust(512, b'\0')
    mbr = (b'\0' * 446 + struct.pack('<BBBBBBBBII', 0, 0, 2, 0, 0xee, 255, 255, 255, 1, sectors - 1)).ljust(510, b'\0') + b'\x55\xaa'
    with open(path, 'wb') as f:
        f.truncate(size)
        f.write(mbr + header(1, sectors - 1, 2) + entries)
        f.seek((sectors - 33) * 512)
        f.write(entries + header(sectors - 1, 1, sectors - 33))


class Place:
    """A mount namespace of the lab, with the agent in it and a loop device."""
    def __init__(self, lab):
        self.lab, self.image = lab, os.path.join(lab.dir, 'disk.img')
        gpt(self.image, [32 << 20, 32 << 20, 16 << 20])
        self.loop = os.path.basename(self.run(f'losetup -fP --show {self.image}').stdout.strip())
        if self.loop and not os.path.exists(f'/sys/class/block/{self.loop}p1'):
            self.run(f'partx -a /dev/{self.loop}')  # a kernel that does not know the table is told
        if not self.loop or not os.path.exists(f'/sys/class/block/{self.loop}p1'):
            lablib.skip('loop devices with partitions cannot be made here')
        sock = os.path.join(lab.dir, 'a.sock')
        self.agent = subprocess.Popen(lab.enter('-m', '-n', '-p') + [os.path.join(lablib.BUILD, 'bin/reeve-agent'), '--socket', sock, '--state', os.path.join(lab.dir, 'state')],
                                      stdin=subprocess.DEVNULL, stderr=open(os.path.join(lab.dir, 'agent.log'), 'w'))
        for _ in range(200):
            if os.path.exists(sock):
                break
            time.sleep(0.02)
        self.asked = Asked(sock)

    def run(self, command):
        return subprocess.run(self.lab.enter('-m', '-p') + ['/bin/sh', '-c', command], capture_output=True, text=True, timeout=30)

    def lsblk(self):
        out, todo = {}, json.loads(self.run(f'lsblk -J -b -o {COLUMNS}').stdout)['blockdevices']
        while todo:
            d = todo.pop()
            out[d['kname']] = d
            todo += d.get('children', [])
        return out

    def udev(self, kernel, **properties):
        major, minor = open(f'/sys/class/block/{kernel}/dev').read().strip().split(':')
        text = 'I:1000\n' + ''.join(f'E:{k}={v}\n' for k, v in properties.items())
        self.run(f"mkdir -p /run/udev/data; touch /run/udev/control; cat > /run/udev/data/b{major}:{minor} <<'EOF'\n{text}EOF")

    def end(self):
        self.run(f'swapoff /dev/{self.loop}p3; umount /mnt')
        self.agent.terminate()
        self.agent.wait(20)
        self.run(f'losetup -d /dev/{self.loop}')


def devices(p, what):
    a, real = p.asked, p.lsblk()
    mine = {r['KernelName']: r for r in a.rows('BlockDevice')}
    check(f'{what}: the same devices', sorted(real) == sorted(mine), (sorted(real), sorted(mine)))
    for name, d in real.items():
        points = [m for m in d['mountpoints'] if m]
        want = {'Name': d['name'], 'Path': d['path'], 'DeviceNumber': d['maj:min'], 'Type': d['type'], 'Size': d['size'], 'ReadOnly': d['ro'],
                'Rotational': d['rota'], 'LogicalSectorSize': d['log-sec'], 'PhysicalSectorSize': d['phy-sec'], 'Parent': d['pkname'] if d['type'] == 'part' else None,
                'Scheduler': d['sched'], 'DiscardGranularity': d['disc-gran'], 'Label': d['label'], 'Uuid': d['uuid'], 'PartitionUuid': d['partuuid'], 'PartitionTable': d['pttype']}
        if d['sched'] is None:  # lsblk says nothing where there is no scheduler; the kernel says none
            del want['Scheduler']
        if d['type'] == 'part':  # lsblk tells the disk's
            del want['PartitionTable']
        if d['fstype']:  # ours knows of mounted ones without udev as well
            want['FileSystem'] = d['fstype']
        if d['rq-size'] is not None:
            want['QueueDepth'] = d['rq-size']
        r = mine.get(name, {})
        check(f'{what}: {name}', not differ(r, want), differ(r, want))
        check(f'{what}: where {name} is mounted', set(r.get('MountPoints') or []) >= set(points) and (points or not r['MountPoints']), (r.get('MountPoints'), points))
    disks = {r['Name']: r for r in a.rows('Disk')}
    check(f'{what}: disks', all(disks[n]['Size'] == real[n]['size'] and real[n]['type'] == 'disk' for n in disks) and [r['Number'] for r in disks.values()] == list(range(len(disks))), disks)
    stat = lambda n: open(f'/sys/class/block/{n}/stat').read().split()
    for n, r in disks.items():
        f = stat(n)
        check(f'{what}: counters of {n}', r['ReadOperations'] <= int(f[0]) and int(f[0]) - r['ReadOperations'] < 10000 and r['ReadBytes'] <= int(f[2]) * 512, (r, f))


def partitions(p):
    a = p.asked
    mine = {r['PartitionNumber']: r for r in a.rows('Partition', Filter=f"DiskName = '{p.loop}'")}
    check('the partitions', sorted(mine) == [1, 2, 3], mine)
    at = 1 << 20
    for i, size in enumerate([32 << 20, 32 << 20, 16 << 20]):
        want = {'Name': f'{p.loop}p{i + 1}', 'Offset': at, 'Size': size, 'Path': f'/dev/{p.loop}p{i + 1}', 'IsReadOnly': False, 'DiskNumber': None}
        check(f'partition {i + 1}', not differ(mine.get(i + 1), want), differ(mine.get(i + 1), want))
        at += size
    p.udev(p.loop + 'p1', ID_FS_TYPE='ext4', ID_FS_USAGE='filesystem', ID_FS_LABEL_ENC='my\\x20label', ID_FS_UUID='11-22', ID_FS_UUID_ENC='11-22', ID_PART_ENTRY_UUID=str(GUIDS[0]), ID_PART_ENTRY_TYPE=str(LINUX),
           ID_PART_ENTRY_NAME='an\\x20ESP', ID_PART_ENTRY_SCHEME='gpt', ID_PART_TABLE_TYPE='gpt')
    p.udev(p.loop + 'p2', ID_FS_TYPE='crypto_LUKS', ID_FS_USAGE='crypto', ID_PART_ENTRY_TYPE='0x82', ID_PART_ENTRY_SCHEME='dos', ID_PART_ENTRY_FLAGS='0x80')
    one, two = (a.one('Partition', {'DiskName': p.loop, 'PartitionNumber': i}) for i in (1, 2))
    check('what udev knows', not differ(one, {'Guid': str(GUIDS[0]), 'GptType': str(LINUX), 'Type': 'Linux', 'Label': 'an ESP', 'MbrType': None, 'IsActive': None}), one)
    check('of an MBR partition', not differ(two, {'Type': 'Swap', 'MbrType': 0x82, 'GptType': None, 'IsActive': True}), two)


def volumes(p):
    a, dev = p.asked, f'/dev/{p.loop}p1'
    names = lambda: {r['Path']: r for r in a.rows('Volume')}
    v = names()
    check('a volume that is not mounted', not differ(v.get(dev), {'FileSystem': 'ext4', 'FileSystemLabel': 'my label', 'UniqueId': '11-22', 'HealthStatus': 'Unknown', 'SizeRemaining': None, 'Size': 32 << 20, 'MountPoints': []}), v.get(dev))
    check('what is encrypted is none', f'/dev/{p.loop}p2' not in v)
    done = p.run(f'mke2fs -q -t ext4 {dev} && mount {dev} /mnt')
    if done.returncode:
        check.skip('a mounted volume', done.stderr.strip())
    else:
        st, v = os.statvfs(f'/proc/{p.lab.init}/root/mnt'), names()[dev]
        check('a mounted volume', not differ(v, {'HealthStatus': 'Healthy', 'MountPoints': ['/mnt'], 'Size': st.f_blocks * st.f_frsize, 'SizeRemaining': st.f_bavail * st.f_frsize, 'AllocationUnitSize': st.f_frsize}), v)
    root = [r for r in a.rows('Volume') if '/' in r['MountPoints']]
    check('the root', not root or root[0]['Size'] == os.statvfs('/').f_blocks * os.statvfs('/').f_frsize, root)


def swap(p):
    a, dev = p.asked, f'/dev/{p.loop}p3'
    r = a.do('PageFile', None, 'Create', Name=dev)
    check('what is no swap area', status(r) == 'INVALID_PARAMETER' and 'mkswap' in r['error']['data']['Hint'] or status(r) in ('ACCESS_DENIED', 'FAILED'), r)
    p.run(f'mkswap {dev}')
    check('what-if', good(a.do('PageFile', None, 'Create', True, Name=dev)) and dev not in open('/proc/swaps').read())
    r = a.do('PageFile', None, 'Create', Name=dev, Priority=5)
    if status(r):
        check.skip('swap', r['error']['message'])
        return
    row = a.one('PageFile', {'Name': dev})
    line = [l.split() for l in open('/proc/swaps') if l.startswith(dev)][0]
    check('as /proc/swaps has it', not differ(row, {'Type': line[1], 'Size': int(line[2]) * 1024, 'Used': int(line[3]) * 1024, 'Priority': 5}), row)
    check('lsblk sees it, and so do we', '[SWAP]' in a.one('BlockDevice', {'KernelName': p.loop + 'p3'})['MountPoints'])
    check('again', status(a.do('PageFile', None, 'Create', Name=dev)) == 'ALREADY_EXISTS')
    check('Delete', good(a.do('PageFile', {'Name': dev}, 'Delete')) and dev not in open('/proc/swaps').read())
    check('Delete again', status(a.do('PageFile', {'Name': dev}, 'Delete')) == 'NOT_FOUND')
    check('no path', status(a.do('PageFile', None, 'Create', Name='x')) == 'INVALID_PARAMETER')
    check('no file', status(a.do('PageFile', None, 'Create', Name='/no/such')) == 'NOT_FOUND')


def main():
    with lablib.Lab() as lab:
        p = Place(lab)
        try:
            devices(p, 'without udev')
            partitions(p)
            volumes(p)
            devices(p, 'with udev')
            swap(p)
        finally:
            p.end()
    check.end()


main()
