# SPDX-License-Identifier: MIT
# A logger of one's own over all streams: preferences, redirections, variables, transcripts of functions.
function Write-Log {
    [CmdletBinding()]
    param(
        [Parameter(Mandatory, Position = 0, ValueFromPipeline)][AllowEmptyString()][string]$Message,
        [ValidateSet('Debug', 'Info', 'Warning', 'Error')][string]$Level = 'Info',
        [string]$Path = 'app.log'
    )
    process {
        [System.IO.File]::AppendAllText((Join-Path $PWD $Path), ('{0,-7} {1}' -f $Level.ToUpper(), $Message) + "`n")
        switch ($Level) {
            'Debug' { Write-Debug $Message }
            'Info' { Write-Information $Message -Tags app, info }
            'Warning' { Write-Warning $Message }
            'Error' { Write-Error $Message }
        }
    }
}
function Invoke-Work {
    [CmdletBinding()]
    param([int]$Items = 2)
    Write-Verbose "working on $Items items"
    foreach ($i in 1..$Items) { Write-Log "item $i"; $i * 10 }
    Write-Log 'queue is long' -Level Warning
    Write-Log 'item 3 is broken' -Level Error
    'result'
}
'--- default'
$out = Invoke-Work 2>$null
$out -join ','
'--- everything merged'
Invoke-Work -Verbose -InformationAction Continue *>&1 | ForEach-Object {
    $kind = switch ($_) {
        { $_ -is [System.Management.Automation.ErrorRecord] } { 'error'; break }
        { $_ -is [System.Management.Automation.WarningRecord] } { 'warning'; break }
        { $_ -is [System.Management.Automation.VerboseRecord] } { 'verbose'; break }
        { $_ -is [System.Management.Automation.InformationRecord] } { 'info'; break }
        default { 'output' }
    }
    "{0,-8}{1}" -f $kind, $_
}
'--- variables'
$null = Invoke-Work -WarningVariable w -InformationVariable info -ErrorVariable e -WarningAction SilentlyContinue -ErrorAction SilentlyContinue
"$($w.Count) warning, $($info.Count) informations, errors $(@($e).Count -ge 1): $($w[0]) / $($info[1].MessageData) / $($info[0].Tags -join '+')"
'--- streams to files'
& { Write-Output 'to file'; Write-Warning 'warned'; Write-Error 'failed' -ErrorAction Continue } > out.txt 3> warn.txt 2> err.txt
Get-Content out.txt, warn.txt
(Get-Content err.txt).Count -gt 0
Get-Content app.log | Group-Object { $_.Split(' ')[0] } | ForEach-Object { "$($_.Name) $($_.Count)" }
'--- stop on warning'
try { Write-Log 'fatal' -Level Warning -WarningAction Stop } catch { $_.FullyQualifiedErrorId.Split(',')[0]; $_.Exception.Message }
'--- preferences are local'
function Test-Local { $VerbosePreference = 'Continue'; Write-Verbose 'inside' }
Test-Local
Write-Verbose 'outside'
$VerbosePreference
function Test-Silence { [CmdletBinding()] param() $WarningPreference = 'SilentlyContinue'; Write-Warning 'not shown'; Get-Item /nope -ErrorAction Ignore; $Error.Count }
$Error.Clear()
Test-Silence
Write-Host 'a', 'b' -Separator '-' -NoNewline
Write-Host
Write-Host (1..3)
'x', '', 'y' | Write-Log -Level Debug -Path other.log
(Get-Content other.log).Count
6 | Tee-Object -Variable tee | ForEach-Object { $_ + 1 }
$tee
Write-Output (1, 2) -NoEnumerate | ForEach-Object { $_.Count }
$(Write-Warning 'sub'; 5) 3>&1
