# SPDX-License-Identifier: MIT
# What libraries of functions rest on: scopes, closures, nested functions, pipelines of one's own, script blocks.
$level = 'script'
function Show-Level { "see $level" }
function Set-Level { $level = 'local'; Show-Level; & { $level = 'inner'; "block $level" }; . { $level = 'dotted' }; $level; $script:level }
Set-Level
function Use-Modifiers {
    $private:secret = 's'; $global:shared = 'g'; $script:count = 5; Set-Variable outer 'set' -Scope 1
    & { "[$secret] $shared $count" }; (Get-Variable count -Scope Script).Value; (Get-Variable level -ValueOnly -Scope 1)
}
Use-Modifiers; $outer; $count
Remove-Variable shared -Scope Global; Test-Path Variable:shared
Set-Variable -Name limit -Value 10 -Option ReadOnly; try { $limit = 11 } catch { $_.Exception.Message }; Set-Variable limit 12 -Force; $limit
Set-Variable pi3 3.142 -Option Constant; try { Set-Variable pi3 3 -Force -ErrorAction Stop } catch { $_.FullyQualifiedErrorId }
function New-Counter([int]$start) { $n = $start; [pscustomobject]@{ Next = { $script:n++; $n }.GetNewClosure(); Peek = { $n }.GetNewClosure() } }
$c = New-Counter 5; & $c.Next; & $c.Next; & $c.Peek
$adders = foreach ($k in 1..3) { { param($x) $x + $k }.GetNewClosure() }
($adders | ForEach-Object { & $_ 10 }) -join ' '; $adders[0].Invoke(1)[0]
$late = foreach ($k in 1..3) { { $k } }; ($late | ForEach-Object { & $_ }) -join ' '
function Measure-Depth([int]$n) { function Inner($m) { "inner $m" }; if ($n -le 0) { return Inner $n }; Measure-Depth ($n - 1) }
Measure-Depth 3; Test-Path Function:Inner
function Get-Fact([bigint]$n) { if ($n -lt 2) { return [bigint]1 }; $n * (Get-Fact ($n - 1)) }
"$(Get-Fact 25)"
function Get-Tree($node, $indent = 0) { ' ' * $indent + $node.Name; foreach ($kid in $node.Kids) { Get-Tree $kid ($indent + 2) } }
Get-Tree @{ Name = 'root'; Kids = @{ Name = 'usr'; Kids = @(@{ Name = 'bin' }, @{ Name = 'lib' }) }, @{ Name = 'etc' } }
function Join-Batch {
    [CmdletBinding()] param([Parameter(ValueFromPipeline)]$Item, [int]$Size = 2, [scriptblock]$Each = { $_ })
    begin { $buffer = [System.Collections.Generic.List[object]]::new(); 'begin' }
    process { $buffer.Add(($Item | ForEach-Object $Each)); if ($buffer.Count -eq $Size) { $buffer -join '+'; $buffer.Clear() } }
    end { if ($buffer.Count) { "rest $($buffer -join '+')" }; 'end' }
}
1..5 | Join-Batch -Each { $_ * $_ }
@() | Join-Batch
filter Select-Even { if ($_ % 2 -eq 0) { $_ } }
(1..6 | Select-Even) -join ','
1..3 | ForEach-Object -Begin { $s = 0 } -Process { $s += $_ } -End { "sum $s" }
1..3 | ForEach-Object -PipelineVariable n { $_ * 10 } | ForEach-Object { "$n/$_" }
(1..10).Where({ $_ -gt 7 }, 'First', 2) -join ','; (1..6).Where({ $_ -eq 4 }, 'SkipUntil') -join ','; $even, $odd = (1..5).Where({ $_ % 2 -eq 0 }, 'Split'); "$even | $odd"
('a', 'b').ForEach({ $_ + $args[0] }, '!') -join ' '; ('x', 'y').ForEach('ToUpper') -join ''; (1, 2).ForEach([string])[0].GetType().Name
$sb = { param([int]$a, $b = 3) begin { "b" } process { "$_ $a $b" } end { 'e' } }
1, 2 | & $sb 9
{ 1 + 1 }.ToString().Trim()
function Test-Bound { [CmdletBinding()] param($A, [switch]$B, $C = 5) $PSBoundParameters.Keys -join ','; $PSBoundParameters.ContainsKey('C'); $B.IsPresent; $MyInvocation.MyCommand.Name; $PSCmdlet.MyInvocation.BoundParameters.Count }
Test-Bound -A 1 -B
function Invoke-Wrapped { param([Parameter(ValueFromRemainingArguments)]$Rest) & Write-Output @Rest }
(Invoke-Wrapped a b c) -join '-'
function Get-Caller { (Get-PSCallStack)[1].Command }; function Invoke-Caller { Get-Caller }; Invoke-Caller
${function:Say-Hi} = { param($who) "hi $who" }; Say-Hi bob; (Get-Command Say-Hi).ScriptBlock.ToString().Trim()
Set-Alias sh2 Say-Hi; sh2 cy; (Get-Alias sh2).Definition; Remove-Item alias:sh2; Test-Path alias:sh2
$map = @{ add = { param($a, $b) $a + $b }; mul = { param($a, $b) $a * $b } }; foreach ($op in 'add', 'mul') { & $map[$op] 6 7 }; $map.mul.Invoke(2, 3)
$name = 'Length'; 'four'.$name; $m = 'Substring'; 'abcdef'.$m(2, 3); [string]::('Jo' + 'in')('-', 1, 2)
$x, $y, $rest = 1..5; "$x $y $rest"; $x, $y = $y, $x; "$x $y"; ($p = 3) + 1; $q = $r = 4; $q + $r
$null ?? 'default'; $none ??= 'set'; $none; ${none}?.Length; ${null}?.Foo(); (5 -gt 3) ? 'yes' : 'no'
Register-ArgumentCompleter -CommandName Test-Bound -ParameterName A -ScriptBlock { param($c, $p, $word) 'alpha', 'beta' | Where-Object { $_ -like "$word*" } }
(TabExpansion2 'Test-Bound -A b' 15).CompletionMatches.CompletionText
(TabExpansion2 'Get-Tre' 7).CompletionMatches[0].CompletionText
