# SPDX-License-Identifier: MIT
# Reads an INI file into ordered tables, changes some settings, writes it back and shows what differs.
function Read-Ini {
    param([Parameter(Mandatory)][string]$Path)
    $ini = [ordered]@{}
    $section = '_'
    switch -Regex -File $Path {
        '^\s*[;#]' { continue }
        '^\s*\[(.+)\]\s*$' { $section = $Matches[1].Trim(); if (-not $ini.Contains($section)) { $ini[$section] = [ordered]@{} }; continue }
        '^\s*([^=]+?)\s*=\s*(.*?)\s*$' {
            if (-not $ini.Contains($section)) { $ini[$section] = [ordered]@{} }
            $key, $value = $Matches[1, 2]
            $ini[$section][$key] = switch -Regex ($value) {
                '^\d+$' { [int]$value }
                '^(yes|true|on)$' { $true }
                '^(no|false|off)$' { $false }
                default { $value }
            }
        }
    }
    $ini
}
function Write-Ini {
    param([Parameter(ValueFromPipeline)]$Ini, [string]$Path)
    process {
        $lines = foreach ($section in $Ini.Keys) {
            "[$section]"
            foreach ($entry in $Ini[$section].GetEnumerator()) {
                $text = if ($entry.Value -is [bool]) { ('no', 'yes')[[int]$entry.Value] } else { $entry.Value }
                '{0} = {1}' -f $entry.Key, $text
            }
            ''
        }
        $lines | Set-Content $Path
    }
}
@'
; the service
[server]
host=0.0.0.0
port = 8080
tls = off
[paths]
data = /srv/data
# unused
log = /var/log/app
[limits]
clients = 100
'@ | Set-Content app.ini
$ini = Read-Ini app.ini
$ini.Keys -join ', '
'{0}:{1} ({2})' -f $ini.server.host, $ini.server.port, $ini.server.port.GetType().Name
$ini.server.tls.GetType().Name
Copy-Item app.ini app.ini.orig
$ini.server.port++
$ini['server']['tls'] = $true
$ini.limits.Remove('clients')
$ini.limits.memory = 512mb / 1mb
$ini | Write-Ini -Path app.ini
Get-Content app.ini
Compare-Object (Get-Content app.ini.orig | Where-Object { $_ -match '=' }) (Get-Content app.ini | Where-Object { $_ -match '=' }) |
    Sort-Object InputObject | ForEach-Object { '{0} {1}' -f ($_.SideIndicator -eq '=>' ? '+' : '-'), $_.InputObject }
$ini | ConvertTo-Json -Compress
