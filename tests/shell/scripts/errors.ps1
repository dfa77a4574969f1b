# SPDX-License-Identifier: MIT
# What goes wrong, how it is caught, recorded, told apart and reported.
# exit: 7
$ErrorActionPreference = 'Continue'
function Test-Case([string]$Name, [scriptblock]$Code) {
    $Error.Clear()
    try { $result = & $Code; "$Name -> ok: $result" }
    catch [System.DivideByZeroException] { "$Name -> division: $($_.Exception.Message)" }
    catch [System.Management.Automation.ItemNotFoundException], [System.IO.FileNotFoundException] { "$Name -> not found: $($_.TargetObject)" }
    catch [System.Management.Automation.CommandNotFoundException] { "$Name -> no command: $($_.Exception.CommandName)" }
    catch { "$Name -> $($_.Exception.GetType().Name) [$($_.FullyQualifiedErrorId)] $($_.CategoryInfo.Category)" }
    finally { $script:ran++ }
}
$script:ran = 0
Test-Case divide { $z = 0; 10 / $z }
Test-Case item { Get-Item /no/such -ErrorAction Stop }
Test-Case command { Get-Nothing }
Test-Case method { 'x'.Substring(5) }
Test-Case cast { [int]'12x' }
Test-Case null { $null.Method() }
Test-Case index { @(1, 2)['a'] }
Test-Case throw { throw 'plain' }
Test-Case typed { throw [System.ArgumentException]::new('bad value', 'Size') }
Test-Case object { throw @{ Code = 5 } }
Test-Case parameter { Get-ChildItem -NoSuchParameter }
Test-Case writeerror { Write-Error 'told' -ErrorAction Stop -ErrorId MyId -Category InvalidData }
Test-Case continues { Get-Item /no/such -ErrorAction SilentlyContinue; 'went on' }
"ran $script:ran"
Get-Item /gone1, /gone2 -ErrorAction SilentlyContinue -ErrorVariable bad
"$($bad.Count) recorded: $($bad.TargetObject -join ', ')"
Get-Item /gone3 -ErrorAction SilentlyContinue -ErrorVariable +bad
$bad.Count
$Error[0].TargetObject
Get-Item /gone4 -ErrorAction Ignore
"$($Error[0].TargetObject) still, $?"
try { try { throw 'inner' } catch { throw [System.InvalidOperationException]::new('outer', $_.Exception) } } catch { "$($_.Exception.Message) <- $($_.Exception.InnerException.Message)" }
function Get-Line { try { throw 'here' } catch { $_.InvocationInfo.ScriptLineNumber } }
Get-Line
$record = [System.Management.Automation.ErrorRecord]::new([System.Exception]::new('made'), 'Made', 'ResourceBusy', 'thing')
try { throw $record } catch { "$_ / $($_.FullyQualifiedErrorId) / $($_.CategoryInfo.Category) / $($_.TargetObject)" }
function Write-Bad { [CmdletBinding()] param() $PSCmdlet.WriteError($record); 'after' }
Write-Bad -ErrorAction SilentlyContinue
try { Write-Bad -ErrorAction Stop } catch { "stopped: $_" }
$ok = & { trap { "trapped: $_"; continue } 1; throw 'again'; 2 }
$ok -join ' | '
function f { try { return 'from try' } finally { $script:cleaned = $true } }
"$(f) $cleaned"
sh -c 'exit 4'; "native: $LASTEXITCODE $?"
$PSNativeCommandUseErrorActionPreference = $true
try { $ErrorActionPreference = 'Stop'; sh -c 'exit 5' } catch { $_.Exception.GetType().Name; $_.Exception.Message }
exit 7
