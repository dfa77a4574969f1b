# SPDX-License-Identifier: MIT
# Reads an application's log: levels, slow requests, the busiest minute, the first trace of each error.
$log = @'
2024-05-14 10:00:01.120 INFO  [web-1] Started service in 2310 ms
2024-05-14 10:00:03.004 WARN  [web-1] Slow query: 1250 ms (SELECT * FROM orders)
2024-05-14 10:01:15.777 ERROR [web-2] Timeout calling payment: host=pay-1 code=504
    at Payment.Call(Order o)
    at Checkout.Run()
2024-05-14 10:01:16.001 INFO  [web-2] Request GET /api/orders 200 45 ms
2024-05-14 10:01:17.310 INFO  [web-1] Request GET /api/items 200 12 ms
2024-05-14 10:02:40.555 ERROR [web-2] Timeout calling payment: host=pay-2 code=504
2024-05-14 10:02:41.000 INFO  [web-1] Request POST /api/orders 500 3010 ms
'@ -split '\r?\n'

$pattern = '^(?<time>\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{3}) (?<level>[A-Z]+)\s+\[(?<node>[^\]]+)\] (?<text>.*)$'
$entries = [System.Collections.Generic.List[object]]::new()
foreach ($line in $log) {
    if ($line -match $pattern) {
        $entries.Add([pscustomobject]@{
                Time  = [datetime]::ParseExact($Matches.time, 'yyyy-MM-dd HH:mm:ss.fff', [cultureinfo]::InvariantCulture)
                Level = $Matches['level']
                Node  = $Matches.node
                Text  = $Matches.text
                Trace = @()
            })
    }
    elseif ($entries.Count -and $line.StartsWith('    at ')) {
        $entries[-1].Trace += $line.Trim().Substring(3)
    }
}

"Entries: $($entries.Count), from $('{0:HH:mm:ss}' -f $entries[0].Time) to $('{0:HH:mm:ss}' -f $entries[-1].Time)"
$span = $entries[-1].Time - $entries[0].Time
'Span: {0:mm\:ss} ({1} s)' -f $span, [int]$span.TotalSeconds
$entries | Group-Object Level | Sort-Object -Property @{ Expression = 'Count'; Descending = $true }, Name |
    Format-Table @{ l = 'Level'; e = 'Name' }, Count, @{ l = 'Nodes'; e = { ($_.Group.Node | Sort-Object -Unique) -join ', ' } }

'Slow:'
$entries | ForEach-Object {
    if ($_.Text -match '(\d+) ms' -and [int]$Matches[1] -ge 1000) {
        [pscustomobject]@{ Ms = [int]$Matches[1]; What = $_.Text -replace '\s*:?\s*\d+ ms.*$' }
    }
} | Sort-Object Ms -Descending | ForEach-Object { '  {0,5} ms  {1}' -f $_.Ms, $_.What }

$busiest = $entries | Group-Object { $_.Time.ToString('HH:mm') } | Sort-Object Count -Descending | Select-Object -First 1
"Busiest minute: $($busiest.Name) with $($busiest.Count)"

foreach ($failure in $entries.Where({ $_.Level -eq 'ERROR' })) {
    $fields = @{}
    [regex]::Matches($failure.Text, '(\w+)=(\S+)') | ForEach-Object { $fields[$_.Groups[1].Value] = $_.Groups[2].Value }
    'Error on {0}: {1} -> {2}' -f $failure.Node, $fields.host, $fields['code']
    if ($failure.Trace) { '  first: ' + $failure.Trace[0] }
}
$requests = $entries | Where-Object Text -like 'Request*' | ForEach-Object {
    $null, $method, $path, $status, $ms, $null = $_.Text -split ' '
    [pscustomobject]@{ Method = $method; Path = $path; Status = [int]$status; Ms = [int]$ms }
}
$requests | Sort-Object Status, Path | Format-Table -AutoSize
$requests | Measure-Object Ms -Average -Maximum | ForEach-Object { 'avg {0:f1} max {1}' -f $_.Average, $_.Maximum }
