# SPDX-License-Identifier: MIT
# Rotates logs by size: app.log -> app.1.log -> app.2.log, the oldest goes; says what it did and what it would do.
param([int]$Keep = 3, [int]$MaxBytes = 20)
Set-StrictMode -Version 3.0
$ErrorActionPreference = 'Stop'

function New-Log([string]$Name, [int]$Size) {
    Set-Content -Path $Name -Value ('x' * $Size) -NoNewline
}

function Invoke-Rotation {
    [CmdletBinding(SupportsShouldProcess)]
    param([Parameter(Mandatory, ValueFromPipeline)][System.IO.FileInfo]$File, [int]$Keep)
    begin { $moved = 0 }
    process {
        $base = $File.BaseName
        for ($i = $Keep; $i -ge 1; $i--) {
            $from = if ($i -eq 1) { $File.Name } else { "$base.$($i - 1).log" }
            $to = "$base.$i.log"
            if (-not (Test-Path $from)) { continue }
            $drops = $i -eq $Keep -and (Test-Path $to)
            if ($PSCmdlet.ShouldProcess($from, "Rename to $to")) {
                if ($drops) { Remove-Item $to -Verbose:$false; Write-Verbose "dropped $to" }
                Move-Item $from $to -Force -Verbose:$false
                $moved++
                [pscustomobject]@{ From = $from; To = $to; Bytes = (Get-Item $to).Length }
            }
        }
    }
    end { Write-Verbose "$moved moved" }
}

New-Log app.log 25
New-Log app.1.log 11
New-Log app.2.log 12
New-Log app.3.log 13
New-Log web.log 5
New-Log db.log 21
$large = Get-ChildItem *.log | Where-Object { $_.Name -notmatch '\.\d+\.log$' -and $_.Length -gt $MaxBytes } | Sort-Object Name
"to rotate: $($large.Name -join ', ')"
$large | Invoke-Rotation -Keep $Keep -WhatIf
$large | Invoke-Rotation -Keep $Keep -Verbose 4>&1 | ForEach-Object {
    if ($_ -is [System.Management.Automation.VerboseRecord]) { "VERBOSE: $_" } else { '{0,-10} -> {1,-10} {2,3} bytes' -f $_.From, $_.To, $_.Bytes }
}
Get-ChildItem *.log | Sort-Object Name | Format-Table Name, Length
$total = (Get-ChildItem *.log | Measure-Object Length -Sum).Sum
"total: $total bytes in $((Get-ChildItem *.log).Count) files"
