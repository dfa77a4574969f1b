# SPDX-License-Identifier: MIT
# Changes behind guards: ShouldProcess with -WhatIf and -Confirm, validation, errors of one's own, clean-up in order.
function Remove-Account {
    [CmdletBinding(SupportsShouldProcess, ConfirmImpact = 'Medium', DefaultParameterSetName = 'Name')]
    param(
        [Parameter(Mandatory, ParameterSetName = 'Name', ValueFromPipeline, Position = 0)][ValidateNotNullOrEmpty()][ValidateLength(2, 8)][string[]]$Name,
        [Parameter(ParameterSetName = 'Age', Mandatory)][ValidateRange('Positive')][int]$OlderThan,
        [ValidateScript({ $_ -ge 0 -and $_ % 5 -eq 0 }, ErrorMessage = 'grace {0} is no multiple of 5')][int]$Grace = 0,
        [switch]$Force
    )
    begin { $done = [System.Collections.Generic.List[string]]::new() }
    process {
        foreach ($n in $Name) {
            if ($n -like 'adm*' -and -not $Force) {
                $e = [System.Management.Automation.ErrorRecord]::new([System.InvalidOperationException]::new("'$n' is protected"), 'AccountProtected', 'PermissionDenied', $n)
                $e.ErrorDetails = [System.Management.Automation.ErrorDetails]::new("Account '$n' is protected; use -Force.")
                $PSCmdlet.WriteError($e); continue
            }
            if ($PSCmdlet.ShouldProcess($n, "Remove account (grace $Grace)")) { $done.Add($n) }
        }
    }
    end { if ($done.Count) { "removed: $($done -join ', ')" } elseif ($PSCmdlet.ParameterSetName -eq 'Age') { "older than $OlderThan" } else { 'nothing removed' } }
}
'ann', 'bob' | Remove-Account
'ann', 'bob' | Remove-Account -WhatIf
Remove-Account ann, admin, cy -Confirm:$false -ErrorVariable ev -ErrorAction SilentlyContinue
"$($ev.Count): $($ev[0].FullyQualifiedErrorId) / $($ev[0]) / $($ev[0].Exception.Message) / $($ev[0].TargetObject)"
Remove-Account admin -Force
Remove-Account -OlderThan 30
foreach ($call in { Remove-Account x }, { Remove-Account '' }, { Remove-Account ann -Grace 7 }, { Remove-Account -OlderThan 0 }, { Remove-Account ann -OlderThan 3 }, { Remove-Account ann -Grace soon }, { Remove-Account ann -Gr 10 -Fo }, { Remove-Account admin -ErrorAction Stop }) {
    try { & $call } catch { "$($_.FullyQualifiedErrorId.Split(',')[0]): $($_.Exception.Message)" }
}
function Invoke-All { [CmdletBinding(SupportsShouldProcess)] param() Remove-Account zoe; $WhatIfPreference; Set-Variable made 1; Test-Path variable:made }
Invoke-All -WhatIf
& { $WhatIfPreference = $true; 'ivy' | Remove-Account; Remove-Account jim -WhatIf:$false }
function Stop-Hard { [CmdletBinding()] param($Why) $PSCmdlet.ThrowTerminatingError([System.Management.Automation.ErrorRecord]::new([System.Exception]::new($Why), 'Hard', 'OperationStopped', $null)); 'never' }
try { Stop-Hard 'disk'; 'never' } catch { "$($_.FullyQualifiedErrorId) $($_.CategoryInfo.Category) $($_.InvocationInfo.MyCommand.Name) $_" }
function Use-Order {
    param($How)
    try { 'try'; switch ($How) { 'throw' { throw 'T' } 'return' { return 'R' } 'typed' { [int]'x' } 'io' { throw [System.IO.FileNotFoundException]::new('gone', 'f.txt') } }; 'end of try' }
    catch [System.IO.IOException] { "io $($_.Exception.FileName)" }
    catch [System.Management.Automation.PSInvalidCastException], [System.ArgumentException] { 'cast' }
    catch { "any $($_.Exception.Message)"; try { throw "again $_" } catch { "nested $_" } finally { 'inner finally' } }
    finally { 'finally' }
    'after'
}
foreach ($how in 'none', 'throw', 'return', 'typed', 'io') { "$how`: $((Use-Order $how) -join ' > ')" }
try { try { throw 'first' } finally { 'cleaned' } } catch { "outer $_" }
try { Get-Item /nowhere/x -ErrorAction Stop } catch [System.Management.Automation.ItemNotFoundException] { "not found: $($_.TargetObject) $($_.CategoryInfo.Reason)" }
try { $null.Method() } catch { "$($_.FullyQualifiedErrorId) line $($_.InvocationInfo.ScriptLineNumber - $MyInvocation.ScriptLineNumber -gt 0)" }
try { throw @{ Code = 5 } } catch { "$($_.TargetObject.Code) $($_.Exception.GetType().Name)" }
try { throw [System.ApplicationException]::new('outer', [System.FormatException]::new('inner')) } catch { "$($_.Exception.InnerException.Message) $($_.Exception.GetBaseException().GetType().Name)" }
$Error.Clear(); Get-Item /no1, /no2 -ErrorAction SilentlyContinue; "$($Error.Count) $($Error[0].TargetObject)"; Get-Item /no3 -ErrorAction Ignore; $Error.Count
Get-Item /no4 -ErrorVariable +more -ErrorAction SilentlyContinue; Get-Item /no5 -ErrorVariable +more -ErrorAction SilentlyContinue; $more.Count
function Test-Status { [CmdletBinding()] param([switch]$Bad) if ($Bad) { Write-Error 'x' -ErrorAction SilentlyContinue } }
Test-Status; $?; Test-Status -Bad; $?; $(Get-Item /no6 -ErrorAction SilentlyContinue); $?
[ValidateSet('red', 'green')][string]$colour = 'red'; try { $colour = 'blue' } catch { $_.FullyQualifiedErrorId }; $colour
[int]$num = '42'; $num.GetType().Name; try { $num = 'x' } catch { $_.Exception.Message }
function Get-Strict([Parameter(Mandatory)][AllowEmptyCollection()][int[]]$List, [ValidateCount(1, 2)][string[]]$Pair = 'p') { "$($List.Count) $($Pair.Count)" }
Get-Strict @(); try { Get-Strict 1 a, b, c } catch { $_.Exception.Message }; try { Get-Strict 1, 'z' } catch { $_.FullyQualifiedErrorId }
