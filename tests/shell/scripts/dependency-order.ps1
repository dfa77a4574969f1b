# SPDX-License-Identifier: MIT
# Orders deployment steps by what they depend on, in waves; finds cycles and what is missing.
$steps = [ordered]@{
    network  = @()
    storage  = @()
    database = 'storage', 'network'
    cache    = 'network'
    app      = 'database', 'cache'
    web      = 'app'
    monitor  = 'network'
}
function Get-Waves([System.Collections.IDictionary]$Steps) {
    $done = [System.Collections.Generic.HashSet[string]]::new()
    $wave = 0
    while ($done.Count -lt $Steps.Count) {
        $ready = @($Steps.Keys | Where-Object { $_ -notin $done -and -not ($Steps[$_] | Where-Object { $_ -notin $done }) })
        if (-not $ready) { throw "cycle among: $(($Steps.Keys | Where-Object { $_ -notin $done }) -join ', ')" }
        $wave++
        foreach ($name in $ready) { $null = $done.Add($name); [pscustomobject]@{ Wave = $wave; Step = $name; Needs = $Steps[$name] -join ', ' } }
    }
}
$waves = Get-Waves $steps
$waves | Format-Table -GroupBy Wave -Property Step, Needs
function Find-Path([string]$From, [string]$To, [string[]]$Trail = @()) {
    if ($From -eq $To) { return , ($Trail + $From) }
    foreach ($next in $steps[$From]) {
        $found = Find-Path $next $To ($Trail + $From)
        if ($found) { return , $found }
    }
}
(Find-Path web storage) -join ' -> '
"monitor to storage: $([bool](Find-Path monitor storage))"
function Get-Closure([string]$Name) { $steps[$Name] | ForEach-Object { $_; Get-Closure $_ } | Sort-Object -Unique }
"app needs $((Get-Closure app) -join ', ')"
$users = $steps.Keys | Where-Object { 'network' -in (Get-Closure $_) }
"network is needed by $($users -join ', ')"
$steps.storage = @('web')
try { Get-Waves $steps | Out-Null } catch { "error: $_" }
$steps.storage = @()
$known = $steps.Keys
$missing = @('app', 'mail', 'queue').Where({ $_ -notin $known })
"missing: $($missing -join ' ')"
$weights = @{ network = 2; storage = 5; database = 8; cache = 1; app = 3; web = 1; monitor = 1 }
$finish = @{}
foreach ($w in $waves) {
    $start = ($steps[$w.Step] | ForEach-Object { $finish[$_] } | Measure-Object -Maximum).Maximum ?? 0
    $finish[$w.Step] = $start + $weights[$w.Step]
}
$finish.GetEnumerator() | Sort-Object Value, Name | ForEach-Object { '{0,-9} {1,3} {2}' -f $_.Name, $_.Value, ('=' * $_.Value) }
"total work $(($weights.Values | Measure-Object -Sum).Sum), longest path $(($finish.Values | Measure-Object -Maximum).Maximum)"
