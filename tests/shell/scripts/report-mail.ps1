# SPDX-License-Identifier: MIT
# A weekly report as text: here-strings, templates, alignment, wrapping, plural forms, percentages, sparklines.
param([string]$Title = 'Weekly operations report')
$data = @'
[
  {"day":"2024-06-03","ok":980,"failed":20,"minutes":[12,15,11]},
  {"day":"2024-06-04","ok":1500,"failed":0,"minutes":[9]},
  {"day":"2024-06-05","ok":0,"failed":0,"minutes":[]},
  {"day":"2024-06-06","ok":640,"failed":160,"minutes":[30,45,60,12]}
]
'@ | ConvertFrom-Json

function Format-Wrap([string]$Text, [int]$Width = 40) {
    $line = ''
    foreach ($word in -split $Text) {
        if ($line.Length + $word.Length + 1 -gt $Width -and $line) { $line; $line = '' }
        $line = ($line, $word | Where-Object { $_ }) -join ' '
    }
    if ($line) { $line }
}
function Get-Spark([double[]]$Values) {
    $ticks = '._-=*#'
    $max = ($Values | Measure-Object -Maximum).Maximum
    -join ($Values | ForEach-Object { $ticks[[int][math]::Floor($(if ($max) { $_ / $max } else { 0 }) * ($ticks.Length - 1))] })
}
$plural = { param($n, $one, $many = "${one}s") "$n $(if ($n -eq 1) { $one } else { $many })" }
$rows = foreach ($d in $data) {
    $total = $d.ok + $d.failed
    [pscustomobject]@{
        Day     = ([datetime]$d.day).ToString('ddd dd', [cultureinfo]::InvariantCulture)
        Total   = $total
        Rate    = if ($total) { $d.ok / $total } else { $null }
        Average = ($d.minutes | Measure-Object -Average).Average
        Runs    = @($d.minutes).Count
    }
}
$template = @"
$Title
$('=' * $Title.Length)

{0}

Best day : {1}
Failures : {2}
Trend    : {3}
"@
$best = $rows | Sort-Object Rate, Total -Descending | Select-Object -First 1
$failures = ($data.failed | Measure-Object -Sum).Sum
$intro = Format-Wrap "This week saw $(& $plural ($rows.Count) 'day') with $(& $plural ([int]($rows | Measure-Object Runs -Sum).Sum) 'run') and $(& $plural 1 'incident' 'incidents') that needed hands. Nothing else happened." | Out-String
$template -f $intro.TrimEnd(), ("$($best.Day) ({0:P1})" -f $best.Rate), $failures, (Get-Spark $rows.Total)
$rows | Format-Table Day, @{ n = 'Total'; e = { '{0:N0}' -f $_.Total }; a = 'right' }, @{ n = 'Ok'; e = { if ($null -eq $_.Rate) { '-' } else { '{0:P0}' -f $_.Rate } }; a = 'right' }, @{ n = 'Avg'; e = { '{0,6:F1}' -f $_.Average } } | Out-String -Width 60 | ForEach-Object { $_.Trim() -split '\r?\n' } | ForEach-Object { "  $_".TrimEnd() }
$verse = @'
It's "quoted" $verbatim `n
  second
'@
$verse.Split("`n").Length
$verse -replace '(?m)^\s+', '> '
"nested: $("inner $('deep' + "er")")"
"{{literal}} {0}" -f 'x'
'{0,-8}|{0,8}|{0:d3}' -f 42
$name = 'x'; "${name}y $name.Length $($name.Length) $name[0] `$name ''"
"a`u{00e9}b", 'it''s', "say ""hi""" -join '; '
$list = 'one', 'two'; "$list / $($list[1]) / $(($list | ForEach-Object ToUpper) -join '+')"
"$(if ($false) { 'never' })|$($null)|$(@())|"
'=' * 20
'centered'.PadLeft(14).PadRight(20) + '|'
('abc'.ToCharArray() | ForEach-Object { [int]$_ }) -join ','
[string]::Format('{0:yyyy}-{1:00}', [datetime]'2024-01-01', 7)
"line1`r`nline2".Split([string[]]("`r`n", "`n"), [StringSplitOptions]::None).Count
'The quick brown fox'.Split(' ') | Group-Object Length | Sort-Object { [int]$_.Name } | ForEach-Object { "$($_.Name): $($_.Group)" }
