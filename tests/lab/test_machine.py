#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Modules, the firmware's tables, disks with udev and devices that come and go, in a machine with a kernel of its own."""
import json, os, re, sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(os.path.dirname(HERE), 'integration')]
import agentlib, vmlib
from agentlib import until
from hostlib import status, good, differ
from vmlib import reader, target

check = agentlib.Cases()


# ---- modules ----

def modules(m, a, path):
    real = {}
    for line in m.run('cat /proc/modules').stdout.splitlines():
        f = line.split()
        real[f[0]] = (int(f[1]), int(f[2]), [u for u in f[3].split(',') if u not in ('', '-')], f[4])
    rows = a.rows('KernelModule', PropertyList=['Name', 'Size', 'RefCount', 'UsedBy', 'State', 'PathName', 'Version', 'Parameters'])
    mine = {r['Name']: (r['Size'], r['RefCount'], r['UsedBy'], r['State']) for r in rows}
    check('modules beside /proc/modules', mine == real and len(real) > 20, [(n, mine.get(n), real.get(n)) for n in set(mine) | set(real) if mine.get(n) != real.get(n)])
    lsmod = {l.split()[0] for l in m.run('lsmod').stdout.splitlines()[1:]}
    check('modules beside lsmod', set(mine) == lsmod, set(mine) ^ lsmod)
    said = m.run('n=$(lsmod | sed 1d | cut -d" " -f1); echo $n; modinfo -n $n').stdout.splitlines()
    files = dict(zip(said[0].split(), said[1:]))
    usr = lambda p: re.sub('^/usr', '', p or '')
    check('files beside modinfo', all(usr(r['PathName']) == usr(files[r['Name']]) for r in rows), [(r['Name'], r['PathName']) for r in rows if usr(r['PathName']) != usr(files.get(r['Name']))])
    told = {}
    for line in m.run('cd /sys/module; grep -s -m1 "" */version */parameters/*').stdout.splitlines():
        told.setdefault(*line.split(':', 1))
    wrong = [(r['Name'], r['Version']) for r in rows if r['Version'] != told.get(f'{r["Name"]}/version')]
    check('versions beside /sys/module', not wrong, wrong)
    wrong = [(r['Name'], k, v) for r in rows for k, v in r['Parameters'].items() if v != told.get(f'{r["Name"]}/parameters/{k}')]
    check('parameters beside /sys/module', not wrong and sum(len(r['Parameters']) for r in rows) > 5, wrong)
    come, gone = reader(path, 'Creation', 'KernelModule', 'WITHIN 1'), reader(path, 'Deletion', 'KernelModule', 'WITHIN 1')
    load = lambda name, what_if=False, **kw: a.do('KernelModule', None, 'Load', what_if, Name=name, **kw)
    unload = lambda name, what_if=False: a.do('KernelModule', {'Name': name}, 'Unload', what_if)
    there = lambda name: m.run(f'test -d /sys/module/{name}').returncode == 0
    check('what-if of Load', good(load('dummy', True)) and not there('dummy'))
    r = load('dummy', Parameters=['numdummies=2'])
    check('Load with a parameter', good(r) and m.run('ip -br link show dummy1').returncode == 0, r)
    check('an event that it came', come.until(lambda p: target(p).get('Name') == 'dummy')[-1])
    check('what-if of Unload', good(unload('dummy', True)) and there('dummy'))
    check('Unload', good(unload('dummy')) and not there('dummy') and m.run('ip link show dummy1').returncode)
    check('an event that it went', gone.until(lambda p: target(p).get('Name') == 'dummy')[-1])
    check('Unload again', status(unload('dummy')) == 'NOT_FOUND')
    check('Load brings what it needs', good(load('ip_vs_rr')) and there('ip_vs'))
    check('who uses it', a.one('KernelModule', {'Name': 'ip_vs'}, 'UsedBy')['UsedBy'] == ['ip_vs_rr'])
    r = unload('ip_vs')
    check('one that another needs', status(r) == 'FAILED' and 'in use' in r['error']['message'] and 'ip_vs_rr' in r['error']['data']['Hint'] and there('ip_vs'), r)
    r = unload('virtio_blk')
    check('one that a device needs', status(r) == 'FAILED' and 'in use' in r['error']['message'] and 'device' in r['error']['data']['Hint'] and there('virtio_blk'), r)
    check('Unload takes with it what nobody needs now', good(unload('ip_vs_rr')) and not there('ip_vs'))
    r = load('no_such_module')
    check('one that is not', status(r) == 'NOT_FOUND', r)
    r = load('dummy', Parameters=['numdummies=many'])
    check('a value that it does not take', status(r) == 'INVALID_PARAMETER' and not there('dummy'), r)
    for bad in ('-r', '../x', '', 'a b', 'x' * 64):
        check(f'no name: {bad[:9]!r}', status(load(bad)) == 'INVALID_PARAMETER', load(bad))
    r = load('ext4')
    check('one that is built in is there', good(r) and not r['result'].get('Changed'), r)
    check('and does not go', status(unload('ext4')) == 'NOT_SUPPORTED', unload('ext4'))
    text = lambda f: m.run(f'cat {f} 2>/dev/null').stdout
    signed = m.run('for n in $(lsmod | sed 1d | cut -d" " -f1); do f=$(modinfo -n $n); case $f in *.ko) tail -c 28 $f | grep -q "Module signature appended" && echo $n yes || echo $n no;; *) echo $n packed;; esac; done').stdout.split()
    signed = dict(zip(signed[::2], signed[1::2]))
    rows = a.rows('KernelModule', PropertyList=['Name', 'Signed', 'Persisted'])
    wrong = [(r, signed[r['Name']]) for r in rows if r['Signed'] != {'yes': True, 'no': False}.get(signed[r['Name']])]
    check('signatures', not wrong, wrong)
    check('what-if of Load for good', good(load('dummy', True, Persist=True)) and not text('/etc/modules-load.d/reeve.conf'))
    r = load('dummy', Parameters=['numdummies=3'], Persist=True)
    check('Load for good', good(r) and text('/etc/modules-load.d/reeve.conf').splitlines()[1:] == ['dummy'] and text('/etc/modprobe.d/reeve.conf').splitlines()[1:] == ['options dummy numdummies=3'], r)
    check('modprobe has the options', 'options dummy numdummies=3' in m.run('modprobe -c').stdout)
    kept = {r['Name'] for r in a.rows('KernelModule', PropertyList=['Name', 'Persisted']) if r['Persisted']}
    want = {l.split()[0].replace('-', '_') for l in m.run('cat /etc/modules /etc/modules-load.d/*.conf /usr/lib/modules-load.d/*.conf 2>/dev/null').stdout.splitlines() if l and l[0] not in '#;'}
    check('who is loaded at boot', kept == want & {r['Name'] for r in rows} | {'dummy'}, (kept, want))
    check('Unload for good', good(a.do('KernelModule', {'Name': 'dummy'}, 'Unload', Persist=True)) and not text('/etc/modules-load.d/reeve.conf') and not text('/etc/modprobe.d/reeve.conf'))
    block = lambda method, name, what_if=False: a.do('KernelModule', None, method, what_if, Name=name)
    check('what-if of Block', good(block('Block', 'dummy', True)) and not text('/etc/modprobe.d/reeve-blocked.conf'))
    r = block('Block', 'dummy')
    check('Block', good(r) and m.run('modprobe dummy').returncode != 0 and not there('dummy') and not good(load('dummy')), r)
    check('Block again changes nothing', not block('Block', 'dummy')['result'].get('Changed'))
    check('Unblock', good(block('Unblock', 'dummy')) and m.run('modprobe dummy && rmmod dummy').returncode == 0)
    check('no name to block', status(block('Block', '../x')) == 'INVALID_PARAMETER')
    m.run('rm -f /lib/modules/$(uname -r)/kernel/drivers/net/eql.ko')
    r = load('eql')
    check('one whose file is lost', status(r) in ('NOT_FOUND', 'FAILED') and 'eql' in r['error']['message'], r)


