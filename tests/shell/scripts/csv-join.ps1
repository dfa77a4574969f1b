# SPDX-License-Identifier: MIT
# Joins orders with customers, computes totals with discounts, writes a report per region.
@'
Id,Name,Region
1,"Miller, Ann",north
2,Brown,south
3,Khan,north
'@ | Set-Content customers.csv
@'
Order;Customer;Item;Qty;Price
100;1;bolt;10;0.25
101;2;nut;4;1.5
102;1;drill;1;89.9
103;9;saw;2;12
104;3;bolt;1000;0.2
'@ | Set-Content orders.csv
$customers = @{}
Import-Csv customers.csv | ForEach-Object { $customers[$_.Id] = $_ }
$joined = Import-Csv orders.csv -Delimiter ';' | ForEach-Object {
    $c = $customers[$_.Customer]
    $gross = [int]$_.Qty * [decimal]$_.Price
    $rate = switch ($gross) { { $_ -ge 100 } { 0.1d; break } { $_ -ge 50 } { 0.05d; break } default { 0d } }
    [pscustomobject][ordered]@{
        Order    = [int]$_.Order
        Customer = $c.Name ?? "unknown ($($_.Customer))"
        Region   = $c ? $c.Region : $null
        Gross    = $gross
        Net      = [math]::Round($gross * (1 - $rate), 2)
    }
}
$joined | Format-Table
$joined | Where-Object { -not $_.Region } | ForEach-Object { Write-Warning "order $($_.Order): $($_.Customer)" } 3>&1
$summary = $joined | Where-Object Region | Group-Object Region | ForEach-Object {
    $m = $_.Group | Measure-Object Net -Sum -Average
    [pscustomobject]@{ Region = $_.Name; Orders = $_.Count; Sum = $m.Sum; Average = [math]::Round($m.Average, 3) }
}
$summary | Sort-Object Sum -Descending | ConvertTo-Csv -NoTypeInformation
foreach ($region in $summary.Region) {
    $file = "report-$region.csv"
    $joined | Where-Object Region -EQ $region | Select-Object Order, Customer, Net | Export-Csv $file -NoTypeInformation -UseQuotes AsNeeded
    "$file $((Get-Content $file).Count) lines"
}
Get-Content report-north.csv
$grand = ($joined | Measure-Object Net -Sum).Sum
"grand total {0:C}" -f $grand -replace '¤', 'EUR '
[string]::Join('|', ($joined.Gross | Sort-Object -Descending))
