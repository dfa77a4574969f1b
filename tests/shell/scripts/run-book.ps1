# SPDX-License-Identifier: MIT
# exit: 7
# A run book: steps that log to streams and a transcript, default parameter values, traps, native tools, exit code.
$ErrorActionPreference = 'Continue'
$PSDefaultParameterValues = @{ 'Write-Step:Prefix' = 'rb'; 'Out-String:Width' = 60; '*-Item*:Verbose' = $false }
function Write-Step {
    [CmdletBinding()]
    param([Parameter(Mandatory, ValueFromPipeline)][string]$Text, [string]$Prefix = 'none', [ValidateRange(0, 9)][int]$Level = 0)
    begin { $n = 0 }
    process { $n++; Write-Information "$Prefix$n $(' ' * $Level)$Text" -Tags step; Write-Verbose "said $Text" }
    end { $n }
}
$count = 'stop', 'copy', 'start' | Write-Step -InformationVariable said 6>$null
"$count steps: $($said.MessageData -join ' | ')"
Write-Step 'visible' -Prefix x -InformationAction Continue -Verbose 4>&1 6>&1 | ForEach-Object { "$($_.GetType().Name): $_" }
$PSDefaultParameterValues['Disabled'] = $true
Write-Step 'no default' 6>&1 | ForEach-Object { "$_" }
$PSDefaultParameterValues.Remove('Disabled')

Start-Transcript -Path log.txt | Out-Null
'in the transcript'
Write-Host 'host too'
Stop-Transcript | Out-Null
(Get-Content log.txt | Select-String '^(in the|host too)').Line

Write-Progress -Activity 'Copying' -Status '1 of 2' -PercentComplete 50
Write-Progress -Activity 'Copying' -Completed
1..3 | Tee-Object -FilePath tee.txt | Measure-Object -Sum | ForEach-Object Sum
(Get-Content tee.txt) -join '+'
'four' | Tee-Object -FilePath tee.txt -Append | Out-Null; (Get-Content tee.txt).Count

function Invoke-Risky {
    trap [System.DivideByZeroException] { "trapped: $($_.Exception.Message)"; continue }
    trap { "other: $($_.FullyQualifiedErrorId)"; break }
    'before'
    1 / $args[0]
    'after'
    if ($args[0] -eq 0) { throw 'given up' }
}
Invoke-Risky 2
try { Invoke-Risky 0 } catch { "caller sees: $_" }
function Get-Both { Write-Output 'out'; Write-Error 'bad' -ErrorId E1 -Category InvalidData -TargetObject 42; Write-Warning 'careful'; Write-Host 'host' }
$all = Get-Both *>&1
$all | ForEach-Object { $_.GetType().Name }
$err = $all.Where{ $_ -is [System.Management.Automation.ErrorRecord] }[0]
"$($err.FullyQualifiedErrorId) $($err.CategoryInfo.Category) $($err.TargetObject) $($err.CategoryInfo.Activity)"
Get-Both 2>err.txt 3>warn.txt 6>$null
(Get-Content warn.txt), ((Get-Content err.txt -Raw) -match 'bad') -join ' / '
Get-Both -ErrorAction SilentlyContinue 3>$null 6>$null 2>$null | ForEach-Object { "only $_" }
$kept = Get-Both 2>&1 3>$null 6>$null | Where-Object { $_ -is [string] }
$kept

sh -c 'echo to out; echo to err >&2; exit 3' 2>$null
"status $LASTEXITCODE, ok $?"
$lines = 'pear', 'apple', 'fig' | sort
"sorted: $lines; $LASTEXITCODE"
$merged = sh -c 'echo one; echo two >&2' 2>&1
"$($merged.Count) lines, $(@($merged | Where-Object { $_ -is [System.Management.Automation.ErrorRecord] }).Count) of errors"
sh -c 'exit 0' && 'then' || 'else'
sh -c 'exit 4' && 'then' || "else $LASTEXITCODE"
$env:STAGE = 'test'; sh -c 'echo "stage $STAGE"'; Remove-Item Env:STAGE; sh -c 'echo "stage [$STAGE]"'
printf '%s|' 'a b' "it's" '$x' 'q"q' '' end; ''
& { $PSNativeCommandUseErrorActionPreference = $true; $ErrorActionPreference = 'Stop'; try { sh -c 'exit 9' } catch { $_.Exception.Message -replace '"[^"]*sh"', 'sh' } }
$words = "x y`tz`n" | wc -w; [int]$words
$p = Start-Process sh -ArgumentList '-c', '"exit 5"' -PassThru -Wait; $p.ExitCode
try { no-such-tool --now } catch { $_.FullyQualifiedErrorId; $_.CategoryInfo.Category; $_.TargetObject }
(Measure-Command { $inside = 1..100 | ForEach-Object { $_ } }).GetType().FullName; $inside.Count
Invoke-Expression '$total = 0; foreach ($i in 1..4) { $total += $i }; "total $total"'
$code = 'param($a, $b = 2) $a * $b'; & ([scriptblock]::Create($code)) 21
Set-StrictMode -Version 3.0
try { $undefinedThing } catch { $_.Exception.Message }
try { (@{ a = 1 }).b; ([pscustomobject]@{ a = 1 }).b } catch { $_.Exception.Message }
try { @(1, 2)[5] } catch { $_.Exception.Message }
Set-StrictMode -Off
exit 7
