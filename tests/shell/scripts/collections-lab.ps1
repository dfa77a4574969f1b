# SPDX-License-Identifier: MIT
# Scheduling with the collections that scripts take from .NET: lists, sets, queues, stacks, sorted and nested tables.
using namespace System.Collections.Generic
$list = [List[int]](5, 3, 9, 1)
$list.Add(7); $list.AddRange([int[]](2, 2)); $list.Insert(0, 8); [void]$list.Remove(9); $list.RemoveAt(1)
"$list | $($list.Count) | $($list.IndexOf(2)) $($list.LastIndexOf(2)) $($list.Contains(7))"
$list.Sort(); "$list"; $list.Reverse(); "$list"; $list.FindAll({ $args[0] -gt 2 }) -join ','; $list.Exists({ param($x) $x -eq 1 }); $list.GetRange(1, 2) -join '/'
[void]$list.RemoveAll({ $args[0] -eq 2 }); $list.ToArray().GetType().Name; $list[-1]; try { $list.Add('x') } catch { $_.FullyQualifiedErrorId }
$d = [Dictionary[string, int]]::new([StringComparer]::OrdinalIgnoreCase)
$d['One'] = 1; $d.Add('Two', 2); $d['ONE'] += 10; "$($d['one']) $($d.Count) $($d.ContainsKey('TWO')) $($d.Keys -join ',')"
try { $d.Add('two', 3) } catch { $_.Exception.InnerException.GetType().Name }; $v = 0; $d.TryGetValue('three', [ref]$v); $d.Remove('One')
foreach ($pair in $d.GetEnumerator()) { "$($pair.Key)=$($pair.Value)" }
$s = [HashSet[string]]::new([string[]]('a', 'b', 'c')); $s.Add('a'); $s.Add('d'); $t = [HashSet[string]]::new([string[]]('c', 'd', 'e'))
$s.IsSupersetOf([string[]]('a', 'd')); $s.IntersectWith($t); ($s | Sort-Object) -join ''; $s.UnionWith($t); $s.Count; $s.SetEquals($t)
$q = [Queue[object]]::new(); 'x', 'y', 'z' | ForEach-Object { $q.Enqueue($_) }; $q.Dequeue(); $q.Peek(); $q.Count; $q.ToArray() -join ','
$st = [Stack[int]]::new(); 1..3 | ForEach-Object { $st.Push($_) }; $st.Pop(); $st.Peek(); "$st"
$sd = [SortedDictionary[string, object]]::new(); $sd['pear'] = 1; $sd['apple'] = 2; $sd['fig'] = 3; $sd.Keys -join ' '; ($sd.GetEnumerator() | ForEach-Object { $_.Value }) -join ''
$al = [System.Collections.ArrayList]@(3, 'b', 2.5); $i = $al.Add('new'); "$i $($al.Count)"; $al.RemoveRange(0, 2); "$al"
$ht = @{ b = 1; a = @{ deep = @(1, @{ x = 'found' }) } }; $ht.a.deep[1].x; $ht['a']['deep'][0]; $copy = $ht.Clone(); $copy.b = 9; $ht.b; $ht.Keys.Count
$ht.c ??= 'late'; $ht.Remove('b'); $ht.ContainsValue('late'); ($ht.Keys | Sort-Object) -join ','; $sum = @{ a = 1 } + @{ z = 2 }; $sum.Count; try { @{ a = 1 } + @{ a = 2 } } catch { $_.FullyQualifiedErrorId }
$o = [ordered]@{ z = 1; y = 2 }; $o.Insert(1, 'm', 5); $o[0]; $o['m']; $o.Keys -join ''; $o.RemoveAt(0); $o.Contains('z'); [int[]]$o.Values -join '+'
$num = @{ 1 = 'int'; '1' = 'string'; 1.5 = 'double' }; $num[1]; $num['1']; $num.Count; $num[[long]1]
$a = 1..10; $a[2..4] -join ','; $a[-3..-1] -join ','; $a[0, 9, -1] -join ','; $a[20] -eq $null; ($a[5..2]) -join ','; $a[8..20].Count
$jag = @(, @(1, 2) + , @(3)); $jag[0][1], $jag.Count, $jag[1].Count -join ' '
$a += 11; $a.Count; ($a -gt 8) -join ','; ($a -ne 5).Count; [array]::IndexOf($a, 4); [array]::Reverse($a); $a[0]; $b = @(3, 1, 2); [array]::Sort($b); "$b"; $b.Contains(2); (1, 2, 2, 3 | Get-Unique) -join ''
, @(1, 2) | ForEach-Object { $_.Count }; @(, @(1, 2)).Count; @($null).Count; @().Count; ($null | Measure-Object).Count; (1, $null, 2).Count
$people = 'Zoe,30,ops', 'ann,25,dev', 'Bob,30,dev', 'cid,41,ops' | ConvertFrom-Csv -Header Name, Age, Team
($people | Sort-Object Name).Name -join ' '; ($people | Sort-Object Name -CaseSensitive -Descending).Name -join ' '; ($people | Sort-Object { [int]$_.Age }, @{ e = 'Name'; Descending = $true }).Name -join ' '
($people | Sort-Object Team -Unique).Name -join ' '; ($people | Sort-Object Age -Top 1 -Descending).Name -join ' '; ('b10', 'b9', 'B1' | Sort-Object { [int]($_ -replace '\D') }) -join ' '; ('b', 'A', 'a', 'B' | Sort-Object -CaseSensitive) -join ''; ('b', 'A', 'a' | Sort-Object -Unique) -join ''
$people | Group-Object Team | Sort-Object Name | ForEach-Object { "$($_.Name): $($_.Group.Name -join '+'), mean $(($_.Group | Measure-Object Age -Average).Average)" }
$nested = $people | Group-Object Team, Age -AsHashTable -AsString; ($nested.Keys | Sort-Object) -join ' | '
$people | Select-Object -Skip 1 -First 2 | ForEach-Object Name; ($people | Select-Object -Last 1).Name; ($people | Select-Object -Index 0, 3).Name -join ' '; ($people | Select-Object -SkipLast 3).Name
$people | Select-Object Name, @{ n = 'Born'; e = { 2024 - $_.Age } } -ExcludeProperty Age | Format-Table -AutoSize
($people | Measure-Object Age -Sum -Maximum).Sum; 'one two', 'three' | Measure-Object -Word -Line -Character | ForEach-Object { "$($_.Words) $($_.Lines) $($_.Characters)" }
$tuple = [Tuple]::Create('k', 5); $tuple.Item1, $tuple.Item2 -join ':'; $kv = [KeyValuePair[string, int]]::new('n', 3); "$($kv.Key) $($kv.Value) $kv"
$e = $people.GetEnumerator(); $null = $e.MoveNext(); $e.Current.Name; [string]::Join('-', [List[string]]('p', 'q'))
$graph = @{ a = 'b', 'c'; b = @('d'); c = @('d'); d = @() }
$visited = [HashSet[string]]::new(); $todo = [Queue[string]]::new(); $todo.Enqueue('a')
while ($todo.Count) { $node = $todo.Dequeue(); if ($visited.Add($node)) { foreach ($next in $graph[$node]) { $todo.Enqueue($next) } } }
$visited -join '>'
$matrix = foreach ($r in 1..3) { , @(1..3 | ForEach-Object { $_ * $r }) }; $matrix.Count; $matrix[2] -join ' '; ($matrix | ForEach-Object { $_[1] }) -join ' '
