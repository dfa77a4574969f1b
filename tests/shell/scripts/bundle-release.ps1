# SPDX-License-Identifier: MIT
# Builds a release: a module with a manifest, hashes, archives, CliXml and data files, transcripts, encodings.
$ErrorActionPreference = 'Stop'
$root = Join-Path $PWD 'build' 'out'
$null = New-Item -ItemType Directory $root -Force
$module = New-Item -ItemType Directory (Join-Path $root Ops.Tools)
@'
$script:counter = 0
function Get-Next { [CmdletBinding()] param([int]$Step = 1) $script:counter += $Step; Format-Inner $script:counter }
function Format-Inner($n) { "no. $n" }
function Reset-Next { [CmdletBinding(SupportsShouldProcess)] param() if ($PSCmdlet.ShouldProcess('counter', 'Reset')) { $script:counter = 0 } }
$Limit = 10
Set-Alias nxt Get-Next
Export-ModuleMember -Function Get-Next, Reset-Next -Alias nxt -Variable Limit
$MyInvocation.MyCommand.ScriptBlock.Module.OnRemove = { $global:removed = $true }
'@ | Set-Content (Join-Path $module 'Ops.Tools.psm1')
New-ModuleManifest -Path (Join-Path $module 'Ops.Tools.psd1') -RootModule Ops.Tools.psm1 -ModuleVersion 1.4.2 -Author 'Ops' `
    -FunctionsToExport Get-Next, Reset-Next -AliasesToExport nxt -VariablesToExport Limit -Description 'Counts' -Guid 6f9619ff-8b86-d011-b42d-00c04fc964ff
$data = Import-PowerShellDataFile (Join-Path $module 'Ops.Tools.psd1')
"$($data.ModuleVersion) $($data.RootModule) $($data.FunctionsToExport -join '+') $($data.GUID)"
(Test-ModuleManifest (Join-Path $module 'Ops.Tools.psd1')).Version.ToString()
$m = Import-Module (Join-Path $module 'Ops.Tools.psd1') -PassThru
"$($m.Name) $($m.Version) $($m.ModuleType) $(($m.ExportedCommands.Keys | Sort-Object) -join ',')"
Get-Next; nxt -Step 5; Get-Next
Reset-Next -WhatIf; Get-Next; Reset-Next -Confirm:$false; Get-Next
$Limit
& $m { $script:counter }; & $m { Format-Inner 99 }
try { Format-Inner 1 } catch { $_.FullyQualifiedErrorId }
(Get-Command Get-Next).Source
Remove-Module Ops.Tools
$removed; (Get-Module Ops.Tools) -eq $null

$files = 'alpha', 'beta', 'gamma' | ForEach-Object { $p = Join-Path $root "$_.txt"; Set-Content $p "$_ content" -NoNewline; Get-Item $p }
$files | Get-FileHash -Algorithm SHA1 | ForEach-Object { "$($_.Algorithm) $($_.Hash.Substring(0, 12)) $(Split-Path $_.Path -Leaf)" }
$stream = [System.IO.MemoryStream]::new([System.Text.Encoding]::ASCII.GetBytes('abc'))
(Get-FileHash -InputStream $stream -Algorithm MD5).Hash
Compress-Archive -Path $files.FullName -DestinationPath release.zip
try { Compress-Archive $files.FullName release.zip } catch { 'exists already' }
Compress-Archive -Path $files[0] -DestinationPath release.zip -Update
Expand-Archive release.zip -DestinationPath unpacked
Get-ChildItem unpacked | Sort-Object Name | ForEach-Object { "$($_.Name) $($_.Length)" }
Compare-Object (Get-Content unpacked/alpha.txt) (Get-Content $files[0]) | Measure-Object | ForEach-Object Count
Push-Location build
Resolve-Path out/a*.txt -Relative
Split-Path (Resolve-Path out/beta.txt) -LeafBase; Split-Path out/beta.txt -Extension; Split-Path /a/b/c -Parent; Split-Path a/b -Qualifier -ErrorAction SilentlyContinue
Pop-Location
(Convert-Path build/out).Substring($PWD.Path.Length)
Join-Path a b c d; Join-Path x, y z; Test-Path build/out -PathType Leaf; [IO.Path]::GetRelativePath('/a/b', '/a/c/d'); [IO.Path]::ChangeExtension('/x/y.tar.gz', 'zip')

$state = [ordered]@{ When = [datetime]'2024-05-06T07:08:09Z'; Files = $files.Name; Deep = @{ N = 1.5; B = $true; None = $null }; V = [version]'1.4.2' }
[pscustomobject]$state | Export-Clixml state.xml
$back = Import-Clixml state.xml
$back.When.ToUniversalTime().ToString('s'), $back.Files.Count, $back.Deep.N, $back.V.GetType().Name, $back.Deep.ContainsKey('None') -join ' '
$back.psobject.TypeNames[0]
$config = ConvertFrom-StringData "name = Ops`n# remark`npath = /opt/ops`nflag=a=b"
($config.GetEnumerator() | Sort-Object Name | ForEach-Object { "$($_.Name)=$($_.Value)" }) -join '; '
'äöü €' | Set-Content u8.txt; 'äöü' | Set-Content l1.txt -Encoding latin1; 'aé' | Set-Content u16.txt -Encoding unicode; 'b' | Set-Content bom.txt -Encoding utf8BOM -NoNewline
foreach ($f in 'u8', 'l1', 'u16', 'bom') { "$f $((Get-Content "$f.txt" -AsByteStream | ForEach-Object { $_.ToString('x2') }) -join '')" }
Get-Content l1.txt -Encoding latin1; (Get-Content u16.txt).Length; Get-Content u8.txt -Raw | ForEach-Object Length
[byte[]](1, 2, 255) | Set-Content raw.bin -AsByteStream; (Get-Item raw.bin).Length
1..10 | Set-Content n.txt; Get-Content n.txt -Tail 2; (Get-Content n.txt -TotalCount 3) -join ','; (Get-Content n.txt -ReadCount 4 | ForEach-Object { $_.Count }) -join ','
$temp = New-TemporaryFile; $temp.Length; $temp | Remove-Item; Test-Path $temp
