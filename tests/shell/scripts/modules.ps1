# SPDX-License-Identifier: MIT
# Modules: found by name, versions, manifests, exports, prefixes, state of their own, removal.
$ErrorActionPreference = 'Stop'
$root = Join-Path $PWD 'Modules'
$null = New-Item -ItemType Directory -Path "$root/Plain", "$root/Tools/1.2.0", "$root/Tools/1.10.0" -Force
Set-Content "$root/Plain/Plain.psm1" @'
$script:count = 0
$Limit = 5
function Get-Count { $script:count++; $script:count }
function Get-Hidden { 'hidden' }
function Use-Hidden { Get-Hidden }
Set-Alias gcnt Get-Count
$MyInvocation.MyCommand.ScriptBlock.Module.OnRemove = { Write-Host "removed after $script:count" }
Export-ModuleMember -Function Get-Count, Use-Hidden -Alias gcnt -Variable Limit
'@
foreach ($version in '1.2.0', '1.10.0') {
    Set-Content "$root/Tools/$version/Tools.psd1" @"
@{
    RootModule        = 'Tools.psm1'
    ModuleVersion     = '$version'
    Author            = 'Operations'
    FunctionsToExport = @('Get-Tool', 'Set-Tool')
    AliasesToExport   = '*'
    NestedModules     = @('Inner.psm1')
    PrivateData       = @{ PSData = @{ Tags = @('ops', 'tools') } }
}
"@
    Set-Content "$root/Tools/$version/Tools.psm1" @'
function Get-Tool { [CmdletBinding()] param([string]$Name = 'hammer') "$Name from $(Get-Inner)" }
function Set-Tool { 'set' }
function Helper { 'not exported' }
Set-Alias gt Get-Tool
'@
    Set-Content "$root/Tools/$version/Inner.psm1" "function Get-Inner { 'inner $version' }"
}
$env:PSModulePath = $root

Get-Tool -Name saw                      # loads by itself, the newest version
gt
(Get-Module Tools).Version.ToString()
(Get-Module Tools).Tags -join ','
(Get-Module).Name -join ','
Import-Module Plain
Get-Count; Get-Count; gcnt
Use-Hidden
"limit $Limit"
try { Get-Hidden } catch { $_.FullyQualifiedErrorId }
& (Get-Module Plain) { $script:count }
& (Get-Module Plain) { param($n) $script:count + $n } 10
(Get-Command Get-Count).Source
Get-Command -Module Plain -CommandType Function | ForEach-Object Name
Remove-Module Plain
try { Import-Module NoSuchModule } catch { $_.FullyQualifiedErrorId; $_.Exception.Message }
Import-Module Tools -RequiredVersion 1.2.0 -Force -Prefix Old
Get-OldTool
$m = New-Module -Name Counter -ScriptBlock {
    param($start)
    $value = $start
    function Get-Value { $value }
    function Add-Value([int]$by = 1) { $script:value += $by }
} -ArgumentList 7
Add-Value 3; Get-Value
$account = New-Module -AsCustomObject {
    $balance = 0
    function Deposit($amount) { $script:balance += $amount; $script:balance }
    Export-ModuleMember -Variable balance -Function Deposit
}
$account.Deposit(30)
$account.Deposit(12)
$account.balance
Get-Module Tools | Format-Table Name, Version, ModuleType
