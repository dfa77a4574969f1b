# SPDX-License-Identifier: MIT
# Texts as reports need them: fixed columns, wrapping, encodings, comparisons, parsing of tables, checksums.
$rows = @(
    [pscustomobject]@{ Item = 'Çafé'; Qty = 3; Price = 2.5; On = [datetime]'2024-02-29' }
    [pscustomobject]@{ Item = 'naïve 日本'; Qty = 12; Price = 1234.567; On = [datetime]'2023-12-31 23:59' }
    [pscustomobject]@{ Item = ''; Qty = -1; Price = 0; On = $null }
)
$rows | ForEach-Object { '{0,-12}|{1,5:D3}|{2,10:N2}|{3:yyyy-MM-dd}|' -f $_.Item, $_.Qty, $_.Price, $_.On }
$rows | Format-Table Item, Qty, @{ n = 'Total'; e = { $_.Qty * $_.Price }; f = 'N1' }, @{ n = 'Day'; e = { $_.On }; f = 'dd/MM' }
$rows[0] | Format-List *
$rows.Item | ForEach-Object { "$($_.Length) $([System.Text.Encoding]::UTF8.GetByteCount($_)) [$($_.PadLeft(8, '.'))] [$($_.PadRight(8, '.'))]" }
function Split-Width([string]$Text, [int]$Width) {
    $line = [System.Text.StringBuilder]::new()
    foreach ($word in -split $Text) {
        if ($line.Length -and $line.Length + 1 + $word.Length -gt $Width) { $line.ToString(); [void]$line.Clear() }
        if ($line.Length) { [void]$line.Append(' ') }
        [void]$line.Append($word)
    }
    if ($line.Length) { $line.ToString() }
}
Split-Width 'The quick brown fox jumps over the lazy dog and sleeps' 16 | ForEach-Object { "|$($_.PadRight(16))|" }
$table = @'
NAME      READY  STATUS    AGE
web-1     1/1    Running   3d
web-2     0/1    CrashLoop 12m
db        2/2    Running   40d
'@ -split '\r?\n'
$starts = [regex]::Matches($table[0], '\S+') | ForEach-Object Index
$parsed = $table | Select-Object -Skip 1 | ForEach-Object {
    $o = [ordered]@{}
    for ($i = 0; $i -lt $starts.Count; $i++) {
        $end = if ($i + 1 -lt $starts.Count) { $starts[$i + 1] } else { $_.Length }
        $o[(-split $table[0])[$i]] = $_.Substring($starts[$i], $end - $starts[$i]).Trim()
    }
    [pscustomobject]$o
}
$parsed | Where-Object { $a, $b = $_.READY -split '/'; $a -ne $b } | Format-List
$parsed | ConvertTo-Csv -UseQuotes AsNeeded; $parsed | Select-Object NAME, AGE | ConvertTo-Csv -Delimiter ';' | Select-Object -Last 1
'a,"b ""q"", c",d', '1,"two",' | ConvertFrom-Csv -Header x, y, z | ForEach-Object { "$($_.x)/$($_.y)/$($_.z)" }
'abc'.CompareTo('abd'), [string]::Compare('A', 'a', $true), 'straße'.ToUpperInvariant(), 'I'.ToLower(), [string]::Equals('x', 'X', 'OrdinalIgnoreCase'), 'abc'.StartsWith('AB', 'CurrentCultureIgnoreCase') -join ' '
'path/to/file.tar.gz'.Split('/')[-1].Split('.', 2) -join ' + '; 'a-b_c'.Split([char[]]'-_') -join '|'; 'k==v'.Split('==', 'RemoveEmptyEntries') -join '|'; 'x'.PadLeft(3, '0') + 'y' * 3
'hello world'.IndexOf('o'), 'hello world'.LastIndexOf('o'), 'hello'.Insert(2, '--'), 'hello'.Remove(1, 3), 'hello'[1], 'hello'[-1], 'hello'[1..3] -join ' '
(Get-Culture).TextInfo.ToTitleCase('war and peace'); 'tEST'.Substring(0, 1).ToUpper() + 'tEST'.Substring(1).ToLower(); [string]::IsNullOrWhiteSpace(" `t"); 'a' -lt 'B'; 'a' -clt 'B'; 'é' -eq 'É'
-join [char[]](72, 105); [int[]][char[]]'Az' -join ','; [char]::IsDigit('7'); [char]::ToUpper('q'); '{0:x2}{1:X4}' -f 10, 48879; "`u{2713} ok"; 'tab	here'.Contains("`t")
$bytes = [System.Text.Encoding]::UTF8.GetBytes('Çé'); ($bytes | ForEach-Object { '{0:x2}' -f $_ }) -join ' '; [System.Text.Encoding]::UTF8.GetString($bytes); [System.Text.Encoding]::Latin1.GetBytes('é')[0]; [System.Text.Encoding]::Unicode.GetBytes('a').Count
$sha = [System.Security.Cryptography.SHA256]::Create(); [System.BitConverter]::ToString($sha.ComputeHash([System.Text.Encoding]::ASCII.GetBytes('abc'))).Replace('-', '').ToLower().Substring(0, 16)
[convert]::ToHexString([System.Security.Cryptography.MD5]::HashData([byte[]](97, 98, 99))); [System.Web.HttpUtility]::HtmlEncode('<a & "b">'); [System.Net.WebUtility]::UrlDecode('a+b%3D1')
'one', 'two', 'three' | Join-String -Separator ', ' -SingleQuote -OutputPrefix '(' -OutputSuffix ')'; $parsed | Join-String NAME -Separator '+'; 1..3 | Join-String -FormatString '<{0:d2}>'
'b', 'a', 'C' | Sort-Object -Descending | Join-String -Separator ' '; ('x' * 5).Replace('xx', 'y'); 'aXbX'.TrimEnd('X'); '  t '.Trim().Length; 'xxhixx'.Trim('x'); "a`r`nb`nc".Split("`n").Count
"$(1..3)"; $OFS = '-'; "$(1..3)"; Remove-Variable OFS; "$($rows[0].Price) $(1.0) $(1e10) $(0.1 + 0.2) $([float]0.1) $([decimal]1.50) $(10000000000) $($true) $($null)|"; 'single $x `n'; "a$('b' + "c$('d')")"; "$rows".Length -gt 0
"{0} {0:g} {1:p0} {2:#,0} {3:0.0e+0} {4,6:f1}|{5}" -f [datetime]'2024-02-29T01:02:03', 0.5, 1234567, 12345, 2.26, @(1)
