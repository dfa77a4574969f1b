# SPDX-License-Identifier: MIT
# A capacity report: calculated columns, groups, wide and wrapped tables, lists, HTML, measured totals.
$disks = @'
Host,Mount,SizeGB,UsedGB,Checked
web1,/,40,31.5,2024-02-28
web1,/var,100,96.25,2024-02-28
db1,/,40,12,2024-02-29
db1,/data,2000,1500.75,2024-02-29
db2,/data,2000,,2024-03-01
'@ | ConvertFrom-Csv | ForEach-Object {
    [pscustomobject]@{
        Host = $_.Host; Mount = $_.Mount; SizeGB = [int]$_.SizeGB
        UsedGB = if ($_.UsedGB) { [double]$_.UsedGB }; Checked = [datetime]$_.Checked
    }
}
$percent = @{ Label = 'Used %'; Expression = { if ($null -ne $_.UsedGB) { $_.UsedGB / $_.SizeGB } }; Format = 'P1'; Align = 'Right' }
$disks | Format-Table Host, Mount, @{ n = 'Size'; e = 'SizeGB'; f = '{0:N0} GB' }, $percent, @{ l = 'Day'; e = { $_.Checked }; f = 'ddd d MMM' }
$disks | Format-Table -GroupBy Host -Property Mount, UsedGB
$disks | Format-Table @{ n = 'Name'; e = { "$($_.Host):$($_.Mount)" }; w = 8 }, @{ n = 'Free'; e = { $_.SizeGB - $_.UsedGB }; Width = 10; Alignment = 'Center' } -HideTableHeaders
[pscustomobject]@{ Id = 1; Text = 'A long remark about the disk that does not fit in a narrow terminal' },
[pscustomobject]@{ Id = 20; Text = 'short' } | Format-Table Id, @{ n = 'Text'; e = 'Text'; w = 24 } -Wrap
$disks[0..1] | Format-List Host, @{ n = 'Free'; e = { '{0:n2} GB' -f ($_.SizeGB - $_.UsedGB) } }, Checked
$disks | Select-Object -ExpandProperty Mount -Unique | Format-Wide -Column 3
$disks | Format-Wide { "$($_.Host)$($_.Mount)" } -AutoSize
($disks | Format-Table Host, Mount, Checked | Out-String -Width 60).TrimEnd()
$disks | Measure-Object UsedGB -Sum -Average -Maximum -Minimum | Format-List Count, Sum, Average, Maximum, Minimum, Property
'{0:F3}' -f ($disks | Measure-Object UsedGB -StandardDeviation).StandardDeviation
$disks | Group-Object Host | ForEach-Object {
    [pscustomobject]@{ Host = $_.Name; Disks = $_.Count; Size = ($_.Group | Measure-Object SizeGB -Sum).Sum; Mounts = $_.Group.Mount }
} | Sort-Object Size -Descending | Format-Table
$byHost = $disks | Group-Object Host -AsHashTable
"db1 has $($byHost['db1'].Count), keys are $(($byHost.Keys | Sort-Object) -join ' ')"
$disks | Sort-Object @{ e = 'SizeGB'; Descending = $true }, @{ e = { $_.Host } }, Mount -Top 3 | ForEach-Object { "$($_.Host) $($_.Mount)" }
$disks | Sort-Object { $_.UsedGB } -Bottom 2 | ForEach-Object Mount

$page = $disks | Select-Object Host, Mount, @{ n = 'Used'; e = { '{0:P0}' -f ($_.UsedGB / $_.SizeGB) } } -First 2 |
    ConvertTo-Html -Title 'Disk use' -PreContent '<h1>Disks</h1>' -PostContent '<p>end</p>'
$page
$disks | Where-Object { -not $_.UsedGB } | ConvertTo-Html -As List -Fragment -Property Host, Mount, UsedGB
[pscustomobject]@{ Note = '<b> & "q"' } | ConvertTo-Html -Fragment
@{ a = 1 }, @{ b = 2 } | ForEach-Object { [pscustomobject]$_ } | ConvertTo-Html -Fragment
