# SPDX-License-Identifier: MIT
# Parsing what programs print: key=value files, ini sections, columns of fixed width, tables of ss and df.
$ini = @'
; comment
[global]
workgroup = OFFICE
log level = 2

[share one]
path = /srv/one
read only = no
valid users = @staff, bob
'@
$config = [ordered]@{}
switch -Regex ($ini -split '\n') {
    '^\s*[;#]' { continue }
    '^\[(?<name>.+)\]\s*$' { $section = $Matches.name; $config[$section] = [ordered]@{} }
    '^(?<key>[^=]+?)\s*=\s*(?<value>.*?)\s*$' {
        $value = $Matches.value
        $config[$section][$Matches.key] = switch -Exact ($value) { 'yes' { $true } 'no' { $false } default { $value } }
    }
}
foreach ($name in $config.Keys) {
    "[$name] $($config[$name].Count) keys"
    $config[$name].GetEnumerator() | ForEach-Object { '  {0} -> {1} ({2})' -f $_.Key, $_.Value, $_.Value.GetType().Name }
}
($config['share one']['valid users'] -split ',\s*').ForEach({ $_.TrimStart('@') }) -join '+'

$ss = @'
State   Recv-Q Send-Q Local Address:Port  Peer Address:Port Process
LISTEN  0      128    0.0.0.0:22          0.0.0.0:*         users:(("sshd",pid=812,fd=3))
LISTEN  0      511    127.0.0.1:8080      0.0.0.0:*         users:(("node",pid=990,fd=18),("node",pid=991,fd=18))
ESTAB   0      0      10.0.0.5:22         10.0.0.9:51512    users:(("sshd",pid=1201,fd=4))
LISTEN  0      128    [::]:22             [::]:*            users:(("sshd",pid=812,fd=4))
'@
$sockets = $ss -split '\r?\n' | Select-Object -Skip 1 | ForEach-Object {
    $state, $null, $null, $local, $peer, $users = $_ -split '\s+', 6
    $colon = $local.LastIndexOf(':')
    [pscustomobject]@{
        State   = $state
        Address = $local.Remove($colon)
        Port    = [int]$local.Substring($colon + 1)
        Pids    = [int[]]@([regex]::Matches($users, 'pid=(\d+)') | ForEach-Object { $_.Groups[1].Value })
        Program = if ($users -match '\(\("([^"]+)"') { $Matches[1] }
    }
}
$sockets | Where-Object State -eq LISTEN | Sort-Object Port, Address | Format-Table -AutoSize
($sockets | Where-Object { $_.Pids.Count -gt 1 }).Pids | Measure-Object -Minimum -Maximum |
    Select-Object Count, Minimum, Maximum | Format-List

$fixed = @(
    'ID  NAME      AMOUNT'
    '001 Anna       12.50'
    '002 Björn     100.00'
)
$columns = @{ Id = 0, 4; Name = 4, 10; Amount = 14, 6 }
$rows = $fixed | Select-Object -Skip 1 | ForEach-Object {
    $line = $_
    $row = [ordered]@{}
    foreach ($c in 'Id', 'Name', 'Amount') { $row[$c] = $line.Substring($columns[$c][0], [math]::Min($columns[$c][1], $line.Length - $columns[$c][0])).Trim() }
    $row.Amount = [decimal]$row.Amount
    [pscustomobject]$row
}
$rows | ConvertTo-Json
'{0:0.00} total of {1}' -f ($rows.Amount | Measure-Object -Sum).Sum, ($rows.Name -join '/')
$q = "key='va lue' n=5 flag"
[regex]::Matches($q, "(?<k>\w+)(?:=(?:'(?<v>[^']*)'|(?<v>\S+)))?") | ForEach-Object {
    '{0}: {1}' -f $_.Groups['k'].Value, $(if ($_.Groups['v'].Success) { $_.Groups['v'].Value } else { '(set)' })
}
'2024-05-06T07:08:09Z' -replace '^(\d+)-(\d+)-(\d+)T([\d:]+)Z$', '$3.$2.$1 $4'
"tab`tsep" -split "`t" -join '|'
'a1b22c333' -replace '\d+', { "<$($_.Value.Length)>" }
