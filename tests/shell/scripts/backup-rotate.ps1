# SPDX-License-Identifier: MIT
# Keeps 3 daily, 2 weekly and 2 monthly archives; the rest goes. First as -WhatIf, then in earnest.
[CmdletBinding()]
param([string]$Root = (Join-Path $PWD 'archive'), [int]$Daily = 3, [int]$Weekly = 2, [int]$Monthly = 2)

$null = New-Item -ItemType Directory -Path $Root -Force
$today = [datetime]'2024-05-20'
0..40 | Where-Object { $_ % 3 -eq 0 -or $_ -lt 5 } | ForEach-Object {
    $day = $today.AddDays(-$_)
    Set-Content -Path (Join-Path $Root "db-$($day.ToString('yyyyMMdd')).tar") -Value ('x' * (10 + $_))
}
Set-Content (Join-Path $Root 'notes.txt') 'not an archive'

function Get-Archive([string]$Path) {
    Get-ChildItem -Path $Path -Filter 'db-*.tar' -File | ForEach-Object {
        if ($_.BaseName -match '^db-(\d{4})(\d\d)(\d\d)$') {
            [pscustomobject]@{
                PSTypeName = 'Backup.Archive'
                Date       = Get-Date -Year $Matches[1] -Month $Matches[2] -Day $Matches[3] -Hour 0 -Minute 0 -Second 0 -Millisecond 0
                File       = $_
                Keep       = $false
                Why        = ''
            }
        }
    } | Sort-Object Date -Descending
}

function Set-Retention {
    param([object[]]$Archive, [int]$Daily, [int]$Weekly, [int]$Monthly)
    $rules = [ordered]@{
        daily   = @{ Count = $Daily; Key = { $_.Date.ToString('yyyyMMdd') } }
        weekly  = @{ Count = $Weekly; Key = { $_.Date.AddDays( - [int]$_.Date.DayOfWeek).ToString('yyyyMMdd') } }
        monthly = @{ Count = $Monthly; Key = { $_.Date.ToString('yyyyMM') } }
    }
    foreach ($rule in $rules.GetEnumerator()) {
        $Archive | Group-Object -Property $rule.Value.Key |
            Sort-Object Name -Descending | Select-Object -First $rule.Value.Count | ForEach-Object {
                $newest = $_.Group | Sort-Object Date | Select-Object -Last 1
                $newest.Keep = $true
                $newest.Why = (@($newest.Why) + $rule.Key | Where-Object { $_ }) -join '+'
            }
    }
}

$archives = @(Get-Archive $Root)
Set-Retention -Archive $archives -Daily $Daily -Weekly $Weekly -Monthly $Monthly
"Archives: $($archives.Count), oldest $($archives[-1].Date.ToString('d MMM yyyy')), newest $('{0:ddd dd.MM.}' -f $archives[0].Date)"
$archives | Where-Object Keep | Format-Table @{ n = 'File'; e = { $_.File.Name } }, Why, @{ n = 'Bytes'; e = { $_.File.Length } }
$victims = $archives | Where-Object { -not $_.Keep }
$freed = ($victims.File | Measure-Object Length -Sum).Sum
"To delete: $($victims.Count) files, $freed bytes"

function Remove-Archive {
    [CmdletBinding(SupportsShouldProcess, ConfirmImpact = 'Medium')]
    param([Parameter(Mandatory, ValueFromPipeline)][PSTypeName('Backup.Archive')]$Archive)
    process {
        if ($PSCmdlet.ShouldProcess($Archive.File.Name, 'Remove archive')) {
            Remove-Item -LiteralPath $Archive.File.FullName
        }
    }
}
$victims | Select-Object -First 2 | Remove-Archive -WhatIf
$victims | Remove-Archive
"Left: $((Get-ChildItem $Root).Name -join ', ')"
