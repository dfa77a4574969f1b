# SPDX-License-Identifier: MIT
# A health check: probes with retries and time limits, a summary, an exit status that monitoring understands.
# exit: 2
param([int]$Retries = 2)
Set-StrictMode -Version 3.0
$script:calls = @{}

function Test-Probe {
    param([string]$Name, [scriptblock]$Check, [int]$Retries, [int]$DelayMs = 1)
    $attempt = 0
    do {
        $attempt++
        try {
            $value = & $Check $attempt
            return [pscustomobject]@{ Probe = $Name; State = 'OK'; Tries = $attempt; Detail = "$value" }
        }
        catch [System.TimeoutException] {
            $state = 'UNKNOWN'; $detail = $_.Exception.Message
        }
        catch {
            $state = 'CRITICAL'; $detail = $_.Exception.Message
            if ($_.Exception.Data.Contains('final')) { break }
        }
        Start-Sleep -Milliseconds $DelayMs
    } while ($attempt -le $Retries)
    [pscustomobject]@{ Probe = $Name; State = $state; Tries = $attempt; Detail = $detail }
}

$probes = [ordered]@{
    'always'  = { param($try) "try $try" }
    'flaky'   = { param($try) if ($try -lt 3) { throw "refused ($try)" }; 'up' }
    'down'    = { throw 'connection refused' }
    'slow'    = { throw [System.TimeoutException]::new('no answer in 5 s') }
    'license' = { $e = [System.InvalidOperationException]::new('license expired'); $e.Data['final'] = $true; throw $e }
    'divide'  = { $zero = 0; 1 / $zero }
    'missing' = { (Get-Item /no/such/path -ErrorAction Stop).Name }
    'member'  = { $o = [pscustomobject]@{ a = 1 }; $o.b }
}
$results = foreach ($name in $probes.Keys) {
    Test-Probe -Name $name -Check $probes[$name] -Retries $Retries
}
$results | Format-Table Probe, State, Tries, Detail
$severity = @{ OK = 0; WARNING = 1; CRITICAL = 2; UNKNOWN = 3 }
$worst = $results | Sort-Object { $severity[$_.State] } | Where-Object State -ne 'UNKNOWN' | Select-Object -Last 1
$counts = $results | Group-Object State -AsHashTable -AsString
$line = ($severity.Keys | Where-Object { $counts.ContainsKey($_) } | Sort-Object { $severity[$_] } |
        ForEach-Object { "$($counts[$_].Count) $($_.ToLower())" }) -join ', '
"$($worst.State): $line | probes=$($results.Count);;;0;"
trap { "trapped: $($_.Exception.Message)"; continue }
$results | Where-Object State -eq 'CRITICAL' | ForEach-Object -Begin { $n = 0 } -Process { $n++ } -End { "critical: $n" }
[int]::Parse('not a number')
'after the trap'
exit $severity[$worst.State]
