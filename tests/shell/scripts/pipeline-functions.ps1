# SPDX-License-Identifier: MIT
# Functions for pipelines: begin/process/end, values by property name, filters, early ends, parameter sets.
Set-StrictMode -Version Latest
function Add-Total {
    [CmdletBinding()]
    param([Parameter(Mandatory, ValueFromPipeline)][double]$Value, [string]$Label = 'Total')
    begin { $sum = 0; $n = 0 }
    process { $sum += $Value; $n++; $Value }
    end { [pscustomobject]@{ $Label = $sum; Count = $n } }
}
$r = 1.5, 2.5, 3 | Add-Total -Label Sum
$r[-1]
filter Even { if ($_ % 2 -eq 0) { $_ } }
(1..10 | Even) -join ','
function Measure-Item {
    param([Parameter(ValueFromPipelineByPropertyName)][Alias('FullName', 'File')][string]$Name,
        [Parameter(ValueFromPipelineByPropertyName)][long]$Length = -1)
    process { '{0}:{1}' -f $Name, $Length }
}
[pscustomobject]@{ File = 'a'; Length = 5 }, [pscustomobject]@{ Name = 'b' }, [pscustomobject]@{ FullName = '/c'; Length = '7' } | Measure-Item
function Get-Thing {
    [CmdletBinding(DefaultParameterSetName = 'ByName')]
    param(
        [Parameter(ParameterSetName = 'ByName', Position = 0)][string]$Name = '*',
        [Parameter(ParameterSetName = 'ById', Mandatory)][int]$Id,
        [Parameter(ParameterSetName = 'All')][switch]$All
    )
    '{0}: {1}' -f $PSCmdlet.ParameterSetName, (($PSBoundParameters.Keys | Sort-Object) -join '+')
}
Get-Thing; Get-Thing web; Get-Thing -Id 3; Get-Thing -All
try { Get-Thing -Id 3 -All } catch { $_.FullyQualifiedErrorId }
function Stop-Early { process { "got $_"; if ($_ -ge 3) { 'enough' } } }
1..100 | Stop-Early | Select-Object -First 4
function Split-Batch([int]$Size) {
    begin { $batch = [System.Collections.Generic.List[object]]::new() }
    process { $batch.Add($_); if ($batch.Count -eq $Size) { , $batch.ToArray(); $batch.Clear() } }
    end { if ($batch.Count) { , $batch.ToArray() } }
}
1..7 | Split-Batch 3 | ForEach-Object { "[$($_ -join ' ')]" }
$double = { param($x) $x * 2 }
function Invoke-Twice([scriptblock]$Block, $Value) { & $Block (& $Block $Value) }
Invoke-Twice $double 5
function Get-Default([string]$Text = (Get-Date -Date '2026-01-02' -Format 'dd/MM'), [int]$Count = $Text.Length) { "$Text $Count" }
Get-Default; Get-Default -Text abc; Get-Default abc 9
function Test-Remaining { param($First, [Parameter(ValueFromRemainingArguments)]$Rest) "$First | $($Rest.Count): $Rest" }
Test-Remaining 1 2 three 4
function Set-Level { param([ValidateSet('Low', 'High')][string]$Level, [ValidateScript({ $_ -gt 0 }, ErrorMessage = '{0} is not positive')][int]$N = 1) "$Level $N" }
Set-Level low 3
try { Set-Level high -2 } catch { $_.Exception.Message }
$splat = @{ Level = 'High'; N = 4 }
Set-Level @splat
$list = @('Low', 5)
Set-Level @list
& { param([switch]$Force) "$Force $($Force.IsPresent)" } -Force:$false
function outer { function inner { 'inner saw ' + $note }; $note = 'the note'; inner }
outer
Get-Command inner -ErrorAction SilentlyContinue | Measure-Object | ForEach-Object Count
'{0}' -f (1, 2, 3 | ForEach-Object -Begin { $s = 0 } -Process { $s += $_ } -End { $s })
