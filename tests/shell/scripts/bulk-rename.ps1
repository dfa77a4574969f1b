# SPDX-License-Identifier: MIT
# Renames files by pattern: dates into ISO form, numbers padded, conflicts told and left alone.
[CmdletBinding(SupportsShouldProcess)]
param()
$null = New-Item photos -ItemType Directory
Push-Location photos
'IMG_1.JPG', 'IMG_12.jpg', 'img_003.jpg', 'scan 28.11.2026.pdf', 'scan 1.2.2026.pdf', 'note.txt', 'note_.txt' | ForEach-Object { $null = New-Item $_ -ItemType File -Value $_ }
$rules = @(
    @{ Pattern = '(?i)^img_0*(\d+)\.jpe?g$'; Name = { 'img-{0:d4}.jpg' -f [int]$args[0].Groups[1].Value } }
    @{ Pattern = '^(.+) (\d{1,2})\.(\d{1,2})\.(\d{4})(\.\w+)$'; Name = { $g = $args[0].Groups; '{0}-{1}-{2:d2}-{3:d2}{4}' -f $g[4].Value, $g[1].Value, [int]$g[3].Value, [int]$g[2].Value, $g[5].Value } }
    @{ Pattern = '^(.+?)_+(\.\w+)$'; Name = { $args[0].Groups[1].Value + $args[0].Groups[2].Value } }
)
function Get-NewName([string]$Name) {
    foreach ($rule in $rules) {
        $m = [regex]::Match($Name, $rule.Pattern)
        if ($m.Success) { return & $rule.Name $m }
    }
}
$plan = Get-ChildItem -File | Sort-Object Name | ForEach-Object {
    $new = Get-NewName $_.Name
    $state = if (-not $new) { 'keep' } elseif ($new -ceq $_.Name) { 'same' } elseif (Test-Path $new) { 'conflict' } else { 'rename' }
    [pscustomobject]@{ Name = $_.Name; New = $new; State = $state }
}
$plan | Sort-Object State, Name | Format-Table -GroupBy State -Property Name, New
$plan.Where({ $_.State -eq 'rename' }).ForEach({ Rename-Item -LiteralPath $_.Name -NewName $_.New -PassThru }) | ForEach-Object Name
$kept, $gone = $plan.Where({ Test-Path -LiteralPath $_.Name }, 'Split')
"still there: $($kept.Name -join ', ')"
"gone: $($gone.Count)"
try { Rename-Item nothing.txt other.txt -ErrorAction Stop } catch { $_.Exception.Message }
Get-Content img-0012.jpg
Pop-Location
Remove-Item photos -Recurse
Test-Path photos
