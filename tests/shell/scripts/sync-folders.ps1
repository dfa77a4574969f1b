# SPDX-License-Identifier: MIT
# Makes one folder like another by content: new, changed and extra files; first a plan, then the work, then the proof.
[CmdletBinding()]
param([switch]$Delete = $true)
$ErrorActionPreference = 'Stop'
New-Item source/a/b, target/a, target/old -ItemType Directory | Out-Null
Set-Content source/one.txt 'same'; Set-Content target/one.txt 'same'
Set-Content source/a/two.txt 'new text'; Set-Content target/a/two.txt 'old text'
Set-Content source/a/b/three.txt 'only here'
Set-Content target/old/four.txt 'only there'
Set-Content -LiteralPath 'source/with space [1].txt' 'odd name'

function Get-Tree([string]$Root) {
    $base = (Resolve-Path $Root).Path
    $tree = @{}
    Get-ChildItem $Root -Recurse -File | ForEach-Object {
        $relative = $_.FullName.Substring($base.Length + 1)
        $tree[$relative] = (Get-FileHash -LiteralPath $_.FullName -Algorithm SHA256).Hash
    }
    $tree
}
function Compare-Tree([string]$From, [string]$To) {
    $a, $b = (Get-Tree $From), (Get-Tree $To)
    foreach ($path in @($a.Keys) + @($b.Keys) | Sort-Object -Unique) {
        $action = if (-not $b.ContainsKey($path)) { 'copy' } elseif (-not $a.ContainsKey($path)) { 'delete' } elseif ($a[$path] -ne $b[$path]) { 'update' } else { 'none' }
        [pscustomobject]@{ Action = $action; Path = $path }
    }
}
$plan = Compare-Tree source target
$plan | Format-Table -AutoSize
$done = @{}
switch ($plan) {
    { $_.Action -in 'copy', 'update' } {
        $to = Join-Path target $_.Path
        $null = New-Item (Split-Path $to) -ItemType Directory -Force
        Copy-Item -LiteralPath (Join-Path source $_.Path) -Destination $to
        $done[$_.Action]++
    }
    { $_.Action -eq 'delete' -and $Delete } {
        Remove-Item -LiteralPath (Join-Path target $_.Path)
        $done.delete++
    }
}
($done.GetEnumerator() | Sort-Object Key | ForEach-Object { "$($_.Key): $($_.Value)" }) -join ', '
Get-ChildItem target -Recurse -Directory | Where-Object { -not (Get-ChildItem $_.FullName -Recurse -File) } | ForEach-Object { Remove-Item $_.FullName -Recurse; "removed empty $($_.Name)" }
$left = Compare-Tree source target | Where-Object Action -ne 'none'
"differences left: $(@($left).Count)"
Get-Content 'target/with space `[1`].txt'
(Get-ChildItem target -Recurse -File | Sort-Object FullName | ForEach-Object { $_.FullName.Replace($PWD.Path, '').TrimStart('/') }) -join ' | '
Test-Path target/old, target/a/b, 'target/with space `[1`].txt'
