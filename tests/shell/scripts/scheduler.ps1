# SPDX-License-Identifier: MIT
# Working days, maintenance windows, next runs: dates and spans as admins count them.
param([datetime]$From = '2024-12-20T08:30:00', [int]$Count = 6)
$holidays = '2024-12-25', '2024-12-26', '2025-01-01' | ForEach-Object { [datetime]$_ }

function Test-WorkDay {
    [OutputType([bool])]
    param([Parameter(Mandatory, ValueFromPipeline)][datetime]$Date)
    process { $Date.DayOfWeek -notin 'Saturday', 'Sunday' -and $Date.Date -notin $holidays }
}
function Get-NextRun {
    param([datetime]$After, [timespan]$At, [DayOfWeek[]]$On = @(), [int]$Count = 1)
    $day = $After.Date
    for ($found = 0; $found -lt $Count; $day = $day.AddDays(1)) {
        $run = $day + $At
        if ($run -le $After) { continue }
        if ($On.Count -and $day.DayOfWeek -notin $On) { continue }
        if (-not ($day | Test-WorkDay)) { continue }
        $found++
        $run
    }
}
"From: {0:dddd, d MMMM yyyy HH:mm}" -f $From
Get-NextRun -After $From -At '08:30' -Count $Count | ForEach-Object { $_.ToString('ddd yyyy-MM-dd HH:mm') }
'Fridays:'
Get-NextRun $From '22:15' -On Friday -Count 2 | ForEach-Object { '  {0:yyyy-MM-dd} week {1}' -f $_, [System.Globalization.CultureInfo]::InvariantCulture.Calendar.GetWeekOfYear($_, 'FirstFourDayWeek', 'Monday') }
$windows = @(
    [pscustomobject]@{ Name = 'patch'; Start = [datetime]'2025-01-04 22:00'; Length = [timespan]'04:00:00' }
    [pscustomobject]@{ Name = 'backup'; Start = [datetime]'2025-01-05 01:00'; Length = New-TimeSpan -Minutes 90 }
    [pscustomobject]@{ Name = 'network'; Start = [datetime]'2025-01-05 02:30'; Length = [timespan]::FromHours(0.5) }
)
foreach ($w in $windows) { $w | Add-Member -MemberType NoteProperty -Name End -Value ($w.Start + $w.Length) }
for ($i = 0; $i -lt $windows.Count; $i++) {
    for ($j = $i + 1; $j -lt $windows.Count; $j++) {
        $a, $b = $windows[$i, $j]
        $overlap = [math]::Min($a.End.Ticks, $b.End.Ticks) - [math]::Max($a.Start.Ticks, $b.Start.Ticks)
        if ($overlap -gt 0) { '{0} and {1} overlap by {2:hh\:mm}' -f $a.Name, $b.Name, [timespan]$overlap }
        else { "$($a.Name) and $($b.Name) are apart" }
    }
}
$windows | Format-Table Name, @{ n = 'Start'; e = { $_.Start.ToString('s') } }, Length, @{ n = 'Minutes'; e = { $_.Length.TotalMinutes } }
$span = [datetime]'2025-03-01' - [datetime]'2024-02-28'
"days: $($span.Days), weeks: $([math]::Floor($span.TotalDays / 7)), leap: $([datetime]::IsLeapYear(2024)), last of February: $([datetime]::DaysInMonth(2024, 2))"
$monthEnd = { param([datetime]$d) $d.AddDays(1 - $d.Day).AddMonths(1).AddDays(-1) }
1..3 | ForEach-Object { (& $monthEnd ([datetime]::new(2024, $_, 15))).ToString('MMM d', [cultureinfo]::InvariantCulture) }
$unix = [DateTimeOffset]::FromUnixTimeSeconds(1735689600)
$unix.UtcDateTime.ToString('o')
(Get-Date '2025-01-01T00:00:00Z').ToUniversalTime().ToString('u')
[int][double]::Parse((Get-Date -Date '2025-01-01Z' -UFormat %s))
(New-TimeSpan -Start '2025-01-01 10:00' -End '2025-01-02 11:30:15').ToString('d\d\ hh\hmm')
'{0:%d} day(s) {0:%h} hour(s)' -f (New-TimeSpan -Hours 49)
[datetime]'2025-01-31' | ForEach-Object { $_.AddMonths(1).ToString('yyyy-MM-dd'); $_.AddYears(-1).DayOfYear }
'2025-02-30' -as [datetime] -eq $null
[datetime]::TryParse('31.12.2024', [ref]([datetime]::MinValue))
$parsed = [datetime]::MinValue
if ([datetime]::TryParseExact('31.12.2024', 'dd.MM.yyyy', [cultureinfo]::InvariantCulture, 'None', [ref]$parsed)) { $parsed.ToString('yyyy/MM/dd') }
