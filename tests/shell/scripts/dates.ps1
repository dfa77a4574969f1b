# SPDX-License-Identifier: MIT
# Dates as reports need them: ends of months, working days, quarters, ages, durations, formats.
$today = [datetime]'2026-11-28T14:30:15Z'
$today = $today.ToUniversalTime()
'{0:yyyy-MM-dd} is a {0:dddd}, day {1} of the year' -f $today, $today.DayOfYear
function Get-MonthEnd([datetime]$Date) { [datetime]::new($Date.Year, $Date.Month, [datetime]::DaysInMonth($Date.Year, $Date.Month)) }
foreach ($d in '2026-02-10', '2028-02-10', '2026-04-30') { '{0:d MMM yyyy}' -f (Get-MonthEnd $d) }
function Add-WorkingDays([datetime]$From, [int]$Days) {
    $step = [math]::Sign($Days)
    while ($Days) {
        $From = $From.AddDays($step)
        if ($From.DayOfWeek -notin 'Saturday', 'Sunday') { $Days -= $step }
    }
    $From
}
(Add-WorkingDays $today 5).ToString('ddd dd.MM.')
(Add-WorkingDays $today -1).ToString('ddd dd.MM.')
function Get-Quarter([datetime]$d) { 'Q{0} {1}' -f [math]::Ceiling($d.Month / 3), $d.Year }
1, 3, 4, 12 | ForEach-Object { Get-Quarter "2026-$_-01" }
$span = New-TimeSpan -Start '2026-11-01 08:15' -End $today.Date
$span | Format-List Days, Hours, Minutes, TotalHours
'{0:d\.hh\:mm} or {0:c}' -f $span
$took = [timespan]::FromSeconds(93784.5)
"$took; $($took.Days)d $($took.Hours)h $($took.Minutes)m $($took.Seconds).$($took.Milliseconds / 100)s; $([math]::Round($took.TotalDays, 3)) days"
function Get-Age([datetime]$Born, [datetime]$At) {
    $years = $At.Year - $Born.Year
    if ($Born.AddYears($years) -gt $At) { $years-- }
    $years
}
"age: $(Get-Age 1990-11-29 $today), $(Get-Age 1990-11-28 $today)"
$list = '2026-03-01', '2025-12-31', '2026-01-15' | ForEach-Object { [datetime]$_ } | Sort-Object
($list | ForEach-Object ToString 'yyyy-MM-dd') -join ' < '
$list[0] -lt $list[1]
($list[-1] - $list[0]).Days
Get-Date -Date $today -Format 'yyyyMMddTHHmmss'
Get-Date $today -UFormat '%Y/%m/%d %j %u'
[datetime]::TryParse('31.02.2026', [ref]([datetime]::MinValue))
$out = [datetime]::MinValue
if ([datetime]::TryParseExact('20261128', 'yyyyMMdd', $null, 'None', [ref]$out)) { $out.ToString('o') }
[datetimeoffset]::FromUnixTimeSeconds(1795876215).ToString('u')
[int][double]::Parse((Get-Date $today -UFormat %s))
