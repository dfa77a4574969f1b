# SPDX-License-Identifier: MIT
# The .NET types that scripts lean on: regex, uri, version, guid, timespan, StringBuilder, bits, [ref], formats.
using namespace System.Text
using namespace System.Text.RegularExpressions
Set-StrictMode -Version Latest
$uri = [uri]'https://ops:pw@mon.example.org:8443/api/v2/hosts?state=down&limit=5#top'
'{0} {1} {2} {3}' -f $uri.Scheme, $uri.Host, $uri.Port, $uri.AbsolutePath
$uri.Query, $uri.Fragment, $uri.UserInfo, $uri.Authority, ($uri.Segments -join '|')
[uri]::EscapeDataString('a b&c=ü'); [uri]::UnescapeDataString('a%20b%26')
([uri]::new([uri]'http://h/a/b/', '../c?x=1')).AbsoluteUri
([uri]'relative/x').IsAbsoluteUri

$sb = [StringBuilder]::new()
foreach ($n in 1..3) { [void]$sb.Append($n).Append(',') }
$sb.Length--
[void]$sb.Insert(0, '[').AppendLine(']').AppendFormat('{0:x4}|{1,6:P0}|', 48879, 0.5).Replace('|', '!')
$sb.ToString()
$sb.Length

$rx = [regex]::new('(?<key>\w+)\s*=\s*(?<value>"[^"]*"|\S+)', 'IgnoreCase')
$text = 'user = ann  home="/home/a b" Shell=/bin/sh'
$rx.Matches($text) | ForEach-Object { "$($_.Groups['key'].Value) -> $($_.Groups['value'].Value) @$($_.Index)" }
$rx.Replace($text, { param($m) $m.Groups[1].Value.ToUpper() + ':' })
$rx.Replace($text, '${value}/$1', 1)
[regex]::Split('a1b22c', '\d+') -join ','
[regex]::Escape('a.b*[c]')
[regex]::Match('x=42;y=7', '(?<=y=)\d').Value
[regex]::IsMatch("one`nTWO", '^two$', [RegexOptions]'IgnoreCase, Multiline')
$rx.GetGroupNames() -join ' '
'2024-02-29 2023-01-05' -replace '(\d+)-(\d+)-(\d+)', '$3.$2.$1'
'cpu 7 mem 93' -replace '\d+', { [int]$_.Value * 2 }
'host01' -match '^(?<name>[a-z]+)(?<no>\d+)$'
$Matches.name, [int]$Matches['no'], $Matches[0] -join ' '

$span = [timespan]'1.02:03:04.5'
"$span $($span.TotalHours) $($span.Days)d"
'{0:hh\:mm\:ss\.ff} {0:g} {0:G} {0:c}' -f $span
([timespan]::FromMinutes(90) + [timespan]::new(0, 0, 30)).ToString('h\h\ mm\m\ ss\s')
(New-TimeSpan -Start '2024-02-28' -End '2024-03-01T06:00').TotalHours
[timespan]::ParseExact('05:30', 'mm\:ss', $null).TotalSeconds
$when = [datetime]::new(2024, 2, 29, 13, 4, 5, 678, 'Utc')
$when.ToString('o'); $when.ToString('r'); $when.ToString('s'); $when.ToString('u'); "{0:yyyy-MM-dd'T'HH:mm:ss.fffK}" -f $when
$when.AddYears(1).ToString('dddd, dd MMMM yyyy'); $when.DayOfYear; $when.DayOfWeek; [datetime]::IsLeapYear(2100)
($when - [datetime]'2024-02-28').ToString(); $when.Date; $when.Ticks
[datetimeoffset]::FromUnixTimeSeconds(1709211845).ToString('yyyy-MM-dd HH:mm:ss zzz')
[datetimeoffset]::new(2024, 5, 6, 7, 8, 9, [timespan]::FromHours(2)).ToUnixTimeSeconds()
Get-Date -Date $when -UFormat '%Y%m%d %H:%M %a %j'
$parsed = [datetime]::MinValue
[datetime]::TryParseExact('06/05/24', 'dd/MM/yy', [cultureinfo]::InvariantCulture, 'None', [ref]$parsed); $parsed.ToString('d MMM yyyy')
$number = 0
[int]::TryParse('12x', [ref]$number), $number, [int]::TryParse('0042', [ref]$number), $number -join ' '

$g = [guid]'6F9619FF-8B86-D011-B42D-00C04FC964FF'
"$g", $g.ToString('N'), $g.ToString('B'), ([guid]::Empty -eq [guid]'00000000-0000-0000-0000-000000000000') -join "`n"
$v = [version]'2.10.3'
$v.Minor, $v.Revision, ($v -gt '2.9'), $v.ToString(2), [version]::Parse('1.2').CompareTo([version]'1.2.0') -join ' '

function Step([ref]$Total, [int]$By) { $Total.Value += $By }
$sum = 1; Step ([ref]$sum) 4; Step ([ref]$sum) -2; $sum
(0xFF -band 0x0F), (1 -shl 10), (-16 -shr 2), (-bnot 5), (6 -bxor 3), (0x80000000), 0b1011, 1kb, 0xFFFFFFFFFF -join ' '
[convert]::ToString(202, 2).PadLeft(12, '0'); [convert]::ToInt32('ff', 16); [convert]::ToBase64String([Encoding]::UTF8.GetBytes('héllo'))
[BitConverter]::ToString([BitConverter]::GetBytes(258)); [math]::Round(2.5), [math]::Round(3.5), [math]::Round(-2.567, 1), [math]::Round(2.5, 'AwayFromZero') -join ' '
[math]::DivRem(17, 5); [math]::Truncate(-3.7), [math]::Ceiling(3.1), [math]::Pow(2, 0.5), [math]::Log10(1000), [math]::Sign(-3) -join ' '
'{0,8:N2}|{1,-8:X}|{2:D5}|{3:e2}|{4:#,##0.00;(#,##0.00);zero}|{5:000.0}' -f 1234.567, 255, 42, 12345.678, -9876.5, 3.14159
'{0:C}|{1:p}|{2:0.##%}|{{x}}|{3:#.#}' -f 12.5, 0.256, 0.1234, 0
[char]65, [int][char]'z', [string][char]0x20AC, ('abc'.ToCharArray() -join '.') -join ' '
[int]'0x1F', [int]2.5, [int]3.5, [int]'1e3', [double]'1,234.5', [long]1e10, [decimal]'1.10', [bool]'false' -join ' '
(10 / 4), (10 / 5), (-7 % 3), (2147483647 + 1), (1d / 3), (5 * '2'), ('5' * 2), 1e20, 1.0, 100000000000000000000 -join ' '
