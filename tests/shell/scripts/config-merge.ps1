# SPDX-License-Identifier: MIT
# Layered configuration: defaults, site file, environment; typed, validated, written back as JSON.
$ErrorActionPreference = 'Stop'
$defaults = [ordered]@{
    Server  = [ordered]@{ Port = 8080; Host = '0.0.0.0'; Tls = $false }
    Logging = [ordered]@{ Level = 'Info'; Targets = @('console') }
    Limits  = @{ Connections = 100 }
}
@'
{
  // the site's own settings
  "Server": { "Port": 8443, "Tls": true },
  "Logging": { "Level": "Debug", "Targets": ["console", "file"] },
  "Owner": null
}
'@ | Set-Content site.json
$env:APP_Limits__Connections = '250'
$env:APP_Server__Host = 'localhost'

function Merge-Config {
    param([System.Collections.IDictionary]$Base, [System.Collections.IDictionary]$Over)
    $result = [ordered]@{}
    foreach ($key in $Base.Keys) { $result[$key] = $Base[$key] }
    foreach ($key in $Over.Keys) {
        if ($result[$key] -is [System.Collections.IDictionary] -and $Over[$key] -is [System.Collections.IDictionary]) {
            $result[$key] = Merge-Config $result[$key] $Over[$key]
        }
        else { $result[$key] = $Over[$key] }
    }
    $result
}

function Get-EnvConfig([string]$Prefix) {
    $tree = [ordered]@{}
    Get-ChildItem env: | Where-Object Name -like "$Prefix*" | Sort-Object Name | ForEach-Object {
        $path = $_.Name.Substring($Prefix.Length) -split '__'
        $node = $tree
        for ($i = 0; $i -lt $path.Count - 1; $i++) {
            if (-not $node.Contains($path[$i])) { $node[$path[$i]] = [ordered]@{} }
            $node = $node[$path[$i]]
        }
        $value = $_.Value
        $node[$path[-1]] = switch -Regex ($value) {
            '^\d+$' { [int]$value; break }
            '^(true|false)$' { [bool]::Parse($value); break }
            default { $value }
        }
    }
    $tree
}

function Show-Tree {
    param($Node, [int]$Depth = 0)
    foreach ($entry in $Node.GetEnumerator()) {
        $pad = '  ' * $Depth
        if ($entry.Value -is [System.Collections.IDictionary]) {
            "$pad$($entry.Key):"
            Show-Tree $entry.Value ($Depth + 1)
        }
        elseif ($null -eq $entry.Value) { "$pad$($entry.Key) = (none)" }
        else { "$pad$($entry.Key) = $($entry.Value -join ', ') [$($entry.Value.GetType().Name)]" }
    }
}

$site = Get-Content site.json -Raw | ConvertFrom-Json -AsHashtable
$config = Merge-Config (Merge-Config $defaults $site) (Get-EnvConfig 'APP_')
Show-Tree $config
"changed: $($defaults.Server.Port) -> $($config.Server.Port); default untouched: $($defaults['Server']['Host'])"
$checks = @{
    'Server.Port'     = { $config.Server.Port -in 1..65535 }
    'Logging.Level'   = { $config.Logging.Level -cin 'Debug', 'Info', 'Warn' }
    'Logging.Targets' = { 'syslog' -in $config.Logging.Targets }
}
$checks.GetEnumerator() | Sort-Object Key | ForEach-Object { '{0,-16} {1}' -f $_.Key, ($(if (& $_.Value) { 'ok' } else { 'FAILED' })) }
$config | ConvertTo-Json -Depth 4
$round = $config | ConvertTo-Json -Depth 4 -Compress | ConvertFrom-Json
$round.Logging.Targets[1]
$round.PSObject.Properties.Name -join ' '
($round | Get-Member -MemberType NoteProperty).Name -join ' '
