# SPDX-License-Identifier: MIT
# An asset catalogue: interfaces, inheritance, statics, hidden state, flags, type extensions, script members.
[Flags()] enum Role { None = 0; Web = 1; Db = 2; Cache = 4; Front = 5 }
enum State : byte { Planned = 1; Active = 5; Retired }
class Asset : System.IComparable, System.IEquatable[object] {
    [ValidateNotNullOrEmpty()][string]$Name
    [State]$State = 'Planned'
    hidden [System.Collections.Generic.List[string]]$Log = [System.Collections.Generic.List[string]]::new()
    static [int]$Created = 0
    static hidden [hashtable]$Index = @{}
    Asset([string]$name) { $this.Init($name) }
    hidden [void]Init([string]$name) { $this.Name = $name; [Asset]::Created++; [Asset]::Index[$name] = $this }
    [Asset]Note([string]$text) { $this.Log.Add($text); return $this }
    [string[]]Notes() { return $this.Log }
    [int]CompareTo([object]$other) { return [string]::CompareOrdinal($this.Name, ([Asset]$other).Name) }
    [bool]Equals([object]$other) { return $other -is [Asset] -and $other.Name -eq $this.Name }
    [int]GetHashCode() { return $this.Name.GetHashCode() }
    [string]Kind() { return $this.GetType().Name.ToLower() }
    [string]ToString() { return "$($this.Kind()) $($this.Name)" }
    static [Asset]Find([string]$name) { return [Asset]::Index[$name] }
}
class Server : Asset {
    [Role]$Roles
    [ipaddress]$Address
    Server([string]$name, [string]$address) : base($name) { $this.Address = $address }
    Server([string]$name) : base($name) { $this.Address = [ipaddress]::Loopback }
    [string]ToString() { return "$(([Asset]$this).Name)@$($this.Address)" }
}
class Appliance : Server {
    [int]$Slots
    Appliance([string]$name, [int]$slots) : base($name, '192.0.2.9') { $this.Slots = $slots }
    [string]Kind() { return 'box' + '!' * $this.Slots }
}
$web = [Server]::new('web1', '192.0.2.10'); $web.Roles = 'Web, Cache'
$db = [Server]::new('db1'); $db.Roles = [Role]::Db; $db.State = 5
$box = [Appliance]::new('lb', 3)
$fleet = $web, $db, $box, [Asset]::new('ups')
($web, $db | Sort-Object | ForEach-Object { "$_" }) -join ', '
"$($fleet[3]); created $([Asset]::Created); found $([Asset]::Find('db1'))"
$web.Roles; [int]$web.Roles; [Role]5; $web.Roles.HasFlag([Role]::Db); $web.Roles -band 'Cache'; ([Role]'Db' -bor 'Web').ToString()
$web.State.value__; [State]::Retired -as [int]; [State]'active' -eq 5; [enum]::IsDefined([State], 'Gone'); $db.State -gt 'Planned'
[enum]::GetValues([State]) -join ' '; ($db.State).ToString('d'), ('{0:d}' -f $db.State) -join ' ' 
$null = $web.Note('racked').Note('cabled'); $web.Notes() -join ' + '
$web -eq [Server]::new('web1'); $web -lt $db; $web.Equals('web1')
$box | Format-List
$fleet[0..1] | Format-Table
($box | Get-Member -MemberType Method | ForEach-Object Name | Sort-Object -Unique) -join ' '
$box -is [Asset]; [Appliance].BaseType.BaseType.Name; $box.psobject.TypeNames -join ' > '
foreach ($try in { $web.Name = '' }, { $web.State = 'Lost' }, { $web.State = 9 }, { $web.Address = 'not an address' }, { [Server]::new() }, { [Asset]'x' -as [Server] }, { $web.Missing() }, { $web.Missing = 1 }) {
    try { $r = & $try; "no error: [$r]" } catch { $_.Exception.Message }
}
Update-TypeData -TypeName Asset -MemberType ScriptProperty -MemberName Short -Value { $this.Name.Substring(0, 2) } -Force
Update-TypeData -TypeName Server -MemberType AliasProperty -MemberName Ip -Value Address -Force
Update-TypeData -TypeName Server -DefaultDisplayPropertySet Name, Ip, Short -Force
"$($web.Short) $($web.Ip)"
$web
$extra = [pscustomobject]@{ PSTypeName = 'Ops.Ticket'; Id = 7; Hours = 1.5 }
$extra | Add-Member -MemberType ScriptMethod -Name Bill -Value { param($rate = 10) $this.Hours * $rate }
$extra | Add-Member ScriptProperty Late { $this.Hours -gt 1 } { param($v) $this.Hours = if ($v) { 9 } else { 0 } }
$extra | Add-Member -NotePropertyMembers @{ Owner = 'ann' } -PassThru | Add-Member AliasProperty Number Id
"$($extra.Bill()) $($extra.Bill(4)) $($extra.Late) $($extra.Number) $($extra.Owner)"
$extra.Late = $false; "$($extra.Hours) $($extra.Late)"
$extra | Format-List
($extra.psobject.Members.Where{ $_.MemberType -like 'Script*' }.Name | Sort-Object) -join ','
$extra.psobject.Methods['Bill'].Invoke(5); $extra.psobject.Methods.Name -contains 'Bill'; $web.psobject.Methods.Name -contains 'Note'
$extra.psobject.Properties | ForEach-Object { "$($_.Name):$($_.MemberType):$($_.TypeNameOfValue)" }
$extra.psobject.Properties.Remove('Owner'); $null -eq $extra.Owner
$copy = $extra.psobject.Copy(); $copy.Id = 8; "$($extra.Id) $($copy.Id) $($copy.Bill(1))"
"$extra"