# ---- the firmware ----

def firmware(m, a, path):
    dmi = {}
    for line in m.run('cd /sys/class/dmi/id; grep -s . *').stdout.splitlines():
        dmi[line.split(':')[0]] = line.split(':', 1)[1].strip()
    said = lambda word: m.run(f'dmidecode -s {word}').stdout.strip()
    given = vmlib.DMI
    c, b = a.rows('ComputerSystem')[0], a.rows('Bios')[0]
    want = {'Manufacturer': given['system']['manufacturer'], 'Model': given['system']['product'], 'SystemFamily': given['system']['family'], 'SystemSKUNumber': given['system']['sku'],
            'SerialNumber': given['system']['serial'], 'UUID': given['system']['uuid'], 'AssetTag': given['chassis']['asset'], 'ChassisType': int(dmi['chassis_type'])}
    check('the machine, as qemu was told', not differ(c, want), differ(c, want))
    want = {'Manufacturer': dmi['sys_vendor'], 'Model': dmi['product_name'], 'SystemFamily': dmi['product_family'], 'SystemSKUNumber': dmi['product_sku'], 'SerialNumber': dmi['product_serial'], 'UUID': dmi['product_uuid']}
    check('the machine beside /sys/class/dmi', not differ(c, want), differ(c, want))
    want = {'Manufacturer': said('bios-vendor'), 'SMBIOSBIOSVersion': said('bios-version'), 'SerialNumber': said('system-serial-number'), 'BaseBoardManufacturer': said('baseboard-manufacturer'),
            'BaseBoardProduct': said('baseboard-product-name'), 'BaseBoardVersion': said('baseboard-version'), 'BaseBoardSerialNumber': said('baseboard-serial-number'), 'FirmwareType': 'BIOS', 'SecureBoot': None}
    check('firmware and board beside dmidecode', not differ(b, want) and b['Manufacturer'] == given['bios']['vendor'] and b['BaseBoardProduct'] == given['board']['product'], differ(b, want))
    month, day, year = said('bios-release-date').split('/')
    check('its date and release', b['ReleaseDate'].startswith(f'{year}-{month}-{day}T') and b['Release'] == dmi['bios_release'], b)
    virt = m.run('systemd-detect-virt').stdout.strip()
    check('what it runs in', c['Virtualization'] == virt and c['HypervisorPresent'], (c['Virtualization'], virt))
    sticks = [s for s in m.run('dmidecode -t 17').stdout.split('\n\n') if 'Memory Device' in s]
    rows = a.rows('PhysicalMemory')
    sizes = [int(re.search(r'Size: (\d+) MB', s).group(1)) << 20 for s in sticks if re.search(r'Size: (\d+) MB', s)]
    check('memory modules beside dmidecode', [r['Capacity'] for r in rows] == sizes and sizes, (rows, sticks))
    field = lambda s, name: re.search(rf'\t{name}: (.*)', s).group(1).strip()
    if rows:
        check('where they sit', rows[0]['DeviceLocator'] == field(sticks[0], 'Locator') and rows[0]['Manufacturer'] == field(sticks[0], 'Manufacturer'), rows[0])
    views = a.rows('Win32_BIOS')[0], a.rows('Win32_ComputerSystem')[0]
    check('the views', views[0]['SMBIOSBIOSVersion'] == given['bios']['version'] and views[0]['SerialNumber'] == given['system']['serial'] and views[1]['Model'] == given['system']['product'], views)


