# SPDX-License-Identifier: MIT
# Deployment as a list of steps with roll-back: each step knows how to undo itself; the third one fails.
# exit: 3
[CmdletBinding()]
param([string]$Version = '2.4.0', [string]$Target = (Join-Path $PWD 'app'))
$ErrorActionPreference = 'Stop'

class Step {
    [string]$Name
    [scriptblock]$Do
    [scriptblock]$Undo
    static [int]$Counter = 0
    Step([string]$name, [scriptblock]$do, [scriptblock]$undo) {
        [Step]::Counter++
        $this.Name = '{0}. {1}' -f [Step]::Counter, $name
        $this.Do = $do
        $this.Undo = $undo
    }
    [timespan]Run([hashtable]$context) {
        $watch = [System.Diagnostics.Stopwatch]::StartNew()
        $null = & $this.Do $context
        return $watch.Elapsed
    }
}

function Write-Step([string]$Text, [string]$State) {
    Write-Host ('[{0,-6}] {1}' -f $State, $Text)
}

function Invoke-Deployment {
    [CmdletBinding()]
    param([Parameter(Mandatory)][Step[]]$Step, [hashtable]$Context = @{})
    $done = [System.Collections.Generic.Stack[Step]]::new()
    try {
        foreach ($current in $Step) {
            try { $time = $current.Run($Context) }
            catch { throw [System.InvalidOperationException]::new("step '$($current.Name)' failed: $($_.Exception.Message)", $_.Exception) }
            if ($time.TotalSeconds -gt 5) { Write-Warning 'that took long' }
            Write-Step $current.Name 'done'
            $done.Push($current)
        }
        [pscustomobject]@{ Success = $true; Steps = $done.Count; Error = $null }
    }
    catch {
        Write-Step $_.Exception.Message 'FAILED'
        $inner = $_.Exception.InnerException
        while ($done.Count) {
            $back = $done.Pop()
            if ($back.Undo) { & $back.Undo $Context; Write-Step $back.Name 'undone' }
        }
        [pscustomobject]@{ Success = $false; Steps = 0; Error = $inner.Message }
    }
    finally { Write-Step 'lock removed' 'always' }
}

$steps = @(
    [Step]::new('make folder', { param($c) New-Item -ItemType Directory -Path $c.Target }, { param($c) Remove-Item $c.Target -Recurse })
    [Step]::new('write version', { param($c) Set-Content "$($c.Target)/version" $c.Version }, $null)
    [Step]::new('migrate', { param($c) if ([version]$c.Version -ge [version]'2.4') { throw "schema $($c.Version) is unknown" } }, { 'never' })
    [Step]::new('switch link', { param($c) Set-Content "$($c.Target)/current" 'x' }, $null)
)
$result = Invoke-Deployment -Step $steps -Context @{ Target = $Target; Version = $Version }
"success: $($result.Success); folder exists: $(Test-Path $Target); $($result.Error)"

$retry = Invoke-Deployment $steps @{ Target = $Target; Version = '2.3.9' }
$retry | Format-List
Get-ChildItem $Target | Sort-Object Name | ForEach-Object { "$($_.Name)=$(Get-Content $_)" }
if (-not $result.Success) { exit 3 }
