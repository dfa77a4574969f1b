# SPDX-License-Identifier: MIT
# A check of a fleet in parallel: $using:, throttling, synchronized tables, thread jobs, events of time, results in order.
class Probe {
    [string]$Name; [int]$Weight; [string[]]$Notes = @()
    Probe([string]$n, [int]$w) { $this.Name = $n; $this.Weight = $w }
    [int]Score([int]$factor) { return $this.Weight * $factor }
}
$probes = [Probe]::new('web', 3), [Probe]::new('db', 5), [Probe]::new('mq', 2)
$factor = 4; $limits = @{ web = 10; db = 30 }; $list = 'a', 'b'
$scores = $probes | ForEach-Object -Parallel { [pscustomobject]@{ Name = $_.Name; Score = $_.Weight * $using:factor; Limit = ($using:limits)[$_.Name]; N = ($using:list).Count } } -ThrottleLimit 2
$scores | Sort-Object Name | Format-Table
$seen = [System.Collections.Concurrent.ConcurrentDictionary[string, int]]::new()
1..6 | ForEach-Object -Parallel { $t = $using:seen; $null = $t.TryAdd("k$_", $_ * $_) } -ThrottleLimit 3
$seen.Count; ($seen.Keys | Sort-Object | ForEach-Object { $seen[$_] }) -join ' '
$sync = [hashtable]::Synchronized(@{ total = 0 })
$bag = [System.Collections.Concurrent.ConcurrentBag[string]]::new()
'x', 'y', 'z' | ForEach-Object -Parallel { ($using:bag).Add($_.ToUpper()) }
($bag | Sort-Object) -join ''; $sync.total
$out = 1..4 | ForEach-Object -Parallel { if ($_ -eq 3) { Write-Error "bad $_" } else { $_; Write-Warning "w$_" } } -ThrottleLimit 1 -ErrorVariable problems -ErrorAction SilentlyContinue 3>$null
"$($out -join ',') with $($problems.Count) problem: $($problems[0])"
$job = 1..3 | ForEach-Object -Parallel { "job $_" } -AsJob -ThrottleLimit 3
($job | Wait-Job | Receive-Job | Sort-Object) -join '; '; $job.State; Remove-Job $job
$prefix = 'task'; $jobs = foreach ($p in $probes) { Start-ThreadJob -Name $p.Name -ScriptBlock { param($n, $w) "$using:prefix $n $($w + 1)" } -ArgumentList $p.Name, $p.Weight }
$jobs | Wait-Job | ForEach-Object { "$($_.Name): $($_.State)" } | Sort-Object
($jobs | Receive-Job | Sort-Object) -join ', '; $jobs | Remove-Job; @(Get-Job).Count
$bad = Start-ThreadJob { throw 'no answer' }; $null = Wait-Job $bad; $bad.State; try { Receive-Job $bad -ErrorAction Stop } catch { "job said: $_" }; Remove-Job $bad
$init = Start-Job -InitializationScript { function Get-Init { 'from init' } } -ScriptBlock { Get-Init; $input | ForEach-Object { "in $_" } } -InputObject 5
$init | Receive-Job -Wait -AutoRemoveJob
$rich = Start-Job { [pscustomobject]@{ When = [datetime]'2024-05-06'; Map = @{ a = 1 }; List = 1, 2; Span = [timespan]'0:01' } } | Receive-Job -Wait -AutoRemoveJob
$rich.When.Year, $rich.Map.a, $rich.List.Count, $rich.Span.TotalSeconds -join ' '
$watch = [System.Diagnostics.Stopwatch]::StartNew(); 1..4 | ForEach-Object -Parallel { Start-Sleep -Milliseconds 200 } -ThrottleLimit 4; $watch.Stop(); $watch.Elapsed.TotalSeconds -lt 20; $watch.IsRunning
$null = Register-EngineEvent -SourceIdentifier Ops.Done -Action { $global:got = "$($Event.MessageData) by $($Event.Sender)" }
$null = New-Event -SourceIdentifier Ops.Done -Sender me -MessageData finished
foreach ($i in 1..100) { if ($got) { break }; Start-Sleep -Milliseconds 50 }; $got
Unregister-Event Ops.Done; @(Get-EventSubscriber).Count
$null = New-Event Later -MessageData 9; $e = Wait-Event Later -Timeout 5; $e.MessageData; Remove-Event Later; @(Get-Event).Count
$probes | ForEach-Object { $_.Score(2) } | Measure-Object -Sum -Average | ForEach-Object { '{0} {1:n2}' -f $_.Sum, $_.Average }
$sum = 0; 1..5 | ForEach-Object -Parallel { $_ } | ForEach-Object { $sum += $_ }; $sum
function Get-Local { 'not there' }
1 | ForEach-Object -Parallel { [bool](Get-Command Get-Local -ErrorAction Ignore) }
$text = ${function:Get-Local}.ToString(); 1 | ForEach-Object -Parallel { ${function:Get-Local} = $using:text; Get-Local }