# ---- disks and devices ----

def lsblk(m):
    out, todo = {}, json.loads(m.run('lsblk -J -b -o NAME,KNAME,PATH,MAJ:MIN,TYPE,SIZE,RO,ROTA,FSTYPE,LABEL,UUID,PTTYPE,PTUUID,PARTUUID,PARTLABEL,PARTTYPE,PKNAME,MOUNTPOINTS,SERIAL,LOG-SEC,START,VENDOR,MODEL,TRAN,FSSIZE').stdout)['blockdevices']
    while todo:
        d = todo.pop()
        out[d['kname']] = d
        todo += d.get('children', [])
    return out


def disks(m, a, path):
    come, gone = reader(path, 'Creation', 'Disk', 'WITHIN 1'), reader(path, 'Deletion', 'Disk', 'WITHIN 1')
    devices = reader(path, 'Creation', 'HardwareDevice')
    m.disk('data', 200 << 20, serial='DATA-7')
    got = come.until(lambda p: target(p).get('Name') == 'vdb')
    check('a disk that is plugged in', got[-1] and not differ(target(got[-1]), {'Size': 200 << 20, 'Path': '/dev/vdb'}), got[-1:])
    got = devices.until(lambda p: target(p).get('DeviceID', '').startswith('virtio/'))
    check('and its device', got[-1] and devices.result.get('Push'), got[-2:])
    check('that has its driver', until(lambda: a.one('HardwareDevice', {'DeviceID': target(got[-1])['DeviceID']}, 'Driver')['Driver'] == 'virtio_blk'))
    done = m.run('printf "label: gpt\\nsize=64M, name=\\"first one\\"\\nsize=32M, type=S\\n" | sfdisk -q /dev/vdb && udevadm settle && mke2fs -q -t ext4 -L "my data" /dev/vdb1 && mkswap -q /dev/vdb2 && mount /dev/vdb1 /mnt && udevadm settle; lsblk')
    check('partitions are made', 'vdb2' in done.stdout, done)
    until(lambda: (lsblk(m).get('vdb1') or {}).get('label') == 'my data')
    real = lsblk(m)
    mine = {r['KernelName']: r for r in a.rows('BlockDevice')}
    check('the same devices', set(mine) == set(real), set(mine) ^ set(real))
    for n, d in real.items():
        want = {'Path': d['path'], 'DeviceNumber': d['maj:min'], 'Type': d['type'], 'Size': d['size'], 'ReadOnly': d['ro'], 'Rotational': d['rota'], 'FileSystem': d['fstype'], 'Label': d['label'], 'Uuid': d['uuid'], 'PartitionUuid': d['partuuid']}
        check(f'{n} beside lsblk', not differ(mine.get(n), want), differ(mine.get(n), want))
        check(f'{n}: where it is mounted', (mine[n]['MountPoints'] or []) == [p for p in d['mountpoints'] if p], mine[n])
    rows = {r['Name']: r for r in a.rows('Disk')}
    check('the disks', set(rows) == {n for n, d in real.items() if d['type'] == 'disk'}, rows)
    for n, r in rows.items():
        d = real[n]
        want = {'Size': d['size'], 'SerialNumber': d['serial'], 'PartitionStyle': {'gpt': 'GPT', 'dos': 'MBR', None: 'RAW'}[d['pttype']], 'Guid': d['ptuuid'], 'BusType': {'virtio': 'Virtio'}.get(d['tran'], 'Virtio'), 'LogicalSectorSize': d['log-sec'],
                'IsSystem': '/' in d['mountpoints'], 'NumberOfPartitions': len([c for c in real.values() if c['pkname'] == n])}
        if d['pttype'] is None:   # a file system without a table is none of the three
            del want['PartitionStyle']
        check(f'disk {n}', not differ(r, want), differ(r, want))
    parts = {r['Name']: r for r in a.rows('Partition')}
    check('the partitions', set(parts) == {'vdb1', 'vdb2'}, parts)
    for n, r in parts.items():
        d = real[n]
        want = {'DiskName': 'vdb', 'Size': d['size'], 'Offset': d['start'] * 512, 'Guid': d['partuuid'], 'GptType': d['parttype'], 'Label': d['partlabel'], 'AccessPaths': [p for p in d['mountpoints'] if p]}
        check(f'partition {n}', not differ(r, want), differ(r, want))
    check('kinds', [parts[n]['Type'] for n in ('vdb1', 'vdb2')] == ['Linux', 'Swap'], parts)
    vols = {r['Path']: r for r in a.rows('Volume')}
    blocks = dict(zip(('Size', 'SizeRemaining', 'AllocationUnitSize'), (int(x) for x in m.run('set -- $(stat -f -c "%b %a %S" /mnt); echo $(($1 * $3)) $(($2 * $3)) $3').stdout.split())))
    check('the volume', not differ(vols.get('/dev/vdb1'), {'FileSystem': 'ext4', 'FileSystemLabel': 'my data', 'UniqueId': real['vdb1']['uuid'], 'MountPoints': ['/mnt'], 'HealthStatus': 'Healthy', **blocks}), vols)
    r = a.do('PageFile', None, 'Create', Name='/dev/vdb2')
    check('swap on it', good(r) and '/dev/vdb2' in m.run('cat /proc/swaps').stdout and '[SWAP]' in a.one('BlockDevice', {'KernelName': 'vdb2'})['MountPoints'], r)
    check('off again', good(a.do('PageFile', {'Name': '/dev/vdb2'}, 'Delete')))
    r = a.do('Mount', {'Name': '/mnt'}, 'Unmount')
    check('unmounted for all', good(r) and m.run('findmnt /mnt').returncode, r)
    r = a.do('Mount', None, 'Create', Source='/dev/vdb1', Name='/mnt', FileSystem='ext4')
    check('mounted for all', good(r) and m.run('findmnt -n -o SOURCE /mnt').stdout.strip() == '/dev/vdb1' and good(a.do('Mount', {'Name': '/mnt'}, 'Unmount')), r)
    m.qmp('device_del', id='data')
    check('it is pulled out', gone.until(lambda p: target(p).get('Name') == 'vdb')[-1])
    check('and its partitions', {r['Name'] for r in a.rows('Partition')} == set(), a.rows('Partition'))


