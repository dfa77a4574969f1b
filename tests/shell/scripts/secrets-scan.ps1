# SPDX-License-Identifier: MIT
# Looks for what should not be in files: keys, passwords, addresses; with context, exceptions and an exit status.
# exit: 1
$null = New-Item -ItemType Directory src/sub, docs -Force
@'
$db = "server=db1;password=hunter2;"
$ok = 1
# password policy is elsewhere
$token = 'ghp_0123456789abcdefghij0123456789abcdef'
'@ | Set-Content src/app.ps1
"line one`nAKIAIOSFODNN7EXAMPLE`nline three" | Set-Content src/sub/aws.txt
'password=changeme  # scan:ignore', 'nothing here' | Set-Content docs/readme.md
[byte[]](0, 1, 2, 255) | Set-Content src/blob.bin -AsByteStream
$rules = @(
    [pscustomobject]@{ Name = 'password'; Pattern = '(?i)password\s*=\s*([^;"\s]+)'; Severity = 2 }
    [pscustomobject]@{ Name = 'github'; Pattern = '\bghp_[0-9A-Za-z]{36}\b'; Severity = 3 }
    [pscustomobject]@{ Name = 'aws-key'; Pattern = '\bAKIA[0-9A-Z]{16}\b'; Severity = 3 }
)
function Hide([string]$Text) { if ($Text.Length -le 4) { '*' * $Text.Length } else { $Text.Substring(0, 2) + '*' * ($Text.Length - 4) + $Text.Substring($Text.Length - 2) } }
$files = Get-ChildItem . -Recurse -File -Include *.ps1, *.txt, *.md | Sort-Object FullName
"scanning $($files.Count) files"
$hits = foreach ($file in $files) {
    foreach ($rule in $rules) {
        Select-String -Path $file -Pattern $rule.Pattern -AllMatches | ForEach-Object {
            $line = $_
            if ($line.Line -match 'scan:ignore') { Write-Information "ignored $($line.Filename):$($line.LineNumber)" -InformationAction Continue 6>&1 | Out-Host; return }
            foreach ($m in $line.Matches) {
                $secret = if ($m.Groups.Count -gt 1) { $m.Groups[1].Value } else { $m.Value }
                [pscustomobject]@{
                    File     = Resolve-Path -Relative $line.Path
                    Line     = $line.LineNumber
                    Column   = $m.Index + 1
                    Rule     = $rule.Name
                    Secret   = Hide $secret
                    Severity = $rule.Severity
                }
            }
        }
    }
}
$hits | Sort-Object -Property @{ e = 'Severity'; Descending = $true }, File, Line | Format-Table -AutoSize
Select-String -Path src/app.ps1 -Pattern 'token' -Context 1, 0 | ForEach-Object { $_.Context.PreContext; "> $($_.Line.Substring(0, 12))..." }
(Select-String 'password' src/app.ps1 -SimpleMatch).Count
(Get-ChildItem src -Recurse -File | Select-String -Pattern 'AKIA' -List).Filename
Select-String -InputObject 'a1b22c333' -Pattern '\d+' -AllMatches | ForEach-Object { $_.Matches.Value -join ' ' }
'alpha', 'beta', 'gamma' | Select-String 'a$' -NotMatch | ForEach-Object Line
[bool]('x' | Select-String 'x' -Quiet)
$worst = ($hits | Measure-Object Severity -Maximum).Maximum
"$($hits.Count) findings, worst severity $worst"
if ($worst -ge 3) { exit 1 }
