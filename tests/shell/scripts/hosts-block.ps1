# SPDX-License-Identifier: MIT
# Keeps a block of lines in a hosts file as wanted, leaves the rest alone, and does nothing when there is nothing to do.
$path = Join-Path $PWD hosts
@'
127.0.0.1 localhost
# BEGIN managed
10.0.0.1 old.example
# END managed
::1 localhost6   # keep
'@ | Set-Content $path
function Set-HostsBlock {
    [CmdletBinding(SupportsShouldProcess)]
    [OutputType([bool])]
    param([string]$Path, [System.Collections.IDictionary]$Entries, [string]$Marker = 'managed')
    $begin, $end = "# BEGIN $Marker", "# END $Marker"
    $lines = @(Get-Content $Path)
    $block = @($begin) + @($Entries.Keys | Sort-Object | ForEach-Object { "$($Entries[$_]) $_" }) + $end
    $from = [array]::IndexOf($lines, $begin)
    $to = [array]::IndexOf($lines, $end)
    $new = if ($from -ge 0 -and $to -gt $from) {
        $before = if ($from) { $lines[0..($from - 1)] }
        $after = if ($to -lt $lines.Count - 1) { $lines[($to + 1)..($lines.Count - 1)] }
        @($before) + $block + @($after)
    } else { $lines + $block }
    $new = @($new | Where-Object { $null -ne $_ })
    if (($new -join "`n") -ceq ($lines -join "`n")) { Write-Verbose 'nothing to do'; return $false }
    if ($PSCmdlet.ShouldProcess('hosts', "Write $($Entries.Count) entries")) {
        Set-Content -Path $Path -Value $new
        return $true
    }
    return $false
}
$want = [ordered]@{ 'web.example' = '10.0.0.5'; 'db.example' = '10.0.0.6' }
Set-HostsBlock $path $want -WhatIf
Set-HostsBlock $path $want
Set-HostsBlock $path $want -Verbose 4>&1
Get-Content $path
$want['mail.example'] = '10.0.0.7'
Set-HostsBlock $path $want -Marker other
(Get-Content $path).Count
$want.Clear()
Set-HostsBlock $path $want
Get-Content $path -TotalCount 3
Get-Content $path -Tail 2
$parsed = switch -Regex (Get-Content $path) {
    '^\s*(#|$)' { continue }
    '^(?<ip>\S+)\s+(?<names>[^#]+)' { [pscustomobject]@{ Ip = $Matches.ip; Names = -split $Matches.names } }
}
$parsed | Group-Object { if ($_.Ip -match ':') { 'v6' } else { 'v4' } } | Sort-Object Name | ForEach-Object { "$($_.Name): $($_.Group.Names -join ' ')" }
$raw = Get-Content $path -Raw
$raw.Length -gt 0 -and $raw.EndsWith("`n")
($raw -split '\r?\n').Count
Add-Content $path '# end of file'
Get-Content $path | Select-Object -Last 1
(Get-Content $path | Select-String '^#').LineNumber -join ' '
