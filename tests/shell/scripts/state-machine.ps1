# SPDX-License-Identifier: MIT
# A small state machine with events, guards, history; do/until, labelled loops, switch fall-through, script properties.
[CmdletBinding()]
param()
[Flags()] enum Cap { None = 0; Start = 1; Stop = 2; Reload = 4; All = 7 }
enum Phase { Stopped; Starting; Running; Failed }
class Machine {
    [string]$Name
    [Phase]$Phase = [Phase]::Stopped
    [Cap]$Caps
    hidden [object[]]$log = @()
    static [hashtable]$Table = @{
        'Stopped/start'    = 'Starting'
        'Starting/ready'   = 'Running'
        'Starting/timeout' = 'Failed'
        'Running/stop'     = 'Stopped'
        'Running/crash'    = 'Failed'
        'Failed/reset'     = 'Stopped'
    }
    Machine([string]$name, [Cap]$caps) { $this.Name = $name; $this.Caps = $caps }
    [bool]Can([Cap]$cap) { return ($this.Caps -band $cap) -eq $cap }
    [Machine]Send([string]$what) {
        $key = '{0}/{1}' -f $this.Phase, $what
        if (-not [Machine]::Table.ContainsKey($key)) { throw [System.InvalidOperationException]::new("$($this.Name): '$what' makes no sense while $($this.Phase)") }
        if ($what -in 'start', 'stop' -and -not $this.Can($what)) { throw "$($this.Name) may not $what" }
        $old = $this.Phase
        $this.Phase = [Machine]::Table[$key]
        $this.log += , @($old, $what, $this.Phase)
        return $this
    }
    [string[]]History() { return $this.log | ForEach-Object { "$($_[0]) -$($_[1])-> $($_[2])" } }
}
$web = [Machine]::new('web', 'Start, Stop')
$db = [Machine]::new('db', [Cap]::Start)
$web.Send('start').Send('ready').Phase
$web.Caps
$web.Can('Stop'), $db.Can('Stop'), [Machine]::new('x', 7).Can('All') -join ' '
$null = $db.Send('start').Send('ready')
foreach ($attempt in { $db.Send('stop') }, { $web.Send('reset') }, { $web.Send('crash').Send('reset').Send('start') }) {
    try { & $attempt | ForEach-Object { "$($_.Name) is $($_.Phase)" } } catch { "$($_.Exception.GetType().Name): $_" }
}
$web.History()
[Cap]::Start -bor [Cap]::Reload; [int][Cap]'Stop, Reload'; [Cap]3; ([Cap]::All).HasFlag([Cap]::Stop); [enum]::IsDefined([Phase], 'Running')
[Phase]::Running -gt [Phase]::Stopped; [Phase]'failed' -eq 3; [enum]::GetNames([Phase]) -join ','; [Phase]::Failed.value__
try { [Phase]'Sleeping' } catch { $_.FullyQualifiedErrorId }
$n = 0
:outer do {
    $n++
    switch ($n) {
        { $_ % 2 -eq 0 } { "even $n" }
        { $_ -gt 2 } { "big $n"; continue outer }
        4 { 'four never seen' }
        default { "odd small $n" }
    }
} until ($n -ge 4)
$events = 'ready', 'start', 'ready', 'stop', 'crash'
$probe = [Machine]::new('probe', 'All')
$ok, $bad = $events.Where({ try { $null = $probe.Send($_); $true } catch { $false } }, 'Split')
"accepted $($ok -join ','); refused $($bad -join ',')"
$probe | Add-Member -MemberType ScriptProperty -Name Busy -Value { $this.Phase -notin [Phase]::Stopped, [Phase]::Failed } -PassThru | Select-Object Name, Phase, Busy | Format-List
$groups = $web, $db, $probe | Group-Object Phase | Sort-Object Name
$groups | ForEach-Object { '{0}: {1}' -f $_.Name, ($_.Group.Name -join ' ') }
$web, $db, $probe | Sort-Object Phase, Name -Descending | ForEach-Object Name
$counter = @{}
switch -Regex ($web.History()) {
    '-(?<event>\w+)->' { $counter[$Matches.event]++ }
    '^Running' { $counter['from running']++ }
}
($counter.GetEnumerator() | Sort-Object Key | ForEach-Object { "$($_.Key)=$($_.Value)" }) -join ' '
$web -eq $web; $web -eq $db; $web -is [Machine]; [Machine]::Table.Count
