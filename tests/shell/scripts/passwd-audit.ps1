# SPDX-License-Identifier: MIT
# An audit of accounts from passwd and group files: system users with shells, doubles, members who do not exist.
$passwd = @'
root:x:0:0:root:/root:/bin/bash
daemon:x:1:1:daemon:/usr/sbin:/usr/sbin/nologin
www:x:33:33:web:/var/www:/bin/sh
alice:x:1000:1000:Alice,,,:/home/alice:/bin/bash
bob:x:1001:1001:Bob,,,:/home/bob:/usr/bin/fish
toor:x:0:0:second root:/root:/bin/sh
carol:x:1000:1002::/home/carol:/bin/false
'@
$group = @'
root:x:0:
sudo:x:27:alice,mallory
www:x:33:bob,alice
empty:x:99:
'@
enum Kind { System; Person; Root }
class Account {
    [string]$Name; [int]$Uid; [int]$Gid; [string]$FullName; [string]$Home; [string]$Shell
    Account([string]$line) {
        $this.Name, $null, $this.Uid, $this.Gid, $gecos, $this.Home, $this.Shell = $line.Split(':')
        $this.FullName = $gecos.Split(',')[0]
    }
    [Kind] Kind() { if ($this.Uid -eq 0) { return [Kind]::Root } elseif ($this.Uid -lt 1000) { return [Kind]::System } return [Kind]::Person }
    [bool] CanLogIn() { return $this.Shell -notmatch '(nologin|false)$' }
    [string] ToString() { return "$($this.Name)($($this.Uid))" }
}
$accounts = $passwd -split "`n" | ForEach-Object { [Account]::new($_) }
$accounts | Select-Object Name, Uid, @{ n = 'Kind'; e = { $_.Kind() } }, @{ n = 'Login'; e = { $_.CanLogIn() } }, FullName | Format-Table
$findings = [System.Collections.Generic.List[object]]::new()
function Add-Finding([string]$Rule, $What, [ValidateSet('low', 'high')][string]$Level = 'low') {
    $findings.Add([pscustomobject]@{ Level = $Level; Rule = $Rule; What = "$What" })
}
$accounts.Where{ $_.Kind() -eq 'System' -and $_.CanLogIn() }.ForEach{ Add-Finding 'system account with a shell' $_ }
$accounts | Group-Object Uid | Where-Object Count -gt 1 | ForEach-Object { Add-Finding "uid $($_.Name) twice" ($_.Group -join ' and ') high }
$members = @{}
foreach ($line in $group -split "`n") {
    $name, $null, $gid, $list = $line -split ':'
    $members[$name] = @($list -split ',' | Where-Object { $_ })
    foreach ($m in $members[$name]) {
        if ($m -cnotin $accounts.Name) { Add-Finding "member of $name does not exist" $m high }
    }
}
$findings | Sort-Object Level, Rule | Format-Table -Wrap
"groups without members: $(($members.GetEnumerator() | Where-Object { -not $_.Value.Count } | Sort-Object Key | ForEach-Object Key) -join ', ')"
"alice is in: $(($members.Keys | Where-Object { 'alice' -in $members[$_] } | Sort-Object) -join ', ')"
"{0} findings, {1} high" -f $findings.Count, $findings.Where({ $_.Level -eq 'high' }).Count
[Kind].GetEnumNames() -join '|'
[Kind]2 -eq 'Root'
try { Add-Finding x y medium } catch { $_.Exception.Message -replace '\s+', ' ' }
