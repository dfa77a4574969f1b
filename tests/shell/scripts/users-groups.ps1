# SPDX-License-Identifier: MIT
# Reads passwd and group files into objects, joins them, finds what looks wrong.
[CmdletBinding()]
param([switch]$Strict)
@'
root:x:0:0:root:/root:/bin/bash
daemon:x:1:1:daemon:/usr/sbin:/usr/sbin/nologin
anna:x:1000:1000:Anna Berg,,,:/home/anna:/bin/zsh
bob:x:1001:100::/home/bob:/bin/bash
toor:x:0:0:second root:/root:/bin/sh
ghost:x:1002:4242:No Group:/home/ghost:/bin/false
'@ | Set-Content passwd
@'
root:x:0:
users:x:100:anna,bob
sudo:x:27:anna,nobody
anna:x:1000:
daemon:x:1:
'@ | Set-Content group

function Import-ColonFile {
    [CmdletBinding()]
    param([Parameter(Mandatory)][string]$Path, [Parameter(Mandatory)][string[]]$Header, [hashtable]$Convert = @{})
    Get-Content $Path | ForEach-Object -Begin { $lineNumber = 0 } -Process {
        $lineNumber++
        $fields = $_ -split ':'
        if ($fields.Count -ne $Header.Count) { Write-Warning "$Path`:$lineNumber has $($fields.Count) fields"; return }
        $object = [ordered]@{}
        for ($i = 0; $i -lt $Header.Count; $i++) {
            $name = $Header[$i]
            $object[$name] = if ($Convert.ContainsKey($name)) { & $Convert[$name] $fields[$i] } else { $fields[$i] }
        }
        [pscustomobject]$object
    }
}
$toInt = { param($s) [int]$s }
$users = Import-ColonFile passwd 'Name', 'Password', 'Uid', 'Gid', 'Gecos', 'Home', 'Shell' @{ Uid = $toInt; Gid = $toInt }
$groups = Import-ColonFile group Name, Password, Gid, Members @{ Gid = $toInt; Members = { param($s) , @($s -split ',' | Where-Object { $_ }) } }
$byGid = @{}
$groups | ForEach-Object { $byGid[$_.Gid] = $_ }

$users | Where-Object Uid -ge 1000 | Select-Object Name,
    @{ n = 'Real name'; e = { ($_.Gecos -split ',')[0] } },
    @{ n = 'Primary'; e = { $byGid[$_.Gid].Name } },
    @{ n = 'Others'; e = { $me = $_.Name; ($groups | Where-Object { $_.Members -contains $me }).Name -join ',' } } |
    Format-Table -AutoSize

$problems = [System.Collections.ArrayList]::new()
$users | Group-Object Uid | Where-Object Count -gt 1 | ForEach-Object {
    [void]$problems.Add("uid $($_.Name) is shared by $($_.Group.Name -join ' and ')")
}
foreach ($u in $users) {
    if (-not $byGid.ContainsKey($u.Gid)) { $null = $problems.Add("$($u.Name): group $($u.Gid) does not exist") }
    if ($u.Uid -ge 1000 -and $u.Shell -match '/(nologin|false)$') { $null = $problems.Add("$($u.Name): cannot log in") }
    if (-not $u.Gecos) { $null = $problems.Add("$($u.Name): has no real name") }
}
$groups.Where{ $_.Members.Count }.ForEach{
    $group = $_
    $group.Members | Where-Object { $_ -notin $users.Name } | ForEach-Object { $null = $problems.Add("group $($group.Name): unknown member $_") }
}
$problems.Sort()
$problems | ForEach-Object -Begin { $n = 0 } -Process { '{0,2}. {1}' -f ++$n, $_ } -End { "$n problems" }
$shells = $users | Group-Object { Split-Path $_.Shell -Leaf } -NoElement | Sort-Object Count, Name -Descending
$shells
$users | Sort-Object Uid, { $_.Name.Length } | Select-Object -First 3 -ExpandProperty Name
($users | Measure-Object Uid -Minimum -Maximum | Select-Object Minimum, Maximum | ConvertTo-Json -Compress)
'short:line' | Add-Content passwd
$again = @(Import-ColonFile passwd (1..7 | ForEach-Object { "f$_" }))
"$($again.Count) lines fit, last is $($again[-1].f1)"
if ($Strict -and $problems.Count) { exit 1 }
