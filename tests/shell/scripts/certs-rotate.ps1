# SPDX-License-Identifier: MIT
# Certificates that end soon: parsing, windows, escalation; functions that call each other over the pipeline.
$today = [datetime]'2024-07-01'
function Get-Certificate {
    'CN=web.example.org|2024-07-05|web1,web2', 'CN=mail.example.org|2025-01-31|mail', 'CN=old.example.org|2024-06-01|',
    'CN=api.example.org|2024-07-28|api1' | ForEach-Object {
        $subject, $end, $hosts = $_.Split('|')
        $o = [pscustomobject]@{
            PSTypeName = 'Demo.Certificate'
            Subject    = $subject -replace '^CN='
            NotAfter   = [datetime]$end
            Hosts      = @($hosts.Split(',', [System.StringSplitOptions]::RemoveEmptyEntries))
        }
        $o
    }
}
Update-TypeData -TypeName Demo.Certificate -MemberType ScriptProperty -MemberName DaysLeft -Value { ($this.NotAfter - $today).Days } -Force
Update-TypeData -TypeName Demo.Certificate -MemberType ScriptMethod -MemberName IsValid -Value { param($at = $today) $this.NotAfter -ge $at } -Force
Update-TypeData -TypeName Demo.Certificate -DefaultDisplayPropertySet Subject, DaysLeft -Force
function Select-Expiring {
    [CmdletBinding()]
    param(
        [Parameter(Mandatory, ValueFromPipeline)][PSTypeName('Demo.Certificate')]$Certificate,
        [ValidateRange('Positive')][int]$Within = 30,
        [switch]$IncludeExpired
    )
    begin { $seen = 0 }
    process {
        $seen++
        if ($Certificate.DaysLeft -gt $Within) { return }
        if ($Certificate.DaysLeft -lt 0 -and -not $IncludeExpired) { Write-Verbose "$($Certificate.Subject) is over"; return }
        $Certificate
    }
    end { Write-Information "looked at $seen" }
}
filter ConvertTo-Ticket {
    $urgency = switch ($_.DaysLeft) { { $_ -lt 0 } { 'P1' } { $_ -in 0..7 } { 'P2' } default { 'P3' } }
    $_ | Select-Object Subject, @{ n = 'Urgency'; e = { $urgency } }, @{ n = 'Due'; e = { $_.NotAfter.AddDays(-3).ToString('yyyy-MM-dd') } }, Hosts
}
Get-Certificate | Format-Table
'---'
Get-Certificate | Select-Expiring -Verbose -InformationVariable said | ForEach-Object Subject
"$said"
'---'
$tickets = Get-Certificate | Select-Expiring -Within 60 -IncludeExpired | ConvertTo-Ticket | Sort-Object Urgency
$tickets | Format-Table
$tickets.Where({ $_.Hosts.Count -eq 0 }).Subject
(Get-Certificate).Where({ -not $_.IsValid() }).Count
(Get-Certificate)[0].IsValid([datetime]'2030-01-01')
try { [pscustomobject]@{ Subject = 'x' } | Select-Expiring -ErrorAction Stop } catch { $_.FullyQualifiedErrorId }
try { Get-Certificate | Select-Expiring -Within 0 } catch { $_.FullyQualifiedErrorId }
$first = Get-Certificate | Select-Object -First 1
$first.PSObject.TypeNames[0]
$first | Get-Member -MemberType Properties | ForEach-Object { "$($_.Name):$($_.MemberType)" }
$first.psobject.Copy().Subject
$copy = $first | Select-Object *; $copy.Subject = 'changed'; "$($first.Subject) $($copy.Subject)"
$first | Add-Member -MemberType AliasProperty -Name End -Value NotAfter; $first.End -eq $first.NotAfter
$first.PSObject.Properties.Remove('Hosts'); $first.PSObject.Properties.Name -join ','
$first.PSObject.Properties['Subject'].Value = 'set'; $first.Subject
[pscustomobject]@{ a = 1; b = $null } | ForEach-Object { $_.PSObject.Properties | ForEach-Object { "$($_.Name)=$($_.Value ?? 'null')" } }
$o = New-Object psobject -Property @{ only = 1 }; $o.only; $null -eq $o.missing
$dup = [pscustomobject]@{ x = 1 }; $dup | Add-Member NoteProperty x 2 -ErrorAction SilentlyContinue -ErrorVariable dupError; $dupError[0].FullyQualifiedErrorId; $dup | Add-Member NoteProperty x 3 -Force; $dup.x
