# SPDX-License-Identifier: MIT
<#
.SYNOPSIS
    Reports volumes that run full and says what to do about them.
.PARAMETER Threshold
    Percent of use from which a volume is reported.
#>
[CmdletBinding()]
param(
    [ValidateRange(1, 100)]
    [int]$Threshold = 80,
    [string[]]$Exclude = @('/boot*')
)
Set-StrictMode -Version Latest
$ErrorActionPreference = 'Stop'

function Get-VolumeSample {
    # in real life Get-Volume; here a fixed sample
    @'
Mount,SizeGB,UsedGB,Type
/,100,91.5,ext4
/home,500,120,xfs
/boot/efi,0.5,0.49,vfat
/var,200,165.25,xfs
/srv/data,2000,1999,btrfs
'@ | ConvertFrom-Csv
}

function ConvertTo-Volume {
    param([Parameter(Mandatory, ValueFromPipeline)]$InputObject)
    process {
        $size = [double]$InputObject.SizeGB
        $used = [double]$InputObject.UsedGB
        [pscustomobject]@{
            Mount   = $InputObject.Mount
            Type    = $InputObject.Type
            Size    = $size
            Used    = $used
            Percent = [math]::Round(100 * $used / $size, 1)
        }
    }
}

function Get-Advice([double]$Percent) {
    switch ($Percent) {
        { $_ -ge 95 } { 'act now'; break }
        { $_ -ge 85 } { 'this week'; break }
        default { 'watch' }
    }
}

$volumes = Get-VolumeSample | ConvertTo-Volume | Where-Object {
    $mount = $_.Mount
    -not ($Exclude | Where-Object { $mount -like $_ })
}
$full = @($volumes | Where-Object Percent -ge $Threshold | Sort-Object Percent -Descending)

"Volumes checked: $(@($volumes).Count), above $Threshold %: $($full.Count)"
$full | Format-Table Mount, Type, @{ Name = 'Use%'; Expression = { $_.Percent }; Align = 'Right' },
    @{ n = 'FreeGB'; e = { '{0:N1}' -f ($_.Size - $_.Used) }; a = 'Right' },
    @{ n = 'Advice'; e = { Get-Advice $_.Percent } }
$sum = $volumes | Measure-Object -Property Size, Used -Sum
'Total: {0:N0} GB, used {1:N2} GB ({2:P1})' -f $sum[0].Sum, $sum[1].Sum, ($sum[1].Sum / $sum[0].Sum)
$volumes | Group-Object Type | Sort-Object Count, Name | ForEach-Object {
    '{0,-6} {1} {2}' -f $_.Name, $_.Count, ($_.Group.Mount -join ' ')
}
if ($full | Where-Object Percent -gt 99) { Write-Warning 'at least one volume is full' }
