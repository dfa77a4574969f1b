# SPDX-License-Identifier: MIT
# Jobs: processes, threads, & and -Parallel; streams, states, $using:, throttle, removal.
$factor = 10
$job = Start-Job -Name check -ArgumentList 5 {
    param($n)
    "n is $n, factor is $using:factor"
    Write-Warning 'disk nearly full'
    Write-Error 'host db1 does not answer'
    [pscustomobject]@{ Host = 'web1'; Free = 12 }
}
"$($job.Name) $($job.Id) $($job.PSJobTypeName)"
$null = Wait-Job $job
"$($job.State) $($job.HasMoreData)"
$all = Receive-Job $job -Keep 2>$null 3>&1
$all[0]
"warning: $($all[1].Message)"
$all[2].Host
$errors = @(Receive-Job $job -Keep 2>&1 3>$null | Where-Object { $_ -is [System.Management.Automation.ErrorRecord] })
"errors: $($errors.Count) - $($errors[0])"
$null = Receive-Job $job 2>$null 3>$null
"$($job.HasMoreData)"
Remove-Job $job
"jobs left: $(@(Get-Job).Count)"

$failing = Start-Job { throw 'no route' } | Wait-Job
$failing.State
try { Receive-Job $failing -ErrorAction Stop } catch { "caught: $($_.Exception.Message)" }
Remove-Job $failing

# concurrency: ten sleeps of 0.3 s end long before 3 s
$clock = [System.Diagnostics.Stopwatch]::StartNew()
$squares = 1..10 | ForEach-Object -ThrottleLimit 10 -Parallel { Start-Sleep -Milliseconds 300; $_ * $_ }
"in parallel: $($clock.Elapsed.TotalSeconds -lt 2)"
($squares | Sort-Object) -join ' '
# a new runspace: only $using: reaches the caller's variables
1 | ForEach-Object -Parallel { "[$factor] [$using:factor]" }
# shared collections
$table = @{}
1..4 | ForEach-Object -Parallel { ($using:table)["k$_"] = $_ }
($table.Keys | Sort-Object) -join ','
# one failing object does not stop the others
$out = 1..3 | ForEach-Object -ThrottleLimit 1 -Parallel { if ($_ -eq 2) { throw "no $_" }; "ok $_" } 2>&1
$out | ForEach-Object { "$($_.GetType().Name): $_" }

$background = 'one', 'two' | ForEach-Object ToUpper &
"$($background.PSJobTypeName) / $($background.Command)"
($background | Wait-Job | Receive-Job) -join '+'
$threads = 'a', 'b', 'c' | ForEach-Object { $letter = $_; Start-ThreadJob { "thread $using:letter" } }
$threads | Receive-Job -Wait -AutoRemoveJob | Sort-Object
$long = Start-Job { try { Start-Sleep 60 } finally { 'cleaned' } }
"$(@(Wait-Job $long -Timeout 0.2).Count) over in time"
try { Remove-Job $long -ErrorAction Stop } catch { $_.FullyQualifiedErrorId }
Stop-Job $long
"$($long.State)"
Remove-Job $long, $background
(Start-Job { Get-Date '2024-05-06'; [version]'1.2.3'; @{ a = 1 }; 1.5; , @(1, 2) } | Receive-Job -Wait -AutoRemoveJob |
    ForEach-Object { $_.GetType().Name }) -join ' '
"jobs left: $(@(Get-Job).Count)"
