# SPDX-License-Identifier: MIT
# Moves data between formats: CSV in, checks, JSON lines out, checksums, resumed from where it stopped.
[CmdletBinding()]
param([string]$Folder = $PWD, [int]$Batch = 3)
$ErrorActionPreference = 'Stop'
Push-Location $Folder
try {
    1..10 | ForEach-Object {
        [pscustomobject]@{ Id = $_; Customer = "Customer, $_"; Amount = '{0:f2}' -f ($_ * 12.345); Date = ([datetime]'2024-01-31').AddMonths($_ - 1).ToString('yyyy-MM-dd'); Note = if ($_ % 4) { $null } else { "say `"$_`"`nsecond" } }
    } | Export-Csv orders.csv -Encoding utf8
    (Get-Content orders.csv -TotalCount 2)[1]

    $state = if (Test-Path state.json) { Get-Content state.json -Raw | ConvertFrom-Json } else { [pscustomobject]@{ Last = 0; Batches = 0 } }
    function Save-State { $state | ConvertTo-Json -Compress | Set-Content state.json }
    function ConvertTo-Order {
        param([Parameter(ValueFromPipeline)]$Row)
        process {
            $order = [ordered]@{
                id     = [int]$Row.Id
                name   = $Row.Customer
                amount = [decimal]$Row.Amount
                date   = [datetime]$Row.Date
            }
            if ($Row.Note) { $order.note = $Row.Note -split "`n" }
            if ($order.amount -gt 110) { throw [System.ArgumentException]::new("order $($order.id) is too large") }
            [pscustomobject]$order
        }
    }
    function Invoke-Batch([int]$Size) {
        $rows = Import-Csv orders.csv | Where-Object { [int]$_.Id -gt $state.Last } | Select-Object -First $Size
        if (-not $rows) { return $false }
        $lines = $rows | ConvertTo-Order | ForEach-Object { $_ | ConvertTo-Json -Compress -Depth 3 }
        Add-Content out.jsonl $lines
        $state.Last = [int]$rows[-1].Id
        $state.Batches++
        Save-State
        $true
    }
    do {
        try { $more = Invoke-Batch $Batch }
        catch { "stopped: $($_.Exception.Message)"; $more = $false }
    } while ($more)
    Get-Content state.json
    "lines: $(@(Get-Content out.jsonl).Count)"
    Get-Content out.jsonl | Select-Object -Index 0, 3
    $back = Get-Content out.jsonl | ForEach-Object { $_ | ConvertFrom-Json }
    "sum {0:n2}, months {1}" -f ($back.amount | Measure-Object -Sum).Sum, (($back.date | ForEach-Object { ([datetime]$_).Month }) -join ',')
    $back | Where-Object note | ForEach-Object { "$($_.id): $($_.note.Count) lines" }
    (Import-Csv orders.csv)[3].Note.Length
    $hash = Get-FileHash out.jsonl -Algorithm SHA256
    $hash.Hash.Length
    $copy = Copy-Item out.jsonl copy.jsonl -PassThru
    (Get-FileHash $copy).Hash -eq $hash.Hash
    'x' | Add-Content copy.jsonl
    (Get-FileHash copy.jsonl).Hash -eq $hash.Hash
    $csvText = $back | Select-Object id, amount, @{ n = 'quarter'; e = { [math]::Ceiling(([datetime]$_.date).Month / 3) } } | ConvertTo-Csv -NoTypeInformation
    $csvText[0..2]
    $pivot = $back | Group-Object { [math]::Ceiling(([datetime]$_.date).Month / 3) } | ForEach-Object {
        [pscustomobject]@{ Quarter = [int]$_.Name; Orders = $_.Count; Amount = [math]::Round(($_.Group.amount | Measure-Object -Sum).Sum, 2) }
    }
    $pivot | Format-Table -AutoSize
    $nested = @{ a = @{ b = @{ c = @{ d = 1 } } } }
    $nested | ConvertTo-Json -Compress -WarningAction SilentlyContinue
    $nested | ConvertTo-Json -Compress -Depth 5
    '[1,"two",null,true,{"k":[]}]' | ConvertFrom-Json | ForEach-Object { if ($null -eq $_) { 'null' } else { $_.GetType().Name } }
    ConvertFrom-Json '{"a":1,"A":2}' -AsHashtable | ForEach-Object { $_.Count }
    try { '{broken' | ConvertFrom-Json } catch { $_.FullyQualifiedErrorId -replace ',.*' }
    ConvertTo-Json @(1) -Compress; ConvertTo-Json @() -Compress; , @(1) | ConvertTo-Json -Compress; 'a"b\' | ConvertTo-Json
    "k1 = v1`nk2=v 2" | ConvertFrom-StringData | ForEach-Object { $_.k2 }
}
finally {
    Pop-Location
    "back in $(if ($PWD.Path -eq $Folder) { 'the folder' } else { $PWD })"
}
