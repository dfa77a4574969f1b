# SPDX-License-Identifier: MIT
# A work queue: priorities, retries with back-off, dead letters; generics, stacks, script blocks as values, closures.
using namespace System.Collections.Generic
Set-StrictMode -Version Latest

enum Priority { Low; Normal; High }
class WorkItem {
    [int]$Id
    [string]$Kind
    [Priority]$Priority = 'Normal'
    [int]$Attempts
    [hashtable]$Data = @{}
    static hidden [int]$last = 0
    WorkItem([string]$kind) { $this.Init($kind, [Priority]::Normal) }
    WorkItem([string]$kind, [Priority]$priority) { $this.Init($kind, $priority) }
    hidden [void]Init([string]$kind, [Priority]$priority) {
        $this.Id = ++[WorkItem]::last
        $this.Kind = $kind
        $this.Priority = $priority
    }
    [string]ToString() { return '#{0} {1}/{2}' -f $this.Id, $this.Kind, $this.Priority }
}
class WorkQueue {
    hidden [Dictionary[Priority, Queue[WorkItem]]]$lanes = [Dictionary[Priority, Queue[WorkItem]]]::new()
    [int]$Limit = 3
    [List[string]]$Journal = [List[string]]::new()
    WorkQueue() { foreach ($p in [enum]::GetValues([Priority])) { $this.lanes[$p] = [Queue[WorkItem]]::new() } }
    [WorkQueue]Add([WorkItem]$item) {
        $this.lanes[$item.Priority].Enqueue($item)
        return $this
    }
    [WorkItem]Next() {
        foreach ($p in [Priority]::High, [Priority]::Normal, [Priority]::Low) {
            if ($this.lanes[$p].Count) { return $this.lanes[$p].Dequeue() }
        }
        return $null
    }
    [int]Count() { return ($this.lanes.Values | ForEach-Object Count | Measure-Object -Sum).Sum }
    [hashtable]Drain([hashtable]$handlers) {
        $result = @{ Done = [List[int]]::new(); Dead = [List[int]]::new() }
        while ($null -ne ($item = $this.Next())) {
            $item.Attempts++
            try {
                if (-not $handlers.ContainsKey($item.Kind)) { throw [KeyNotFoundException]::new("no handler for $($item.Kind)") }
                $answer = & $handlers[$item.Kind] $item
                $this.Journal.Add("$item -> $answer")
                $result.Done.Add($item.Id)
            }
            catch [KeyNotFoundException] {
                $this.Journal.Add("$item dropped: $($_.Exception.Message)")
                $result.Dead.Add($item.Id)
            }
            catch {
                if ($item.Attempts -ge $this.Limit) { $result.Dead.Add($item.Id); $this.Journal.Add("$item dead after $($item.Attempts): $_") }
                else { $item.Priority = 'Low'; $null = $this.Add($item) }
            }
        }
        return $result
    }
}
$counter = 0
$makeCounter = { param($step) $n = 0; { $n += $step; $n }.GetNewClosure() }
$byTwo = & $makeCounter 2
$handlers = @{
    mail   = { param($w) "sent to $($w.Data.to)" }
    resize = { param($w) if ($w.Attempts -lt 2) { throw 'disk busy' }; "ok at attempt $($w.Attempts)" }
    broken = { throw 'never works' }
    count  = { "counted $(& $byTwo)" }
}
$queue = [WorkQueue]::new()
$mail = [WorkItem]::new('mail', 'High'); $mail.Data.to = 'ops@example.org'
$null = $queue.Add([WorkItem]::new('resize')).Add([WorkItem]::new('broken')).Add($mail).Add([WorkItem]::new('fax', 'Low'))
$null = 1..2 | ForEach-Object { $queue.Add([WorkItem]::new('count')) }
"waiting: $($queue.Count())"
$result = $queue.Drain($handlers)
$queue.Journal
"done: $($result.Done -join ','), dead: $($result.Dead -join ',')"
"left $($queue.Count()), next is null: $($null -eq $queue.Next())"
$stack = [Stack[int]]::new([int[]](1, 2, 3)); $stack.Push(9)
"$($stack.Pop()) $($stack.Peek()) $($stack.Count) $($stack.Contains(1))"
$set = [HashSet[string]]::new([StringComparer]::OrdinalIgnoreCase)
'a', 'A', 'b' | ForEach-Object { "$_ added: $($set.Add($_))" }
$set.UnionWith([string[]]('c', 'B')); ($set | Sort-Object) -join ''
$sorted = [SortedDictionary[string, int]]::new(); $sorted['z'] = 1; $sorted['m'] = 2; $sorted.Keys -join ','
$pairs = [List[Tuple[string, int]]]::new(); $pairs.Add([Tuple]::Create('x', 5)); "$($pairs[0].Item1)=$($pairs[0].Item2)"
$linked = [LinkedList[int]]::new(); $null = $linked.AddLast(1); $null = $linked.AddFirst(0); $linked -join ' '
try { $queue.lanes['Nope'] } catch { 'no such lane' }
[WorkItem]$cast = 'mail'; "$cast"
