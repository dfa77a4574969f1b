# SPDX-License-Identifier: MIT
# Checks many hosts at a time: parallel blocks with shared results, jobs with time limits, retries, a summary.
$hosts = 1..12 | ForEach-Object { [pscustomobject]@{ Name = 'host{0:d2}' -f $_; Delay = 20 * ($_ % 4); Fails = $_ % 5 -eq 0 } }
$results = [System.Collections.Concurrent.ConcurrentDictionary[string, object]]::new()
$errors = [System.Collections.Concurrent.ConcurrentBag[string]]::new()
$limit = 0.5

$clock = [System.Diagnostics.Stopwatch]::StartNew()
$output = $hosts | ForEach-Object -ThrottleLimit 6 -Parallel {
    $me = $_
    $shared = $using:results
    Start-Sleep -Milliseconds $me.Delay
    try {
        if ($me.Fails) { throw "no answer from $($me.Name)" }
        $null = $shared.TryAdd($me.Name, [pscustomobject]@{ Load = $me.Delay / 100; At = $using:limit })
        $me.Name
    }
    catch { ($using:errors).Add("$_") }
}
"answered: $(($output | Sort-Object) -join ' ')"
"errors: $(($errors | Sort-Object) -join '; ')"
"shared: $($results.Count), highest load $(($results.Values.Load | Measure-Object -Maximum).Maximum)"
"fast enough: $($clock.Elapsed.TotalSeconds -lt 3)"

# functions are handed over as text, as scripts for PowerShell do it
function Get-Double($x) { 2 * $x }
$definition = ${function:Get-Double}.ToString()
(1..3 | ForEach-Object -Parallel {
    ${function:Get-Double} = $using:definition
    Get-Double $_
} | Sort-Object) -join ','

$jobs = foreach ($h in $hosts | Select-Object -First 3) {
    Start-ThreadJob -Name $h.Name -ArgumentList $h -ScriptBlock {
        param($target)
        if ($target.Name -eq 'host03') { Start-Sleep 30 }
        [pscustomobject]@{ Host = $target.Name; Pid = $PID; Ok = $true }
    }
}
$finished = $jobs | Wait-Job -Timeout 3
$late = $jobs | Where-Object State -eq 'Running'
"finished: $(($finished.Name | Sort-Object) -join ','), late: $($late.Name -join ',')"
$late | Stop-Job
$jobs | Sort-Object Name | Format-Table Name, PSJobTypeName, State
($finished | Receive-Job).Host | Sort-Object
$jobs | Remove-Job -Force
$failed = Start-Job { Write-Output 1; throw [System.InvalidOperationException]::new('broken'); 2 } | Wait-Job
"$($failed.State): $($failed.ChildJobs[0].JobStateInfo.Reason.Message)"
Receive-Job $failed -ErrorAction SilentlyContinue -ErrorVariable why
$why[0].Exception.Message
Remove-Job $failed
$chain = Start-Job { 1..3 } | Receive-Job -Wait -AutoRemoveJob | ForEach-Object { $_ * 10 }
$chain -join ' '
$list = [System.Collections.Generic.List[int]]::new()
1..4 | ForEach-Object -ThrottleLimit 1 -Parallel { ($using:list).Add($_ * $_) }
$list -join '+'
1, 2 | ForEach-Object -Parallel { Write-Warning "w$_"; "o$_" } -ThrottleLimit 1 3>&1 |
    ForEach-Object { "$($_.GetType().Name) $_" }
try { 1 | ForEach-Object -Parallel { $undefinedFunction = 1; NoSuchCommand } -ErrorAction Stop } catch { $_.FullyQualifiedErrorId }
@(Get-Job).Count