def adapter(m, a, path):
    come, gone = reader(path, 'Creation', 'NetAdapter'), reader(path, 'Deletion', 'NetAdapter')
    devices, away = reader(path, 'Creation', 'HardwareDevice'), reader(path, 'Deletion', 'HardwareDevice')
    m.qmp('netdev_add', type='user', id='n1', restrict=True)
    m.qmp('device_add', driver='virtio-net-pci', id='nic1', netdev='n1', mac='52:54:00:12:34:99', romfile='')
    got = come.until(lambda p: target(p).get('MacAddress', '') .lower().replace('-', ':') == '52:54:00:12:34:99')
    check('an interface that is plugged in', got[-1] and target(got[-1])['Name'] == 'eth1' and come.result.get('Push'), got[-2:])
    pci = devices.until(lambda p: target(p).get('DeviceID', '').startswith('pci/'))[-1]
    check('and its device', pci, pci)
    row = [r for r in a.rows('HardwareDevice') if r['DeviceID'] == target(pci).get('DeviceID')]
    real = m.run(f'cd /sys/bus/pci/devices/{target(pci).get("Name")} && cat vendor device class').stdout.split()
    check('beside /sys', row and not differ(row[0], {'VendorId': real[0][2:], 'ProductId': real[1][2:], 'ClassCode': real[2][2:], 'DeviceClass': 'Network', 'Driver': 'virtio-pci'}), (row, real))
    m.qmp('device_del', id='nic1')
    check('it is pulled out', gone.until(lambda p: target(p).get('Name') == 'eth1')[-1])
    check('and its device is gone', away.until(lambda p: target(p).get('DeviceID') == target(pci).get('DeviceID'))[-1])


vmlib.lab(modules, firmware, disks, adapter)
check.end()
