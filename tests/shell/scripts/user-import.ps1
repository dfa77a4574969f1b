# SPDX-License-Identifier: MIT
# Imports users from CSV with checks, a report of what was refused, -WhatIf and -PassThru.
[CmdletBinding()]
param()
enum Role { Reader; Operator; Admin }

class UserRecord {
    [ValidatePattern('^[a-z][a-z0-9._-]{1,31}$')][string]$Login
    [string]$FullName
    [Role]$Role = [Role]::Reader
    [datetime]$Expires
    hidden [string]$Source

    UserRecord([string]$login, [string]$name) {
        $this.Login = $login
        $this.FullName = $name
    }
    [bool]IsExpired([datetime]$at) { return $this.Expires -lt $at }
    [string]ToString() { return "$($this.Login) ($($this.Role))" }
}

function New-UserFromRow {
    [CmdletBinding(SupportsShouldProcess)]
    [OutputType([UserRecord])]
    param(
        [Parameter(Mandatory, ValueFromPipelineByPropertyName)][Alias('sam')][string]$Login,
        [Parameter(Mandatory, ValueFromPipelineByPropertyName)][string]$Name,
        [Parameter(ValueFromPipelineByPropertyName)][string]$Role = 'Reader',
        [Parameter(ValueFromPipelineByPropertyName)][string]$Expires,
        [switch]$PassThru
    )
    begin { $made = 0 }
    process {
        if (-not $PSCmdlet.ShouldProcess($Login, 'Create user')) { return }
        try {
            $user = [UserRecord]::new($Login.ToLower(), $Name)
            $user.Role = $Role
            $user.Expires = if ($Expires) { $Expires } else { [datetime]::MaxValue }
            $made++
            if ($PassThru) { $user }
        }
        catch {
            Write-Error -Message "Row for '$Login' refused: $($_.Exception.Message -replace '^Exception setting "(\w+)": "(.*)"$', '$1: $2')" -TargetObject $Login -Category InvalidData -ErrorId 'RowRefused'
        }
    }
    end { Write-Verbose "made $made" }
}

$csv = @'
sam,Name,Role,Expires
anna,Anna Berg,Admin,2030-01-01
BOB,Bob Moe,operator,2020-06-30
x!,Bad Login,Reader,
carl,Carl Ek,Owner,
dora,Dora Li,,
'@ | ConvertFrom-Csv

$csv | Select-Object -First 1 | New-UserFromRow -WhatIf
$users = $csv | New-UserFromRow -PassThru -Verbose -ErrorVariable refused -ErrorAction SilentlyContinue 4>&1 |
    ForEach-Object { if ($_ -is [System.Management.Automation.VerboseRecord]) { "said: $_" | Out-Host } else { $_ } }
"Created $($users.Count), refused $($refused.Count)"
$users | Format-Table
$users | ForEach-Object { "$_ expired: $($_.IsExpired([datetime]'2024-01-01'))" }
$refused | ForEach-Object { '{0} [{1}] {2}' -f $_.TargetObject, $_.FullyQualifiedErrorId, $_.CategoryInfo.Category }
$refused[0].Exception.Message.Split(':')[0]
$users | Group-Object Role -NoElement | Sort-Object Name | ForEach-Object { "$($_.Name)=$($_.Count)" }
$users | Where-Object { $_.Role -ge [Role]::Operator } | Select-Object -ExpandProperty Login
[enum]::GetValues([Role]) | ForEach-Object { '{0}:{1:d}' -f $_, [int]$_ }
$users[0] | Select-Object Login, Role | ConvertTo-Json -Compress
