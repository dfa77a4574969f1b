# SPDX-License-Identifier: MIT
# Clean-up of old files by age and size, with excludes, a dry run, a report of what was freed.
[CmdletBinding()]
param([int]$Days = 7, [string]$Root = (Join-Path $PWD 'tmp'))
$now = [datetime]'2024-06-30 12:00'
$files = [ordered]@{
    'a.tmp' = 1, 10; 'old/b.tmp' = 10, 2000; 'old/c.log' = 30, 500; 'old/keep.me' = 90, 5
    'cache/x/1.bin' = 8, 4096; 'cache/x/2.bin' = 2, 4096; 'cache/.hidden' = 50, 1; 'we ird/[1].tmp' = 20, 7
}
foreach ($name in $files.Keys) {
    $age, $size = $files[$name]
    $path = Join-Path $Root $name
    $null = New-Item -ItemType Directory -Path (Split-Path $path) -Force
    [System.IO.File]::WriteAllText($path, 'z' * $size)
    (Get-Item -LiteralPath $path -Force).LastWriteTime = $now.AddDays(-$age)
}

function Get-OldFile {
    [CmdletBinding()]
    param(
        [Parameter(Mandatory, Position = 0)][string]$Path,
        [ValidateScript({ $_ -gt [timespan]::Zero })][timespan]$OlderThan,
        [string[]]$Exclude = @(),
        [long]$MinimumLength = 0
    )
    Get-ChildItem -LiteralPath $Path -Recurse -File -Exclude $Exclude |
        Where-Object { $_.LastWriteTime -lt $now - $OlderThan -and $_.Length -ge $MinimumLength }
}

function Remove-OldFile {
    [CmdletBinding(SupportsShouldProcess)]
    param([Parameter(Mandatory, ValueFromPipelineByPropertyName)][Alias('FullName')][string]$LiteralPath)
    begin { $count = 0; $bytes = 0L }
    process {
        $short = $LiteralPath.Substring($Root.Length + 1)
        if ($PSCmdlet.ShouldProcess($short)) {
            $bytes += (Get-Item -LiteralPath $LiteralPath).Length
            Remove-Item -LiteralPath $LiteralPath
            $count++
        }
    }
    end { [pscustomobject]@{ Files = $count; Bytes = $bytes } }
}

$old = Get-OldFile $Root -OlderThan (New-TimeSpan -Days $Days) -Exclude '*.me'
$old | Sort-Object Length -Descending | Format-Table @{ n = 'File'; e = { $_.FullName.Substring($Root.Length + 1) } },
    @{ n = 'Age'; e = { ($now - $_.LastWriteTime).Days } }, Length
$old | Sort-Object FullName | Remove-OldFile -WhatIf | Format-List
$freed = $old | Remove-OldFile
'Freed {0} in {1} files' -f ('{0:N2} KB' -f ($freed.Bytes / 1KB)), $freed.Files
# empty folders go as well, deepest first
Get-ChildItem $Root -Recurse -Directory | Sort-Object { $_.FullName.Length } -Descending |
    Where-Object { -not (Get-ChildItem -LiteralPath $_.FullName -Force) } | ForEach-Object {
        "empty: $($_.Name)"
        Remove-Item -LiteralPath $_.FullName
    }
(Get-ChildItem $Root -Recurse -Force -File | Sort-Object FullName).Name -join ' '
try { Get-OldFile $Root -OlderThan ([timespan]::Zero) } catch { $_.FullyQualifiedErrorId }
