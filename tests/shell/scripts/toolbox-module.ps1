# SPDX-License-Identifier: MIT
# A toolbox as a module with manifest, private helpers, module state, classes, an alias, a prefix; used by a script.
$ErrorActionPreference = 'Stop'
$home_ = New-Item -ItemType Directory (Join-Path $PWD 'modules/Toolbox/2.1.0') -Force
Set-Content "$home_/Toolbox.psm1" @'
using namespace System.Collections.Generic
Set-StrictMode -Version Latest
class Ticket {
    [int]$Number
    [string]$Title
    [ValidateSet('open', 'closed')][string]$State = 'open'
    Ticket([int]$n, [string]$t) { $this.Number = $n; $this.Title = $t }
    [void]Close() { $this.State = 'closed' }
}
$script:tickets = [List[Ticket]]::new()
$script:settings = Import-PowerShellDataFile "$PSScriptRoot/settings.psd1"
function Get-NextNumber { if ($tickets.Count) { $tickets[-1].Number + $settings.Step } else { $settings.First } }
function New-Ticket {
    [CmdletBinding(SupportsShouldProcess)]
    [Alias('nt')]
    param([Parameter(Mandatory, Position = 0, ValueFromPipeline)][string]$Title)
    process {
        if ($PSCmdlet.ShouldProcess($Title, 'New ticket')) {
            $ticket = [Ticket]::new((Get-NextNumber), $Title)
            $script:tickets.Add($ticket)
            $ticket
        }
    }
}
function Get-Ticket {
    [CmdletBinding()]
    param([SupportsWildcards()][string]$Title = '*', [string]$State)
    $tickets | Where-Object { $_.Title -like $Title -and (-not $State -or $_.State -eq $State) }
}
function Close-Ticket {
    param([Parameter(Mandatory, ValueFromPipelineByPropertyName)][int]$Number)
    process {
        $found = $tickets.Find({ param($t) $t.Number -eq $Number })
        if (-not $found) { Write-Error "no ticket $Number" -ErrorId NoTicket -Category ObjectNotFound; return }
        $found.Close()
    }
}
Set-Alias gtk Get-Ticket
$ExecutionContext.SessionState.Module.OnRemove = { Write-Host "toolbox put away with $($script:tickets.Count) tickets" }
'@
Set-Content "$home_/settings.psd1" "@{ First = 100; Step = 5; Labels = @('a', 'b') }"
New-ModuleManifest "$home_/Toolbox.psd1" -RootModule Toolbox.psm1 -ModuleVersion 2.1.0 -Description 'Tickets for admins' -FunctionsToExport '*-Ticket' -AliasesToExport gtk -Tags ops, tickets
$env:PSModulePath = Join-Path $PWD 'modules'

(Get-Module -ListAvailable).ForEach({ "$($_.Name) $($_.Version): $($_.Description)" })
'disk full on db1', 'user locked' | New-Ticket | Format-Table
New-Ticket 'only thought of' -WhatIf
gtk 'disk*' | Close-Ticket
Get-Ticket -State closed | ForEach-Object { '{0} {1} is {2}' -f $_.Number, $_.Title, $_.State }
(Get-Command -Module Toolbox | Sort-Object Name).Name -join ' '
try { Get-NextNumber } catch { "private: $($_.CategoryInfo.TargetName)" }
& (Get-Module Toolbox) { Get-NextNumber }
try { Close-Ticket 7 -ErrorAction Stop } catch { $_.FullyQualifiedErrorId; $_.CategoryInfo.Category }
$t = (Get-Ticket)[0]
try { $t.State = 'lost' } catch { ($_.Exception.Message -split '\.')[0] }
(Get-Module Toolbox).ExportedFunctions.Count
(Get-Module Toolbox).Tags -join ','
Import-Module Toolbox -Prefix Old -Force
$null = New-OldTicket 'fresh state'
(Get-OldTicket).Number
Remove-Module Toolbox
[bool](Get-Command New-OldTicket -ErrorAction Ignore)
$inline = New-Module -Name Inline -ScriptBlock { function Get-Answer { $script:n++; 40 + $script:n }; $script:n = 0 }
Get-Answer; Get-Answer
$inline.ExportedFunctions.Keys
$settings = Import-PowerShellDataFile "$home_/settings.psd1"
"$($settings.First) $($settings.Labels -join '/')"
Set-Content bad.psd1 '@{ When = (Get-Date) }'
try { Import-PowerShellDataFile bad.psd1 } catch { 'not data' }
(Test-ModuleManifest "$home_/Toolbox.psd1").Version.ToString()
