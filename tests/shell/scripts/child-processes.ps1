# Programs beside a script: started, watched, ended, asked how they ended.
$p = Start-Process sleep 30 -PassThru
"{0} {1} [{2}]" -f $p.Name, $p.HasExited, $p.ExitCode
"waited: $($p.WaitForExit(50))"
$p.Kill()
$p.WaitForExit()
"{0} {1}" -f $p.HasExited, $p.ExitCode
(Start-Process sh '-c', '"exit 3"' -PassThru -Wait).ExitCode
Start-Process sleep 0.1 -PassThru | Wait-Process -Timeout 5
Wait-Process -Id 999999 -ErrorAction SilentlyContinue -ErrorVariable missing
$missing[0].FullyQualifiedErrorId
$slow = Start-Process sleep 30 -PassThru
Wait-Process $slow.Id -Timeout 1 -ErrorAction SilentlyContinue
"ended: $($slow.HasExited)"
Stop-Process $slow
$slow | Wait-Process
"ended: $($slow.HasExited)"
(Get-Process -Id $PID).HasExited
