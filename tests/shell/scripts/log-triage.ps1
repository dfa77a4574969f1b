# SPDX-License-Identifier: MIT
# Triage of a log: switch over a file, matches with context, labels, replacements by script blocks, time buckets.
@'
2024-02-29 10:00:01 INFO  [web1] started in 1.25s
2024-02-29 10:00:07 WARN  [web1] slow query 812ms: select 1
2024-02-29 10:01:00 ERROR [db1] cannot open /data/x: Permission denied
    at open (io.c:12)
    at main (main.c:3)
2024-02-29 10:01:30 INFO  [db1] retry 1
2024-02-29 10:02:15 ERROR [db1] cannot open /data/x: Permission denied
2024-02-29 10:02:16 DEBUG [web2] cache miss key=user:42 key=user:43
2024-02-29 10:59:59 FATAL [web2] out of memory
'@ | Set-Content app.log
$counts = [ordered]@{}
$last = $null
switch -Regex -File app.log {
    '^(?<ts>\S+ \S+) (?<level>[A-Z]+)\s+\[(?<host>\w+)\] (?<text>.*)$' {
        $last = [pscustomobject]@{ Time = [datetime]$Matches.ts; Level = $Matches.level; Host = $Matches.host; Text = $Matches.text; Stack = @() }
        $counts[$last.Level] = 1 + $counts[$last.Level]
        [array]$entries += $last
    }
    '^\s+at (\w+) \((.+):(\d+)\)$' { $last.Stack += "$($Matches[1])@$($Matches[3])"; continue }
    'ERROR|FATAL' { "bad: $($_.Substring(11, 8))" }
    'FATAL' { 'stop reading'; break }
    default { "odd: $_" }
}
$counts.GetEnumerator() | ForEach-Object { '{0,-6}{1}' -f $_.Key, ('#' * $_.Value) }
$entries.Count; $entries[2].Stack -join ' < '
$entries | Group-Object Host, Level -NoElement | Sort-Object Count, Name -Descending | Format-Table Count, Name
$entries | Group-Object { $_.Time.ToString('HH:mm') } | ForEach-Object { "$($_.Name) $($_.Count) $(($_.Group.Level | Sort-Object -Unique) -join '/')" }
$entries | Where-Object Level -in ERROR, FATAL | Select-Object -Property Host, Text -Unique | Format-List
($entries | Measure-Object Time -Minimum -Maximum | ForEach-Object { $_.Maximum - $_.Minimum }).ToString('mm\:ss')
Select-String -Path app.log -Pattern 'cannot open' -Context 1, 2 | Select-Object -First 1 | ForEach-Object { $_.Context.PreContext + $_.Line + $_.Context.PostContext } | ForEach-Object { $_.Trim().Substring(0, 12) }
Select-String app.log -Pattern 'key=(\w+):(\d+)' -AllMatches | ForEach-Object { $_.Matches } | ForEach-Object { $_.Groups[2].Value }
(Select-String app.log -Pattern 'error' -CaseSensitive).Count, (Select-String app.log -Pattern 'error').Count, (Select-String app.log -Pattern '[db1]' -SimpleMatch -NotMatch).Count -join ' '
Select-String app.log -Pattern 'FATAL', 'WARN' | ForEach-Object { "$($_.Filename):$($_.LineNumber): $($_.Pattern)" }
(Get-Content app.log | Select-String 'memory' -Raw).Length; Select-String memory app.log -Quiet
'took 1.25s and 812ms' -replace '([\d.]+)(ms|s)\b', { $n = [double]$_.Groups[1].Value; if ($_.Groups[2].Value -eq 's') { "$($n * 1000) ms" } else { "$n ms" } }
'a1b2' -creplace '[A-Z]', '_'; 'Hello' -ireplace 'L', 'r'; 'x.y.z' -replace '\.', '$&$&'; 'john smith' -replace '(\w+) (\w+)', '$2, $1'; 'price' -replace '$', ' $$5'
'a,b;c  d' -split '[,;]|\s+'; ('k=v=w' -split '=', 2) -join '|'; ('a1b22c' -split '(\d+)') -join '|'; ('x,y,z' -split { $_ -eq 'y' }).Count; ('abc' -split '').Count; (-split "  a  b ").Count
switch -Wildcard ('report.csv', 'notes.TXT', 'img01.png') { '*.csv' { "table $_" } '*.txt' { "text $_"; continue } 'img??.*' { "image $_" } default { 'never' } }
switch -CaseSensitive ('Ab') { 'ab' { 'lower' } 'Ab' { 'exact' } }
switch (3, 12, 'x') { { $_ -is [int] -and $_ -gt 10 } { "big $_" } 3 { "three" } 'X' { "letter $_" } }
$r = switch ('none') { 'a' { 1 } }; $null -eq $r
:hosts foreach ($h in 'web1', 'db1', 'web2') {
    foreach ($e in $entries | Where-Object Host -eq $h) {
        if ($e.Level -eq 'ERROR') { "skip $h"; continue hosts }
        if ($e.Level -eq 'FATAL') { "leave at $h"; break hosts }
    }
    "clean $h"
}
$i = 0; do { $i++; if ($i % 2) { continue }; if ($i -gt 6) { break }; "i $i" } until ($i -ge 10)
for ($a, $b = 0, 10; $a -lt $b; $a += 3, 1 | Select-Object -First 1) { $b-- }; "$a $b"
$found = 'user=ann id=7' -match 'user=(?<user>\w+)(?: id=(?<id>\d+))?(?: x=(?<x>\w))?'; $found, $Matches.Count, $Matches.ContainsKey('x'), $Matches.id -join ' '
('a1', 'b2', 'c' -match '\d').Count; @('x', 'y') -notcontains 'X'; 'b' -in 'a', 'b'; 'abc' -like 'A?c'; 'abc' -clike 'A*'; '[x]' -like '`[x`]'
$lines = [System.IO.File]::ReadAllLines("$PWD/app.log"); $lines.Length; $lines[-1][0..3] -join ''
[regex]::Matches(($lines -join "`n"), '(?m)^\S+ (\S+) ERROR') | ForEach-Object { $_.Groups[1].Value }
