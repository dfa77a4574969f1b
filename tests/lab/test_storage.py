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
    for n, r in disks.items():
        parts = [d for d in real.values() if d['pkname'] == n]
        within = {m for d in [real[n], *parts] for m in d['mountpoints'] if m}
        want = {'AllocatedSize': sum(d['size'] for d in parts if d['type'] == 'part'), 'NumberOfPartitions': sum(d['type'] == 'part' for d in parts), 'IsSystem': '/' in within,
                'IsBoot': '/boot' in within or ('/' in within and '/boot' not in {m for d in real.values() for m in d['mountpoints']}),
                'Holders': sorted(h for d in [n, *(x['kname'] for x in parts)] for h in os.listdir(f'/sys/class/block/{d}/holders')) or None}
        check(f'{what}: disk {n}', not differ(r | {'Holders': sorted(r['Holders']) if r['Holders'] else None}, want) and r['FriendlyName'], (r, want))
    stat = lambda n: open(f'/sys/class/block/{n}/stat').read().split()
    for n, r in disks.items():
        f = stat(n)
        check(f'{what}: it writes, {n}', r['WriteOperations'] <= int(f[4]) and r['WrittenBytes'] <= int(f[6]) * 512 and r['BusyTime'] <= int(f[9]) * 1000000 and r['QueueLength'] < 1 << 16, (r, f))
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
    made(p)
    check('no path', status(a.do('PageFile', None, 'Create', Name='x')) == 'INVALID_PARAMETER')
    check('no file', status(a.do('PageFile', None, 'Create', Name='/no/such')) == 'NOT_FOUND')


def made(p):
    """A swap file made, kept for the next boots, and given up."""
    a, name = p.asked, "/var/tmp/reeve test.swap"
    p.run(f"rm -f '{name}'")
    new = lambda what_if=False, **kw: a.do('PageFile', None, 'Create', what_if, Name=name, **kw)
    check('what-if of a file', good(new(True, Size=1 << 20, Persist=True)) and not os.path.exists(name))
    check('too small for a page', status(new(Size=1000)) == 'INVALID_PARAMETER')
    r = new(Size=1 << 20)
    if status(r):
        check.skip('a swap file', r['error']['message'])
        check('none is left behind', not os.path.exists(name))
        return
    st = os.stat(name)
    check('made', st.st_size == 1 << 20 and st.st_mode & 0o777 == 0o600 and st.st_uid == 0 and 'reeve' in open('/proc/swaps').read())
    check('not for the next boots', a.one('PageFile', {'Name': name}, 'Persisted')['Persisted'] is False)
    check('Delete', good(a.do('PageFile', {'Name': name}, 'Delete')) and 'reeve' not in open('/proc/swaps').read())
    check('there is one already', status(new(Size=1 << 20)) == 'ALREADY_EXISTS')
    os.unlink(name)


def changes(p):
    """A disk made ready, parted, formatted, grown and cleared; each step beside sfdisk -J, blkid, dumpe2fs and lsblk, and its refusals."""
    if p.run('command -v sfdisk mkfs.ext4 resize2fs').returncode:
        check.skip('changes of disks', 'no sfdisk or mkfs.ext4 here')
        return
    image = os.path.join(p.lab.dir, 'new.img')
    with open(image, 'wb') as f:
        f.truncate(128 << 20)
    loop = os.path.basename(p.run(f'losetup -f --show {image}').stdout.strip())
    try:
        whole(p, loop)
        parts(p, loop)
        filesystems(p, loop)
        asked_first(p, loop)
        table_gone(p, loop)
    finally:
        p.run(f'umount /mnt; partx -d /dev/{loop}; losetup -d /dev/{loop}')


def table(p, loop):
    return json.loads(p.run(f'sfdisk -J /dev/{loop}').stdout or '{"partitiontable":{}}')['partitiontable']


def probe(p, dev):
    return dict(l.split('=', 1) for l in p.run(f'blkid -p -o export {dev}').stdout.splitlines())


