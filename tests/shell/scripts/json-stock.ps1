# SPDX-License-Identifier: MIT
# An inventory kept as JSON: read, validated by schema, merged, compared, written back.
$text = @'
{
  "site": "north", "updated": "2024-02-29T10:20:30Z",
  "racks": [
    { "id": 1, "units": [ { "host": "web1", "cpu": 8, "tags": ["prod", "front"] }, { "host": "web2", "cpu": 4, "tags": [] } ] },
    { "id": 2, "units": [ { "host": "db1", "cpu": 32, "tags": ["prod"], "disk": { "size": 2e3, "ratio": 0.75, "raid": null } } ] }
  ],
  "big": 12345678901234, "neg": -1.5e-3, "ok": true, "esc": "tab\tquote\" \u00e9 \ud83d\ude00"
}
'@
$doc = $text | ConvertFrom-Json
$doc.site, $doc.racks.Count, ($doc.racks.units.host -join ','), $doc.updated.GetType().Name, $doc.big.GetType().Name, $doc.neg.GetType().Name -join ' '
$doc.updated.ToString('yyyy-MM-dd HH:mm:ss'), $doc.updated.Kind, $doc.esc.Length -join ' '
$doc.racks[1].units[0].disk.size.GetType().Name; $null -eq $doc.racks[1].units[0].disk.raid; $doc.racks[0].units[1].tags.Count
$doc.racks | ForEach-Object { $rack = $_; $_.units | Select-Object @{ n = 'Rack'; e = { $rack.id } }, host, cpu, @{ n = 'Tags'; e = { $_.tags -join '+' } } } | Format-Table
$doc.racks[0].units[0] | Add-Member -NotePropertyName owner -NotePropertyValue ann
$doc.racks[1].units += [pscustomobject]@{ host = 'db2'; cpu = 16; tags = @('test') }
$doc.psobject.Properties.Remove('esc')
$doc.updated = '2024-03-01'
$doc | ConvertTo-Json -Depth 10
$doc | ConvertTo-Json -Depth 2 -Compress -WarningAction SilentlyContinue -WarningVariable cut
$cut.Count; "$($cut[0])"
$table = $text | ConvertFrom-Json -AsHashtable
$table.GetType().Name; $table.racks[0].units[0].Keys -join ','; $table.ContainsKey('SITE')
'[1,[2,3],[]]' | ConvertFrom-Json | ForEach-Object { "$($_.GetType().Name):$($_ -join '-')" }
('[1]' | ConvertFrom-Json).GetType().Name; ('[1]' | ConvertFrom-Json -NoEnumerate).GetType().Name
ConvertTo-Json @(1); ConvertTo-Json 1 -AsArray -Compress; 1, 2 | ConvertTo-Json -Compress; ConvertTo-Json $null; , @() | ConvertTo-Json; @{} | ConvertTo-Json
[ordered]@{ day = [DayOfWeek]::Friday; when = [datetime]::new(2024, 5, 6, 7, 8, 9, 'Utc'); span = [timespan]'1:30'; v = [version]'1.2'; g = [guid]::Empty; c = [char]'x'; d = 1.0; m = 1.10d; u = [uri]'http://a/b?c=d'; s = "<a>'&é`n" } | ConvertTo-Json -Compress
[pscustomobject]@{ day = [DayOfWeek]'Monday'; s = '<é>' } | ConvertTo-Json -EnumsAsStrings -EscapeHandling EscapeNonAscii -Compress
'<é>' | ConvertTo-Json -EscapeHandling EscapeHtml
$schema = @'
{ "type": "object", "required": ["name", "port"], "additionalProperties": false,
  "properties": { "name": { "type": "string", "pattern": "^[a-z]+$" }, "port": { "type": "integer", "minimum": 1, "maximum": 65535 },
                  "tags": { "type": "array", "items": { "enum": ["a", "b"] }, "uniqueItems": true } } }
'@
foreach ($j in '{"name":"web","port":80}', '{"name":"Web","port":80}', '{"name":"web","port":0}', '{"name":"web"}', '{"name":"web","port":1,"x":2}', '{"name":"web","port":1,"tags":["a","a"]}', '{"name":') {
    '{0,-45} {1,-6}{2}' -f $j, (Test-Json $j -ErrorAction SilentlyContinue), (Test-Json $j -Schema $schema -ErrorAction SilentlyContinue)
}
try { '{"a":1,}x' | ConvertFrom-Json } catch { $_.FullyQualifiedErrorId }
'{"a":1,"A":2}' | ConvertFrom-Json -AsHashtable | ForEach-Object { $_.Keys.Count }
'// remark
{ "a": 1 /* one */ }' | ConvertFrom-Json | ForEach-Object a
$old = '[{"k":"a","v":1},{"k":"b","v":2},{"k":"c","v":3}]' | ConvertFrom-Json
$new = '[{"k":"a","v":1},{"k":"b","v":5},{"k":"d","v":4}]' | ConvertFrom-Json
Compare-Object $old $new -Property k, v | Sort-Object k, SideIndicator | Format-Table
Compare-Object $old $new -Property k -PassThru -IncludeEqual | Sort-Object k | ForEach-Object { "$($_.SideIndicator) $($_.k) $($_.v)" }
Compare-Object $old $new -Property k -ExcludeDifferent -IncludeEqual | Measure-Object | ForEach-Object Count
$index = $new | Group-Object k -AsHashTable -AsString
foreach ($o in $old) { if ($index.ContainsKey($o.k) -and $index[$o.k][0].v -ne $o.v) { "$($o.k): $($o.v) -> $($index[$o.k][0].v)" } }
$merged = [ordered]@{}; foreach ($o in $old + $new) { $merged[$o.k] = $o.v }; ($merged | ConvertTo-Json -Compress)
$doc | ConvertTo-Json -Depth 9 | Set-Content stock.json; (Get-Content stock.json -Raw | ConvertFrom-Json).racks[1].units[1].tags[0]
