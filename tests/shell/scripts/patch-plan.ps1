# SPDX-License-Identifier: MIT
# Versions compared as dpkg and semantic versioning do, a plan of updates in waves, holds and reasons.
class PackageVersion : System.IComparable {
    [version]$Core
    [string]$Label
    PackageVersion([string]$text) {
        if ($text -notmatch '^v?(?<core>\d+(\.\d+){0,3})(?:-(?<label>[0-9A-Za-z.-]+))?$') {
            throw [System.FormatException]::new("'$text' is no version")
        }
        $core = $Matches.core
        if ($core -notlike '*.*') { $core += '.0' }
        $this.Core = [version]$core
        $this.Label = $Matches['label']
    }
    [int]CompareTo([object]$other) {
        $that = [PackageVersion]$other
        $c = $this.Core.CompareTo($that.Core)
        if ($c) { return $c }
        if (-not $this.Label) { return [int][bool]$that.Label }
        if (-not $that.Label) { return -1 }
        return [string]::CompareOrdinal($this.Label, $that.Label)
    }
    [bool]Equals([object]$other) { return $this.CompareTo($other) -eq 0 }
    [string]ToString() { return "$($this.Core)$(if ($this.Label) { "-$($this.Label)" })" }
}
$installed = @{ nginx = '1.24.0'; openssl = '3.0.11'; curl = '8.5.0-rc1'; vim = '9.0'; kernel = '6.1.90' }
$available = [ordered]@{ nginx = '1.26.1'; openssl = '3.0.13'; curl = '8.5.0'; vim = '9.0.0'; kernel = '6.1.90'; jq = '1.7' }
$hold = @{ nginx = 'change freeze until Friday' }
$wave = @{ openssl = 1; curl = 1; kernel = 3 }

$plan = foreach ($entry in $available.GetEnumerator()) {
    $name = $entry.Key
    $new = [PackageVersion]$entry.Value
    $old = if ($installed.ContainsKey($name)) { [PackageVersion]$installed[$name] }
    $action, $why =
        if ($null -eq $old) { 'skip', 'not installed' }
        elseif ($hold.Contains($name)) { 'hold', $hold[$name] }
        elseif ($new -gt $old) { 'update', $(if ($new.Core.Major -gt $old.Core.Major) { 'major' } else { 'minor' }) }
        elseif ($new -eq $old) { 'none', 'up to date' }
        else { 'none', "newer is installed" }
    [pscustomobject]@{ Package = $name; Old = "$old"; New = "$new"; Action = $action; Wave = $wave[$name] ?? 2; Why = $why }
}
$plan | Format-Table
$plan | Where-Object Action -eq update | Group-Object Wave | Sort-Object { [int]$_.Name } | ForEach-Object {
    "wave $($_.Name): $(($_.Group | Sort-Object Package | ForEach-Object { "$($_.Package) $($_.Old) -> $($_.New)" }) -join '; ')"
}
'10.0', '9.1', 'v9.1-beta', '9.1-alpha', '9' | ForEach-Object { [PackageVersion]$_ } | Sort-Object | ForEach-Object { "$_" }
[PackageVersion]'2.0' -gt '2.0-rc1'
[PackageVersion]'2.0' -eq [PackageVersion]'v2.0'
try { [PackageVersion]'two' } catch { $_.Exception.Message }
[version]'1.10' -gt [version]'1.9'; '1.10' -gt '1.9'
[version]::new(1, 2, 3).ToString(2); ([version]'4.5.6.7').Revision
$byAction = $plan | Group-Object Action -AsHashTable -AsString
foreach ($key in 'update', 'hold', 'none', 'skip') { '{0,-7}{1}' -f $key, ($byAction[$key].Package -join ', ') }
$plan | Select-Object Package, Action | ConvertTo-Csv -NoTypeInformation -Delimiter "`t" | Select-Object -First 2
($plan | Where-Object { $_.Why -cmatch '^[A-Z]' } | Measure-Object).Count
switch ($plan) {
    { $_.Action -eq 'hold' } { "held: $($_.Package)"; continue }
    { $_.Package -like 'j*' } { "j: $($_.Package)" }
}
