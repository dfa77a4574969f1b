# SPDX-License-Identifier: MIT
# Calls something unreliable with growing pauses, gives up by kind of failure, and counts.
# exit: 3
class GoneException : System.Exception {
    [int]$Code
    GoneException([string]$message, [int]$code) : base($message) { $this.Code = $code }
}
$script:slept = [System.Collections.Generic.List[int]]::new()

function Invoke-WithBackoff {
    [CmdletBinding()]
    param(
        [Parameter(Mandatory)][scriptblock]$Action,
        [ValidateRange(1, 10)][int]$Attempts = 4,
        [int]$FirstDelay = 1,
        [type[]]$Fatal = @()
    )
    $delay = $FirstDelay
    for ($i = 1; ; $i++) {
        try {
            $result = & $Action $i
            Write-Verbose "attempt $i succeeded"
            return $result
        } catch {
            $e = $_.Exception
            if ($Fatal | Where-Object { $e -is $_ }) { throw }
            if ($i -ge $Attempts) { throw [System.TimeoutException]::new("gave up after $i attempts: $($e.Message)", $e) }
            $script:slept.Add($delay)
            Start-Sleep -Milliseconds $delay
            $delay = [math]::Min($delay * 2, 8)
        } finally {
            $script:calls++
        }
    }
}
$script:calls = 0
Invoke-WithBackoff { param($n) if ($n -lt 3) { throw "busy $n" }; "ok at $n" }
"slept $($script:slept -join '+') ms in $script:calls calls"
try { Invoke-WithBackoff { throw 'never' } -Attempts 2 } catch [System.TimeoutException] { "timeout: $($_.Exception.Message); inner: $($_.Exception.InnerException.Message)" }
try { Invoke-WithBackoff { throw [GoneException]::new('moved away', 410) } -Fatal ([GoneException]) }
catch [GoneException] { "fatal $($_.Exception.Code): $($_.Exception.Message)" }
try { Invoke-WithBackoff { 1 } -Attempts 99 } catch { $_.FullyQualifiedErrorId; $_.CategoryInfo.Category }
try { Invoke-WithBackoff { [int]'abc' } -Attempts 1 } catch { $_.Exception.InnerException.GetType().Name }
$ok = Invoke-WithBackoff { 1; 2; 3 } | Measure-Object -Sum
"sum $($ok.Sum) of $($ok.Count)"
"calls: $script:calls"
if ($script:calls -gt 5) { exit 3 }