def whole(p, loop):
    do = lambda method, what_if=False, **kw: p.asked.do('Disk', {'Name': loop}, method, what_if, **kw)
    r = do('Initialize', True)
    check('what-if of Initialize', good(r) and r['result']['Changed'] == [{'Property': 'PartitionStyle', 'From': 'RAW', 'To': 'GPT'}] and not table(p, loop), r)
    check('Initialize, MBR', good(do('Initialize', PartitionStyle='MBR')) and table(p, loop)['label'] == 'dos', table(p, loop))
    r = do('Initialize')
    check('one that has a table', status(r) == 'ALREADY_EXISTS' and 'dos' in r['error']['message'] and 'Force' in r['error']['data']['Hint'] and table(p, loop)['label'] == 'dos', r)
    check('by force', good(do('Initialize', Force=True)) and table(p, loop)['label'] == 'gpt', table(p, loop))
    check('no such style', status(do('Initialize', PartitionStyle='BSD', Force=True)) == 'INVALID_PARAMETER')
    check('no such disk', status(p.asked.do('Disk', {'Name': 'sdzz'}, 'Initialize')) == 'NOT_FOUND')
    check('a loop device tells by itself', status(do('Rescan')) == 'NOT_SUPPORTED')


def parts(p, loop):
    new = lambda what_if=False, **kw: p.asked.do('Partition', None, 'Create', what_if, DiskName=loop, **kw)
    of = lambda number, method, what_if=False, **kw: p.asked.do('Partition', {'DiskName': loop, 'PartitionNumber': number}, method, what_if, **kw)
    row = lambda number: p.asked.one('Partition', {'DiskName': loop, 'PartitionNumber': number})
    entries = lambda: table(p, loop).get('partitions', [])
    r = new(True, Size=32 << 20)
    check('what-if of a partition', good(r) and r['result']['Changed'] and not entries(), r)
    r = new(Size=32 << 20, Label='my data', Type='Linux')
    check('a partition', good(r) and r['result']['PartitionNumber'] == 1 and r['result']['Path'] == f'/dev/{loop}p1' and entries()[0]['size'] == 65536 and
          entries()[0]['name'] == 'my data' and entries()[0]['type'] == '0FC63DAF-8483-4772-8E79-3D69D8477DE4', (r, entries()))
    check('the kernel has it', p.lsblk().get(f'{loop}p1', {}).get('size') == 32 << 20 and not differ(row(1), {'Size': 32 << 20, 'Offset': entries()[0]['start'] * 512}), row(1))
    r = new(Size=16 << 20, Offset=80 << 20, Type='Swap')
    check('one at its place', good(r) and entries()[1]['start'] == (80 << 20) // 512 and entries()[1]['type'] == '0657FD6D-A4AB-43C4-84E5-0933C84B4F4F', (r, entries()))
    for wrong, want in (({'Size': 1 << 40}, 'INVALID_PARAMETER'), ({'Size': 1000}, 'INVALID_PARAMETER'), ({'Offset': 80 << 20}, 'INVALID_PARAMETER'), ({'Type': 'Nonsense'}, 'INVALID_PARAMETER'),
                        ({'Label': 'a"b'}, 'INVALID_PARAMETER'), ({'Label': 'x' * 40}, 'INVALID_PARAMETER'), ({'Size': 1 << 20, 'UseMaximumSize': True}, 'INVALID_PARAMETER')):
        r, before = new(**wrong), entries()
        check(f'no partition: {wrong}', status(r) == want and len(entries()) == 2, (r, before))
    check('on what is no disk', status(p.asked.do('Partition', None, 'Create', DiskName=loop + 'p1')) == 'INVALID_PARAMETER')
    check('on which?', status(p.asked.do('Partition', None, 'Create', Size=1 << 20)) == 'INVALID_PARAMETER')
    check('on a disk of no such number', status(p.asked.do('Partition', None, 'Create', DiskNumber=4000)) == 'NOT_FOUND')
    # larger while it is mounted, smaller by force only
    dev = f'/dev/{loop}p1'
    made = p.run(f'mkfs.ext4 -q -m 0 {dev} && mount {dev} /mnt')
    check('mounted', made.returncode == 0, made.stderr)
    r = of(1, 'Resize', True, Size=48 << 20)
    check('what-if of Resize', good(r) and entries()[0]['size'] == 65536, r)
    r = of(1, 'Resize', Size=48 << 20)
    check('larger while mounted', good(r) and entries()[0]['size'] == 98304 and row(1)['Size'] == 48 << 20, (r, entries(), row(1)))
    r = of(1, 'Resize', Size=1 << 40)
    check('larger than there is room', status(r) == 'INVALID_PARAMETER' and entries()[0]['size'] == 98304, r)
    r = of(1, 'Resize', Size=16 << 20)
    check('smaller', status(r) == 'INVALID_PARAMETER' and 'Force' in r['error']['data']['Hint'], r)
    r = of(1, 'Resize', Size=16 << 20, Force=True)
    check('smaller while mounted, even by force', status(r) == 'UNAVAILABLE' and 'mounted on /mnt' in r['error']['message'], r)
    r = of(1, 'Delete')
    check('one that is mounted stays', status(r) == 'UNAVAILABLE' and len(entries()) == 2, r)
    r = p.asked.do('Disk', {'Name': loop}, 'Initialize', Force=True)
    check('and its disk', status(r) == 'UNAVAILABLE' and 'mounted on /mnt' in r['error']['message'], r)
    check('as large as there is room', good(of(1, 'Resize')) and entries()[0]['size'] * 512 > 70 << 20 and row(1)['Size'] == entries()[0]['size'] * 512, (entries(), row(1)))
    check('what-if of Delete', good(of(2, 'Delete', True)) and len(entries()) == 2)
    check('Delete', good(of(2, 'Delete')) and len(entries()) == 1 and not os.path.exists(f'/sys/class/block/{loop}p2'), entries())
    check('deleted again', status(of(2, 'Delete')) == 'NOT_FOUND')


def filesystems(p, loop):
    dev, a = f'/dev/{loop}p1', p.asked
    of = lambda method, what_if=False, **kw: a.do('Volume', {'Path': dev}, method, what_if, **kw)
    size = lambda: os.statvfs(f'/proc/{p.lab.init}/root/mnt').f_blocks
    before, blocks = size(), lambda: int(next(l.split()[2] for l in p.run(f'dumpe2fs -h {dev}').stdout.splitlines() if l.startswith('Block count:')))
    check('what-if of Resize-Volume', good(of('Grow', True)) and size() == before)
    r = of('Grow')
    if status(r) == 'ACCESS_DENIED':
        check.skip('the file system grows while mounted', r['error']['message'])
    else:
        check('the file system grows while mounted', good(r) and size() > before * 5 // 4, (before, size(), r))
    format = lambda what_if=False, **kw: a.do('Volume', None, 'Format', what_if, Path=dev, **kw)
    r = format(Force=True)
    check('what is mounted is not formatted', status(r) == 'UNAVAILABLE' and 'mounted on /mnt' in r['error']['message'], r)
    r = of('Repair', Scan=True)
    check('nor checked', status(r) == 'UNAVAILABLE', r)
    p.run('umount /mnt', )
    r = of('Repair', Scan=True)
    check('a clean one', good(r) and r['result']['Clean'] is True and dev in r['result']['Report'], r)
    p.run(f'e2fsck -fy {dev}; resize2fs {dev} 40M')
    small = blocks()
    r = of('Grow')
    check('and while it is not mounted', good(r) and blocks() > small, (r, small, blocks()))
    p.run(f'debugfs -w -R "sif <2> links_count 9" {dev}')
    r = of('Repair', Scan=True)
    check('a broken one', good(r) and r['result']['Clean'] is False and 'reference count' in r['result']['Report'], r)
    check('what-if of Repair', good(of('Repair', True)) and of('Repair', Scan=True)['result']['Clean'] is False)
    r = of('Repair')
    check('mended', good(r) and r['result']['Clean'] is True and p.run(f'e2fsck -fn {dev}').returncode == 0, r)
    check('a label', good(of('SetLabel', FileSystemLabel='srv data')) and probe(p, dev)['LABEL'] == 'srv\\ data', probe(p, dev))
    for wrong in ('x' * 17, '-x', 'a\nb'):
        check(f'no label: {wrong!r}', status(of('SetLabel', FileSystemLabel=wrong)) == 'INVALID_PARAMETER')
    was = probe(p, dev)['UUID']
    r = format()
    check('one that holds something', status(r) == 'ALREADY_EXISTS' and 'ext4' in r['error']['message'] and probe(p, dev)['UUID'] == was, r)
    r = format(True, FileSystem='ext2', FileSystemLabel='new', Force=True)
    check('what-if of Format', good(r) and {c['Property'] for c in r['result']['Changed']} == {'FileSystem', 'FileSystemLabel'} and probe(p, dev)['UUID'] == was, r)
    check('Format', good(format(FileSystem='ext2', FileSystemLabel='new', Force=True)) and not differ(probe(p, dev), {'TYPE': 'ext2', 'LABEL': 'new'}), probe(p, dev))
    check('swap', good(format(FileSystem='swap', FileSystemLabel='sw', Force=True)) and not differ(probe(p, dev), {'TYPE': 'swap', 'LABEL': 'sw'}), probe(p, dev))
    r = of('Grow')
    check('swap does not grow', status(r) == 'NOT_SUPPORTED', r)
    check('no such type', status(format(FileSystem='zfs', Force=True)) == 'NOT_SUPPORTED' and probe(p, dev)['TYPE'] == 'swap')
    check('no option', status(format(FileSystem='-V', Force=True)) == 'NOT_SUPPORTED')
    if p.run('command -v mkfs.f2fs').returncode:
        r = format(FileSystem='f2fs', Force=True)
        check('no tool for it', status(r) == 'NOT_SUPPORTED' and 'mkfs.f2fs' in r['error']['message'] and probe(p, dev)['TYPE'] == 'swap', r)
    check('no such device', status(a.do('Volume', None, 'Format', Path='/dev/sdzz1')) == 'NOT_FOUND' == status(a.do('Volume', None, 'Format', Path='/etc/passwd')))
    p.run(f'swapon {dev}')
    if dev in open('/proc/swaps').read():
        r = format(Force=True)
        check('what is swap in use', status(r) == 'UNAVAILABLE' and 'swap' in r['error']['message'], r)
        p.run(f'swapoff {dev}')
    done = p.run(f'dmsetup create reevetest-{os.getpid()} --table "0 2048 linear {dev} 0"')
    if done.returncode:
        check.skip('a device that a mapped one is on', done.stderr.strip())
        return
    try:
        r = format(Force=True)
        check('what a mapped device is on', status(r) == 'UNAVAILABLE' and 'part of dm-' in r['error']['message'], r)
    finally:
        p.run(f'dmsetup remove reevetest-{os.getpid()}')


def asked_first(p, loop):
    """In the shell what cannot be undone asks first; where nobody can be asked it is not done."""
    dev = f'/dev/{loop}p1'
    shell = lambda code: subprocess.run([os.path.join(lablib.BUILD, 'bin/reeve'), '-NonInteractive', '-Command', code], env={**os.environ, 'REEVE_SOCKET': p.asked.path}, stdin=subprocess.DEVNULL,
                                        capture_output=True, text=True, timeout=60)
    was = probe(p, dev)
    for code in (f'Format-Volume {dev} -Force', f'Remove-Partition {loop}p1', f'Get-Partition -DiskName {loop} | Remove-Partition'):
        r = shell(code)
        check(f'nobody was asked: {code.split()[0]}', r.returncode != 0 and 'confirm' in r.stderr.lower() and probe(p, dev) == was, (r, was))
    r = shell(f'Format-Volume {dev} -Force -WhatIf')
    check('-WhatIf asks nobody', r.returncode == 0 and 'ext4' in r.stdout + r.stderr and probe(p, dev) == was, r)
    r = shell(f'Format-Volume {dev} -FileSystem ext2 -FileSystemLabel asked -Force -Confirm:$false')
    check('said beforehand', r.returncode == 0 and not differ(probe(p, dev), {'TYPE': 'ext2', 'LABEL': 'asked'}), (r, probe(p, dev)))


def table_gone(p, loop):
    do = lambda what_if=False, **kw: p.asked.do('Disk', {'Name': loop}, 'Clear', what_if, **kw)
    r = do()
    check('Clear of one that holds something', status(r) == 'ALREADY_EXISTS' and table(p, loop), r)
    check('what-if of Clear', good(do(True, RemoveData=True)) and table(p, loop)['label'] == 'gpt')
    check('Clear', good(do(RemoveData=True)) and not probe(p, f'/dev/{loop}') and f'{loop}p1' not in p.lsblk(), (probe(p, f'/dev/{loop}'), p.lsblk().keys()))
    r = do()
    check('cleared again changes nothing', good(r) and not r['result'].get('Changed'), r)


def main():
    with lablib.Lab() as lab:
        p = Place(lab)
        try:
            devices(p, 'without udev')
            partitions(p)
            volumes(p)
            devices(p, 'with udev')
            swap(p)
            changes(p)
        finally:
            p.end()
    check.end()


main()
