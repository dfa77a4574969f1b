# SPDX-License-Identifier: MIT
# Audits modes and owners of a tree against a policy; native programs, exit codes, captured output, splatting to them.
param([string]$Root = (Join-Path $PWD 'tree'))
$ErrorActionPreference = 'Continue'
$null = mkdir -p "$Root/etc" "$Root/bin" "$Root/home/anna"
'secret' | Set-Content "$Root/etc/shadow"; 'x' | Set-Content "$Root/bin/tool"; 'y' | Set-Content "$Root/home/anna/.netrc"
chmod 644 "$Root/etc/shadow"; chmod 4755 "$Root/bin/tool"; chmod 600 "$Root/home/anna/.netrc"; chmod 1777 "$Root/home"
"chmod said $LASTEXITCODE, fine: $?"

$policy = @(
    @{ Match = '*/shadow'; Max = 0600; Severity = 'high' }
    @{ Match = '*/bin/*'; Forbid = 'setuid'; Severity = 'high' }
    @{ Match = '*/.netrc'; Max = 0600; Severity = 'low' }
)
function ConvertFrom-Octal([string]$Text) { [convert]::ToInt32($Text, 8) }
function Get-Mode {
    param([string]$Path)
    $arguments = '-c', '%a %U %n', $Path
    $line = stat @arguments
    if ($LASTEXITCODE -ne 0) { throw "stat failed with $LASTEXITCODE" }
    $octal, $owner, $null = $line -split ' ', 3
    $bits = ConvertFrom-Octal $octal
    [pscustomobject]@{
        Path    = $Path.Substring($Root.Length)
        Octal   = $octal.PadLeft(4, '0')
        Bits    = $bits
        Owner   = $owner
        Special = @(if ($bits -band 2048) { 'setuid' }; if ($bits -band 1024) { 'setgid' }; if ($bits -band 512) { 'sticky' })
    }
}
$modes = find $Root '(' -type f -o -perm -1000 ')' | Sort-Object | ForEach-Object { Get-Mode $_ }
$modes | Format-Table Path, Octal, Special
$findings = foreach ($mode in $modes) {
    foreach ($rule in $policy.Where({ $mode.Path -like $_.Match })) {
        $max = if ($rule.ContainsKey('Max')) { ConvertFrom-Octal "$($rule.Max)" } else { 4095 }
        if ($mode.Bits -band -bnot $max) { [pscustomobject]@{ Path = $mode.Path; Why = "mode $($mode.Octal) is more than $($rule.Max)"; Severity = $rule.Severity } }
        if ($rule.Forbid -and $rule.Forbid -in $mode.Special) { [pscustomobject]@{ Path = $mode.Path; Why = "has $($rule.Forbid)"; Severity = $rule.Severity } }
    }
}
$findings | ForEach-Object { '{0,-4} {1}: {2}' -f $_.Severity.ToUpper(), $_.Path, $_.Why }
try { Get-Mode "$Root/none" 2>$null } catch { $_.Exception.Message }
$out = sh -c 'echo out; echo err >&2; exit 7' 2>&1
$ok = $?
"$ok $LASTEXITCODE, kinds: $(($out | ForEach-Object { $_.GetType().Name } | Sort-Object) -join ',')"
$text = sh -c 'printf "a\nb\n\n"'; "$($text.Count) [$($text -join '|')]"
$empty = sh -c 'exit 0'; "nothing: $($null -eq $empty)"
'b', 'a', 'c' | sort -r | ForEach-Object { $_.ToUpper() }
printf '%s\n' one 'two words' "it's" '' '*' | cat -A
$words = 'x y', 'z'
printf '<%s>' @words "$($words[0])" $words.Count; ''
sh -c 'echo "$1-$2"' name 'first arg' '--flag=a b'
$env:AUDIT = 'on'; sh -c 'echo $AUDIT'; Remove-Item env:AUDIT; sh -c 'echo "[$AUDIT]"'
$PSNativeCommandUseErrorActionPreference = $true
try { $ErrorActionPreference = 'Stop'; sh -c 'exit 9'; 'not reached' } catch { "caught $LASTEXITCODE" } finally { $ErrorActionPreference = 'Continue' }
$PSNativeCommandUseErrorActionPreference = $false
false; "after false: $?"; true && 'and'; false || 'or'
& 'printf' 'quoted %s\n' call
$program = 'echo'; & $program by variable
(Get-Command sh).CommandType
