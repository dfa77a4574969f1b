# SPDX-License-Identifier: MIT
# Cron expressions: parsed, checked, and when each runs next.
function ConvertFrom-CronField([string]$Field, [int]$Min, [int]$Max) {
    $set = [System.Collections.Generic.SortedSet[int]]::new()
    foreach ($part in $Field -split ',') {
        if ($part -notmatch '^(\*|(?<a>\d+)(-(?<b>\d+))?)(/(?<step>\d+))?$') { throw "'$part' is no cron field" }
        $from, $to = $Min, $Max
        if ($Matches.ContainsKey('a')) {
            $from = [int]$Matches.a
            $to = if ($Matches.b) { [int]$Matches.b } elseif ($Matches.step) { $Max } else { $from }
        }
        if ($from -lt $Min -or $to -gt $Max -or $from -gt $to) { throw "'$part' is not within $Min-$Max" }
        $step = if ($Matches.step) { [int]$Matches.step } else { 1 }
        for ($n = $from; $n -le $to; $n += $step) { $null = $set.Add($n) }
    }
    , $set
}
function Get-NextRun {
    param([string]$Cron, [datetime]$After)
    $f = -split $Cron
    if ($f.Count -ne 5) { throw "'$Cron' has $($f.Count) fields, not 5" }
    $minutes, $hours = (ConvertFrom-CronField $f[0] 0 59), (ConvertFrom-CronField $f[1] 0 23)
    $days, $months, $week = (ConvertFrom-CronField $f[2] 1 31), (ConvertFrom-CronField $f[3] 1 12), (ConvertFrom-CronField $f[4] 0 6)
    $t = $After.AddSeconds(-$After.Second).AddMinutes(1)
    $end = $After.AddYears(4)
    while ($t -lt $end) {
        if (-not $months.Contains($t.Month)) { $t = [datetime]::new($t.Year, $t.Month, 1).AddMonths(1); continue }
        $dayFits = if ($f[2] -ne '*' -and $f[4] -ne '*') { $days.Contains($t.Day) -or $week.Contains([int]$t.DayOfWeek) } else { $days.Contains($t.Day) -and $week.Contains([int]$t.DayOfWeek) }
        if (-not $dayFits) { $t = $t.Date.AddDays(1); continue }
        if (-not $hours.Contains($t.Hour)) { $t = $t.Date.AddHours($t.Hour + 1); continue }
        if (-not $minutes.Contains($t.Minute)) { $t = $t.AddMinutes(1); continue }
        return $t
    }
}
$now = [datetime]::new(2026, 11, 28, 14, 30, 15)
$jobs = [ordered]@{
    backup  = '30 2 * * *'
    poll    = '*/15 * * * *'
    weekly  = '0 6 * * 1'
    monthly = '5 0 1 * *'
    office  = '0 9-17/4 * * 1-5'
    leap    = '0 0 29 2 *'
    either  = '0 12 13 * 5'
    never   = '0 0 31 2 *'
    broken  = '61 * * * *'
    short   = '* * *'
}
foreach ($job in $jobs.GetEnumerator()) {
    try {
        $next = Get-NextRun $job.Value $now
        $when = if ($next) { '{0:ddd yyyy-MM-dd HH:mm} (in {1})' -f $next, ($next - $now).ToString('d\d\ hh\h\ mm\m') } else { 'not within four years' }
    } catch { $when = "error: $_" }
    '{0,-8} {1,-18} {2}' -f $job.Key, $job.Value, $when
}
$runs = @(); $t = $now
1..4 | ForEach-Object { $t = Get-NextRun $jobs.poll $t; $runs += $t.ToString('HH:mm') }
$runs -join ' '
(ConvertFrom-CronField '1-5,10,*/20' 0 40) -join ','
