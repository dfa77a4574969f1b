# SPDX-License-Identifier: MIT
# A small template engine: {{name}}, {{#if}}, loops, escapes; and the language's own expansion.
function Expand-Template {
    param([Parameter(Mandatory)][string]$Template, [hashtable]$Data, [switch]$Html)
    $text = [regex]::Replace($Template, '(?s)\{\{#each (\w+)\}\}(.*?)\{\{/each\}\}', {
        param($m)
        $inner = $m.Groups[2].Value
        $n = 0
        -join (@($Data[$m.Groups[1].Value]) | ForEach-Object {
            $n++
            $scope = if ($_ -is [System.Collections.IDictionary]) { @{} + $_ } else { @{ this = $_ } }
            $scope['index'] = $n
            Expand-Template $inner $scope -Html:$Html
        })
    })
    $text = $text -replace '(?s)\{\{#if (\w+)\}\}(.*?)(?:\{\{else\}\}(.*?))?\{\{/if\}\}', { if ($Data[$_.Groups[1].Value]) { $_.Groups[2].Value } else { $_.Groups[3].Value } }
    $text -replace '\{\{(\w+)(?:\|(\w+))?\}\}', {
        $key, $filter = $_.Groups[1].Value, $_.Groups[2].Value
        if (-not $Data.ContainsKey($key)) { return $_.Value }
        $value = "$($Data[$key])"
        $value = switch ($filter) { 'upper' { $value.ToUpper() } 'len' { $value.Length } default { $value } }
        if ($Html) { $value -replace '&', '&amp;' -replace '<', '&lt;' } else { $value }
    }
}
$data = @{
    host  = 'web01'
    admin = 'Ann <ann@example.org>'
    tls   = $true
    ports = 80, 443
    disks = @{ name = 'sda'; size = 10 }, @{ name = 'sdb'; size = 20 }
}
Expand-Template 'Host {{host|upper}} ({{host|len}}) by {{admin}}; {{missing}}' $data
Expand-Template '<p>{{admin}}</p>' $data -Html
Expand-Template '{{#if tls}}https{{else}}http{{/if}}://{{host}}{{#if ipv6}}[]{{/if}}' $data
Expand-Template "Ports:{{#each ports}} {{index}}={{this}}{{/each}}`nDisks:`n{{#each disks}}  {{name}}: {{size}} GB`n{{/each}}End" $data
$name = 'web01'; $load = 1.5
$ExecutionContext.InvokeCommand.ExpandString('$name has load $load, doubled $($load * 2)')
$template = 'literally $name'
$template
"nested: $("$name/$($data.ports -join ',')")"
'{0,-8}|{1,6:n1}|{2,4:p0}|{{literal}}' -f $name, $load, 0.25
@"
${name}:
`t"quoted" and `$escaped
$($data.disks | ForEach-Object { "  - $($_.name)" } | Out-String -NoNewline)
"@
