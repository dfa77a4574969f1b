# SPDX-License-Identifier: MIT
# An administrator's tool with sub-commands: dynamic parameters, parameter sets, rest arguments, help from comments.
using namespace System.Management.Automation
using namespace System.Collections.ObjectModel

function Get-Backend {
    <#
    .SYNOPSIS
    Reads a setting from one of the back ends.
    .DESCRIPTION
    Every back end adds its own parameters to the command.
    .PARAMETER Kind
    The back end to ask.
    .EXAMPLE
    Get-Backend -Kind file -Path /etc/hosts
    Reads a file.
    .EXAMPLE
    Get-Backend -Kind db -Table users -Limit 3
    .NOTES
    For the night shift.
    .LINK
    Set-Backend
    #>
    [CmdletBinding()]
    [OutputType([string])]
    param(
        [Parameter(Mandatory, Position = 0)][ValidateSet('file', 'db', 'none')][string]$Kind
    )
    dynamicparam {
        $table = [RuntimeDefinedParameterDictionary]::new()
        function New-Parameter([string]$Name, [type]$Type, [bool]$Required, [object[]]$Checks) {
            $all = [Collection[System.Attribute]]::new()
            $p = [ParameterAttribute]::new()
            $p.Mandatory = $Required
            $all.Add($p)
            foreach ($c in $Checks) { $all.Add($c) }
            $table.Add($Name, [RuntimeDefinedParameter]::new($Name, $Type, $all))
        }
        switch ($Kind) {
            'file' { New-Parameter Path ([string]) $true @() }
            'db' {
                New-Parameter Table ([string]) $true @([ValidateSetAttribute]::new('users', 'groups'))
                New-Parameter Limit ([int]) $false @([ValidateRangeAttribute]::new(1, 10))
            }
        }
        return $table
    }
    process {
        $rest = $PSBoundParameters.GetEnumerator() | Where-Object Key -ne Kind | Sort-Object Key |
            ForEach-Object { "$($_.Key)=$($_.Value)" }
        "$Kind($($rest -join ', '))"
    }
}
Get-Backend file -Path /etc/hosts
Get-Backend db -Table users -Limit 3
Get-Backend none
foreach ($call in { Get-Backend db -Table roles }, { Get-Backend db -Table users -Limit 11 }, { Get-Backend file -Table x },
    { Get-Backend tape }) {
    try { & $call } catch { "$($_.FullyQualifiedErrorId)`n  $($_.Exception.Message)" }
}
$help = Get-Help Get-Backend
$help.Synopsis
$help.Description.Text
($help.examples.example | ForEach-Object { $_.code }) -join ' | '
(Get-Help Get-Backend -Parameter Kind).description.Text
$command = Get-Command Get-Backend
$command.OutputType.Name
$command.Parameters.ContainsKey('Verbose'), $command.Parameters.Count -join ' '

function Get-Owner {
    [CmdletBinding(DefaultParameterSetName = 'Name')]
    param(
        [Parameter(ParameterSetName = 'Name', Position = 0, ValueFromPipeline)][string]$Name = 'root',
        [Parameter(ParameterSetName = 'Id', Mandatory, ValueFromPipelineByPropertyName)][Alias('uid', 'UserId')][int]$Id,
        [Parameter(ParameterSetName = 'All', Mandatory)][switch]$All,
        [Parameter()][ValidatePattern('^\w+$', ErrorMessage = '"{0}" is no word ({1})')][string]$Label = 'x',
        [Parameter(ValueFromRemainingArguments)][string[]]$Rest
    )
    process {
        $what = switch ($PSCmdlet.ParameterSetName) { 'Name' { $Name } 'Id' { "#$Id" } 'All' { '*' } }
        '{0,-5}{1,-7}{2} [{3}]' -f $PSCmdlet.ParameterSetName, $what, $Label, ($Rest -join ';')
    }
}
Get-Owner
Get-Owner ann one two three
'bob', 'cy' | Get-Owner -Label pipe
[pscustomobject]@{ UserId = 7 }, [pscustomobject]@{ uid = 8 } | Get-Owner
Get-Owner -All -Label all
Get-Owner -Id 0x10 extra
try { Get-Owner -Id 3 -All } catch { $_.FullyQualifiedErrorId; $_.Exception.Message }
try { Get-Owner -Label 'two words' } catch { $_.Exception.Message }
try { Get-Owner -Id many } catch { $_.Exception.Message }
$command = Get-Command Get-Owner
$command.DefaultParameterSet
$command.ParameterSets | Sort-Object Name | ForEach-Object { "$($_.Name): $($_.IsDefault)" }
$command.Parameters.Id.Aliases -join ','
(Get-Command Get-Owner -Syntax).Trim() -split '\r?\n' | Where-Object { $_ }
function Show-Args { "$($args.Count): $($args -join '|')"; if ($args -contains '-Force') { 'forced' } }
Show-Args a -Force b:c -Depth: 3 @('x', 'y')
$list = 1, 2, 3
Show-Args @list
$named = @{ Label = 'splat'; Id = 5 }
Get-Owner @named
Get-Owner @named -Label over -ErrorAction SilentlyContinue -ErrorVariable problem
