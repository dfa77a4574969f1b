# SPDX-License-Identifier: MIT
# A command-line tool as a script: sub-commands by splatting, defaults, aliases, remaining arguments, usage from help.
function Get-Thing {
    <#
    .SYNOPSIS
        Shows things.
    .DESCRIPTION
        Shows the things of a store, filtered by name.
    .PARAMETER Name
        Which things; wildcards are allowed.
    .EXAMPLE
        Get-Thing -Name a*
        Shows those that begin with a.
    #>
    [CmdletBinding(DefaultParameterSetName = 'ByName')]
    param(
        [Parameter(ParameterSetName = 'ByName', Position = 0)][SupportsWildcards()][string]$Name = '*',
        [Parameter(ParameterSetName = 'ById', Mandatory)][int[]]$Id,
        [Parameter(ValueFromRemainingArguments)][string[]]$Rest
    )
    $store = [ordered]@{ 1 = 'apple'; 2 = 'avocado'; 3 = 'banana' }
    $found = if ($PSCmdlet.ParameterSetName -eq 'ById') {
        $store.GetEnumerator() | Where-Object Key -in $Id
    }
    else { $store.GetEnumerator() | Where-Object Value -like $Name }
    foreach ($f in $found) { '{0}:{1}' -f $f.Key, $f.Value }
    if ($Rest) { "rest: $($Rest -join ' ')" }
}
$commands = @{
    get   = { Get-Thing @args }
    count = { param([switch]$Long, $Name = '*') $n = @(Get-Thing $Name).Count; if ($Long) { "there are $n" } else { $n } }
    help  = { (Get-Help Get-Thing).Synopsis }
}
function Invoke-Tool {
    param([Parameter(Mandatory)][string]$Command, [Parameter(ValueFromRemainingArguments)]$Arguments)
    $match = @($commands.Keys | Where-Object { $_ -like "$Command*" })
    switch ($match.Count) {
        0 { throw "unknown command '$Command'; there are: $(($commands.Keys | Sort-Object) -join ', ')" }
        1 { $list = @($Arguments | Where-Object { $null -ne $_ }); & $commands[$match[0]] @list }
        default { throw "'$Command' is ambiguous: $(($match | Sort-Object) -join ', ')" }
    }
}
Invoke-Tool get
Invoke-Tool get 'a*'
Invoke-Tool ge b* more words
Invoke-Tool count
foreach ($wrong in 'zap', '') { try { Invoke-Tool $wrong } catch { $_.Exception.Message } }
$byId = @{ Id = 1, 3 }
Get-Thing @byId
$mixed = @{ Name = 'a*' }
Get-Thing @mixed x y
& $commands.count -Long
& $commands.count -Long:$false -Name b*
$array = 'b*', 'tail'
Get-Thing @array
try { Get-Thing -Id 1 -Name x } catch { $_.FullyQualifiedErrorId }
try { Get-Thing -Id one } catch { $_.FullyQualifiedErrorId }
try { Get-Thing -Nme x } catch { 'unexpected' }
$PSDefaultParameterValues['Get-Thing:Name'] = 'ban*'
Get-Thing
$PSDefaultParameterValues.Clear()
Set-Alias thing Get-Thing
thing -N av*
(Get-Command Get-Thing).Parameters.Keys | Where-Object { $_ -in 'Name', 'Id', 'Rest' }
(Get-Help Get-Thing -Parameter Name).description.Text
(Get-Help Get-Thing).Synopsis
Invoke-Tool help
function Use-Forward { $inner = $PSBoundParameters; Get-Thing @inner @args }
Use-Forward 'avo*'
function Test-Switches { param([switch]$A, [switch]$B, [bool]$C = $true) "$A $B $C $($A.IsPresent)" }
Test-Switches -A -C $false
Test-Switches -B:$true -A:$false
$flags = @{ A = $true; B = $false }
Test-Switches @flags
function Show-Args { "$($args.Count): " + (($args | ForEach-Object { "<$_>" }) -join '') }
Show-Args one 'two words' 3 -four --five -six:7 $null (8, 9)
