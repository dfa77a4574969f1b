# SPDX-License-Identifier: MIT
# What a web server's log says: statuses, busiest pages, slow requests, percentiles.
$log = @'
10.0.0.1 - - [28/Nov/2026:10:00:01 +0000] "GET /index.html HTTP/1.1" 200 5120 0.012
10.0.0.2 - alice [28/Nov/2026:10:00:02 +0000] "POST /api/orders HTTP/1.1" 201 312 0.230
10.0.0.1 - - [28/Nov/2026:10:00:03 +0000] "GET /img/logo.png HTTP/1.1" 304 0 0.001
10.0.0.3 - - [28/Nov/2026:10:01:10 +0000] "GET /index.html HTTP/1.1" 200 5120 0.010
10.0.0.4 - bob [28/Nov/2026:10:01:11 +0000] "GET /api/orders?id=7 HTTP/1.1" 500 87 1.502
broken line here
10.0.0.2 - alice [28/Nov/2026:10:02:00 +0000] "GET /api/orders?id=8 HTTP/1.1" 200 410 0.095
10.0.0.5 - - [28/Nov/2026:10:02:30 +0000] "GET /nope HTTP/1.1" 404 153 0.002
10.0.0.1 - - [28/Nov/2026:10:02:31 +0000] "GET /index.html HTTP/1.1" 200 5120 0.011
'@
$pattern = '^(?<ip>\S+) \S+ (?<user>\S+) \[(?<when>[^\]]+)\] "(?<verb>[A-Z]+) (?<path>[^ ?"]+)\S* [^"]*" (?<status>\d{3}) (?<bytes>\d+) (?<took>[\d.]+)$'
$bad = @()
$requests = foreach ($line in $log -split "`n") {
    if ($line -notmatch $pattern) { $bad += $line; continue }
    [pscustomobject]@{
        Time   = [datetime]::ParseExact($Matches.when, 'dd/MMM/yyyy:HH:mm:ss zzz', [cultureinfo]::InvariantCulture).ToUniversalTime()
        Ip     = $Matches.ip
        User   = if ($Matches.user -ne '-') { $Matches.user }
        Verb   = $Matches.verb
        Path   = $Matches.path
        Status = [int]$Matches.status
        Bytes  = [long]$Matches.bytes
        Ms     = [double]$Matches.took * 1000
    }
}
"$($requests.Count) requests, $($bad.Count) unreadable: '$($bad[0])'"
$requests | Group-Object { [math]::Floor($_.Status / 100) } | Sort-Object Name |
    ForEach-Object { '{0}xx {1,3} {2}' -f $_.Name, $_.Count, ('#' * $_.Count) }
$requests | Group-Object Path -NoElement | Sort-Object @{ Expression = 'Count'; Descending = $true }, Name | Select-Object -First 3 | Format-Table -AutoSize
$requests | Where-Object Ms -gt 100 | Sort-Object Ms -Descending | Format-Table Verb, Path, Status, @{ Label = 'Seconds'; Expression = { $_.Ms / 1000 }; FormatString = 'N2'; Align = 'Right' }
function Get-Percentile([double[]]$Values, [int]$P) {
    $sorted = $Values | Sort-Object
    $sorted[[math]::Ceiling($P / 100 * $sorted.Count) - 1]
}
'p50 {0:n1} ms, p90 {1:n1} ms, max {2:n0} ms' -f (Get-Percentile $requests.Ms 50), (Get-Percentile $requests.Ms 90), ($requests | Measure-Object Ms -Maximum).Maximum
$byMinute = $requests | Group-Object { $_.Time.ToString('HH:mm') } -AsHashTable -AsString
foreach ($minute in $byMinute.Keys | Sort-Object) {
    $sum = ($byMinute[$minute] | Measure-Object Bytes -Sum).Sum
    "$minute  $($byMinute[$minute].Count) requests  $('{0,8:n0}' -f $sum) bytes"
}
($requests | Where-Object User | Select-Object -ExpandProperty User -Unique) -join ' and '
