# SPDX-License-Identifier: MIT
# Checks nesting in configuration text with a stack; counts words with dictionaries; queues, sets, sorted tables.
function Test-Nesting([string]$Text) {
    $pairs = @{ ')' = '('; ']' = '['; '}' = '{' }
    $stack = [System.Collections.Generic.Stack[object]]::new()
    $line = 1; $column = 0
    foreach ($c in $Text.ToCharArray()) {
        $column++
        if ($c -eq "`n") { $line++; $column = 0; continue }
        if ("$c" -in $pairs.Values) { $stack.Push(@("$c", $line, $column)) }
        elseif ($pairs.ContainsKey("$c")) {
            if (-not $stack.Count) { return "${line}:${column} '$c' closes nothing" }
            $open = $stack.Pop()
            if ($open[0] -ne $pairs["$c"]) { return "${line}:${column} '$c' closes '$($open[0])' of $($open[1]):$($open[2])" }
        }
    }
    if ($stack.Count) { $open = $stack.Peek(); return "'$($open[0])' of $($open[1]):$($open[2]) is not closed" }
    'good'
}
'server { listen [80]; }', "if (a) {`n  b[1)`n}", 'x }', "{`n (`n)", '' | ForEach-Object { '{0,-24} {1}' -f ($_ -replace "`n", '\n'), (Test-Nesting $_) }
$words = [System.Collections.Generic.Dictionary[string, int]]::new([System.StringComparer]::OrdinalIgnoreCase)
foreach ($w in 'The service the agent the log The End'.Split(' ')) {
    $n = 0
    $null = $words.TryGetValue($w, [ref]$n)
    $words[$w] = $n + 1
}
$words.GetEnumerator() | Sort-Object -Property @{ e = 'Value'; Descending = $true }, Key | ForEach-Object { "$($_.Key)=$($_.Value)" }
$queue = [System.Collections.Generic.Queue[string]]::new()
'a', 'b', 'c' | ForEach-Object { $queue.Enqueue($_) }
$order = while ($queue.Count) {
    $item = $queue.Dequeue()
    $item
    if ($item -eq 'b') { $queue.Enqueue('b-again') }
}
$order -join ' > '
$left = [System.Collections.Generic.HashSet[string]]::new([string[]]('web', 'db', 'cache'))
$right = [System.Collections.Generic.HashSet[string]]::new([string[]]('db', 'mail'))
$both = [System.Collections.Generic.HashSet[string]]::new($left)
$both.IntersectWith($right)
"both: $both; added twice: $($left.Add('web')); subset: $($both.IsSubsetOf($left))"
$left.ExceptWith($right)
($left | Sort-Object) -join ','
$sorted = [System.Collections.Generic.SortedDictionary[string, object]]::new()
$sorted['zeta'] = 1; $sorted['alpha'] = @(1, 2); $sorted['mid'] = $null
$sorted.Keys -join ' '
$list = [System.Collections.Generic.List[int]](5, 3, 9)
$list.AddRange([int[]](1, 7)); $list.Sort(); $list.Insert(0, 0); [void]$list.Remove(9); $list.Reverse()
"$list has $($list.Count), 7 at $($list.IndexOf(7)), contains 9: $($list.Contains(9))"
$a = [System.Collections.ArrayList]@(1, 'two'); [void]$a.Add(3.5); $a.Count; $a[1]
$fixed = 1, 2, 3
try { $fixed.Add(4) } catch { $_.Exception.Message }
$table = @{ b = 2; a = 1 }
$table.ContainsValue(2), $table.Remove('a'), $table.Count -join ' '
