# SPDX-License-Identifier: MIT
# Inventory of hosts joined with their contacts; compared with last month's; written as CSV, a text table, Markdown.
$hosts = @(
    @{ Name = 'web1'; Os = 'debian'; Cpu = 4; Ram = 8GB; Tags = 'prod', 'web' }
    @{ Name = 'web2'; Os = 'debian'; Cpu = 4; Ram = 8GB; Tags = 'prod', 'web' }
    @{ Name = 'db1'; Os = 'rocky'; Cpu = 16; Ram = 64GB; Tags = @('prod') }
    @{ Name = 'test'; Os = 'alpine'; Cpu = 1; Ram = 512MB; Tags = @() }
) | ForEach-Object { [pscustomobject]$_ }
$contacts = @"
Host;Owner;Mail
web*;Web Team;web@example.org
db*;Data Team;data@example.org
"@ | ConvertFrom-Csv -Delimiter ';'

filter Add-Contact {
    $name = $_.Name
    $contact = $contacts | Where-Object { $name -like $_.Host } | Select-Object -First 1
    $_ | Add-Member -NotePropertyMembers @{ Owner = $contact.Owner ?? 'nobody'; Mail = ${contact}?.Mail } -PassThru |
        Add-Member -MemberType ScriptProperty -Name RamText -Value {
            switch ($this.Ram) {
                { $_ -ge 1GB } { '{0:n0} GB' -f ($_ / 1GB); break }
                default { '{0:n0} MB' -f ($_ / 1MB) }
            }
        } -PassThru
}
function Format-Markdown {
    param([Parameter(ValueFromPipeline)]$InputObject, [string[]]$Property)
    begin { '| ' + ($Property -join ' | ') + ' |'; '|' + ('---|' * $Property.Count) }
    process {
        $row = foreach ($p in $Property) { $InputObject.$p -join '<br>' }
        '| ' + ($row -join ' | ') + ' |'
    }
}
$inventory = $hosts | Add-Contact
$inventory | Select-Object Name, Os, RamText, Owner, Mail | Format-Table
$inventory | Format-Markdown -Property Name, Cpu, RamText, Tags
$totals = $inventory | Group-Object Os | ForEach-Object {
    [pscustomobject]@{
        Os    = (Get-Culture).TextInfo.ToTitleCase($_.Name)
        Hosts = $_.Count
        Cpu   = ($_.Group | Measure-Object Cpu -Sum).Sum
        Ram   = ($_.Group | Measure-Object Ram -Sum).Sum / 1GB
    }
}
$totals | Sort-Object @{ Expression = 'Hosts'; Descending = $true }, @{ Expression = 'Os'; Ascending = $true } |
    ConvertTo-Csv -UseQuotes AsNeeded
$before = 'web1', 'web2', 'old1'
$diff = Compare-Object -ReferenceObject $before -DifferenceObject $inventory.Name -IncludeEqual
$diff | ForEach-Object {
    $word = switch ($_.SideIndicator) { '=>' { 'new' } '<=' { 'gone' } '==' { 'same' } }
    "$word`: $($_.InputObject)"
} | Sort-Object
$inventory.Where({ 'prod' -in $_.Tags }, 'First', 2).Name
$split = $inventory.Where({ $_.Cpu -gt 2 }, 'Split')
"$($split[0].Count) large, $($split[1].Count) small"
$byTag = @{}
foreach ($h in $inventory) { foreach ($t in $h.Tags) { $byTag[$t] += @($h.Name) } }
foreach ($t in $byTag.Keys | Sort-Object) { '{0,-5}: {1}' -f $t, ($byTag.$t -join ',') }
$inventory | Export-Csv inv.csv -NoTypeInformation
(Import-Csv inv.csv)[2] | Select-Object Name, Cpu, Tags | Format-List
(Get-Content inv.csv -TotalCount 1)
