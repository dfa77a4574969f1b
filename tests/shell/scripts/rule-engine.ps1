# SPDX-License-Identifier: MIT
# A small rule language: script blocks as words, classes that dispatch, tables of functions, dynamic members, here-strings.
class Finding : System.IEquatable[object] {
    [string]$Rule; [string]$Target; [int]$Severity
    Finding([string]$rule, [string]$target, [int]$severity) { $this.Rule = $rule; $this.Target = $target; $this.Severity = $severity }
    [bool]Equals([object]$other) { return $other -is [Finding] -and "$this" -eq "$other" }
    [int]GetHashCode() { return "$this".GetHashCode() }
    [string]ToString() { return '{0}:{1}({2})' -f $this.Rule, $this.Target, $this.Severity }
    static [Finding]op_Addition([Finding]$a, [Finding]$b) { return [Finding]::new("$($a.Rule)+$($b.Rule)", $a.Target, [math]::Max($a.Severity, $b.Severity)) }
}
class Rule {
    [string]$Name; [scriptblock]$Test; [int]$Severity = 1; hidden [int]$Hits
    static [System.Collections.Specialized.OrderedDictionary]$All = [ordered]@{}
    [Finding[]]Run([object[]]$items) {
        $found = foreach ($item in $items) { if ($item | ForEach-Object $this.Test) { $this.Hits++; [Finding]::new($this.Name, $item.Name, $this.Severity) } }
        return @($found)
    }
}
function Rule([string]$Name, [scriptblock]$Body) {
    $rule = [Rule]@{ Name = $Name; Test = { $false } }
    function When([scriptblock]$Condition) { $rule.Test = $Condition }
    function Severity([int]$Level) { $rule.Severity = $Level }
    . $Body
    [Rule]::All[$Name] = $rule
}
Rule full { When { $_.Used / $_.Size -ge 0.9 }; Severity 3 }
Rule tiny { When { $_.Size -lt 20 } }
Rule shouting { When { $_.Name -cmatch '^[A-Z]+$' }; Severity 2 }
Rule never { }
$disks = @(@{ Name = 'root'; Size = 10; Used = 9.5 }, @{ Name = 'DATA'; Size = 100; Used = 20 }, @{ Name = 'var'; Size = 50; Used = 46 }) | ForEach-Object { [pscustomobject]$_ }
[Rule]::All.Keys -join ' '
$findings = foreach ($rule in [Rule]::All.Values) { $rule.Run($disks) }
$findings | Sort-Object @{ e = 'Severity'; Descending = $true }, Target | Format-Table
$findings.Count; $findings -join '; '; $findings[0] -eq [Finding]::new('full', 'root', 3); $findings -contains [Finding]::new('x', 'y', 1); "$($findings[0] + $findings[2])"
[Rule]::All['full'].Hits, [Rule]::All['never'].Hits, [Rule]::All.Count -join ' '
$findings | Group-Object Target | Sort-Object Count, Name | ForEach-Object { '{0,-5} {1}' -f $_.Name, ($_.Group.Rule -join ',') }
$actions = @{
    full     = { param($f) "grow $($f.Target)" }
    tiny     = { param($f) "merge $($f.Target)" }
    default  = { param($f) "note $f" }
}
$findings | ForEach-Object { $do = $actions[$_.Rule] ?? $actions.default; & $do $_ }
$template = @'
Report for {{site}}
{{#each}}  * {{name}} is {{used}} % full
{{/each}}total: {{count}}
'@
$data = @{ site = 'north'; count = $disks.Count }
$text = [regex]::Replace($template, '(?s)\{\{#each\}\}(.*?)\{\{/each\}\}', {
        param($m) -join ($disks | ForEach-Object { $d = $_; $m.Groups[1].Value -replace '\{\{name\}\}', $d.Name -replace '\{\{used\}\}', ('{0:0}' -f (100 * $d.Used / $d.Size)) })
    })
$text -replace '\{\{(\w+)\}\}', { $data[$_.Groups[1].Value] }
$expand = @"
Sum: $($disks.Used | Measure-Object -Sum | ForEach-Object Sum) of $(($disks | Measure-Object Size -Sum).Sum)
First: $($disks[0].Name.ToUpper()), "quoted" `$kept `t| ${env:NOSUCH}end
"@
$expand
$expression = '(3 + 4) * 2 - 10 / 4'
$tokens = [regex]::Matches($expression, '\d+(\.\d+)?|[-+*/()]').Value
function Get-Value([System.Collections.Generic.Queue[string]]$Q) {
    function Factor { $t = $Q.Dequeue(); if ($t -eq '(') { $v = Sum; $null = $Q.Dequeue(); $v } else { [double]$t } }
    function Product { $v = Factor; while ($Q.Count -and $Q.Peek() -in '*', '/') { if ($Q.Dequeue() -eq '*') { $v *= Factor } else { $v /= Factor } }; $v }
    function Sum { $v = Product; while ($Q.Count -and $Q.Peek() -in '+', '-') { if ($Q.Dequeue() -eq '+') { $v += Product } else { $v -= Product } }; $v }
    Sum
}
"$expression = $(Get-Value ([System.Collections.Generic.Queue[string]]::new([string[]]$tokens)))"
$props = 'Name', 'Size'; $disks[1].($props[0]), $disks[1].$($props[1]), $disks.$($props[0]).Count -join ' '
$disks | Add-Member -MemberType ScriptProperty -Name Free -Value { $this.Size - $this.Used }
$disks | Where-Object Free -gt 1 | Sort-Object Free | Select-Object Name, Free, @{ n = 'Bar'; e = { '#' * [math]::Ceiling($_.Free / 10) } } | Format-Table -HideTableHeaders
$disks | ForEach-Object { $_ } | Select-Object -ExpandProperty Name -First 2 | ForEach-Object ToLower
$methods = 'Trim', 'ToUpper', { $_.Replace('A', '4') }
$methods | ForEach-Object -Begin { $word = '  banana ' } -Process { $m = $_; $word = if ($m -is [scriptblock]) { $word | ForEach-Object $m } else { $word.$m() } } -End { $word }
